"""Check what people wrote: YAML files and values against types, with errors of one line."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from mmbench.errors import InputError, unknown

T = TypeVar("T")

# pydantic's phrases, in the words of the other messages
_WORDS = {
    "input should be": "expected",
    "string should match pattern": "expected text that matches",
    "tuple should have at least 1 item after validation, not 0": "expected at least one value",
    "dictionary should have at least 1 item after validation, not 0": "expected at least one key",
}


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file; keys that stand twice are an error.

    Raises:
        InputError: the file is missing, is not YAML, is not a mapping, or repeats a key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: expected a YAML file, found none") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected UTF-8, but {error.reason} at byte {error.start}"
        ) from None
    try:
        value = yaml.load(text, Loader=_UniqueKeys)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InputError(f"{path}, line {line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        # a character that YAML has not, a date that is none, a list for a key
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected YAML, but {reason}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a mapping of keys, got {type(value).__name__}")
    return value


def checked(type_: type[T], value: Any, *, where: str) -> T:
    """Return `value` as an instance of a pydantic model or dataclass.

    Args:
        type_: what it must be.
        value: what came, as YAML or JSON gives it.
        where: the file or entry it stood in, to begin the message with.

    Raises:
        InputError: in one line, the key, what was expected and what came; beside an unknown
            key, the nearest known one.
    """
    try:
        return TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        raise _explained(error, type_, where) from None


def _explained(error: ValidationError, type_: Any, where: str) -> InputError:
    complaints = error.errors(include_url=False)
    misspelt = ("extra_forbidden", "unexpected_keyword_argument")
    # a misspelt key also leaves its right spelling missing: tell of the cause
    complaint = min(complaints, key=lambda c: c["type"] not in misspelt)
    # pydantic adds "[key]" where it is the key that is wrong
    path = [str(part) for part in complaint["loc"] if part != "[key]"]
    kind = complaint["type"]
    if kind in misspelt:
        *above, key = path
        return unknown("key", key, _keys(type_, above), where=": ".join([where, *above]))
    if kind in ("missing", "missing_argument"):
        *above, key = path
        return InputError(f"{': '.join([where, *above])}: expected a key {key!r}, found none")
    message = complaint["msg"].removeprefix("Value error, ")
    if kind != "value_error":  # our own validators say themselves what came
        came = complaint["input"]
        message = f"{message[0].lower()}{message[1:]}, got {came!r}"
        for theirs, ours in _WORDS.items():
            message = message.replace(theirs, ours, 1)
    return InputError(f"{': '.join([where, *path])}: {message}")


def _keys(type_: Any, path: Sequence[str]) -> list[str]:
    """Return the keys that a model or dataclass knows at a path inside it."""
    for part in path:
        fields = getattr(type_, "model_fields", {})
        if part in fields:
            type_ = fields[part].annotation
        # the type of the values of a mapping, or of the members of a list or a union
        while not (isinstance(type_, type) and _is_model(type_)) and hasattr(type_, "__args__"):
            models = [a for a in type_.__args__ if _is_model(a) or hasattr(a, "__args__")]
            if not models:
                return []
            type_ = models[0]
    if dataclasses.is_dataclass(type_):
        return [f.name for f in dataclasses.fields(type_)]
    return list(getattr(type_, "model_fields", {}))


def _is_model(type_: Any) -> bool:
    return isinstance(type_, type) and (
        issubclass(type_, BaseModel) or dataclasses.is_dataclass(type_)
    )


# libyaml reads the catalogues ten times as fast; some builds of PyYAML lack it
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_SafeLoader):  # type: ignore[misc, valid-type]
    """YAML as the safe loader reads it, but a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<` is no key of its own
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
