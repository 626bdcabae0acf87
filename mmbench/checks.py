"""Validation of YAML files and of values, with error messages of one line."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from mmbench.errors import InputError, unknown

T = TypeVar("T")

# phrases of pydantic, and those of the other messages of mmbench
_PHRASES = {
    "input should be": "expected",
    "string should match pattern": "expected text that matches",
    "tuple should have at least 1 item after validation, not 0": "expected at least one value",
    "dictionary should have at least 1 item after validation, not 0": "expected at least one key",
}


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file.

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
        # an invalid character, an invalid date, a list as a key
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected YAML, but {reason}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a mapping of keys, got {type(value).__name__}")
    return value


def checked(type_: type[T], value: Any, *, where: str) -> T:
    """Return `value` as an instance of a type that pydantic can validate.

    Args:
        type_: a model, a dataclass or another type.
        value: as read from YAML or JSON.
        where: the file or entry that holds the value; the message begins with it.

    Raises:
        InputError: the value is invalid. The message names the key, what was expected and the
            value received; for an unknown key, the most similar known key.
    """
    try:
        return TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        raise _explained(error, type_, where) from None


def _explained(error: ValidationError, type_: Any, where: str) -> InputError:
    unknown_key = ("extra_forbidden", "unexpected_keyword_argument")
    # a misspelt key also leaves the correct one missing: report the cause
    details = min(error.errors(include_url=False), key=lambda e: e["type"] not in unknown_key)
    # pydantic adds "[key]" if the key itself is invalid
    path = [str(part) for part in details["loc"] if part != "[key]"]
    kind = details["type"]
    if kind in unknown_key:
        *above, key = path
        return unknown("key", key, _keys(type_, above), where=": ".join([where, *above]))
    if kind in ("missing", "missing_argument"):
        *above, key = path
        return InputError(f"{': '.join([where, *above])}: expected a key {key!r}, found none")
    message = details["msg"].removeprefix("Value error, ")
    if kind != "value_error":  # the messages of mmbench's validators are complete
        message = f"{message[0].lower()}{message[1:]}, got {details['input']!r}"
        for theirs, ours in _PHRASES.items():
            message = message.replace(theirs, ours, 1)
    return InputError(f"{': '.join([where, *path])}: {message}")


def _keys(type_: Any, path: Sequence[str]) -> list[str]:
    """Return the valid keys at a path inside a model or dataclass."""
    for part in path:
        fields = getattr(type_, "model_fields", {})
        if part in fields:
            type_ = fields[part].annotation
        # the type of a mapping's values, or of the members of a list or a union
        while not _is_model(type_) and hasattr(type_, "__args__"):
            models = (a for a in type_.__args__ if _is_model(a) or hasattr(a, "__args__"))
            type_ = next(models, None)
    if dataclasses.is_dataclass(type_):
        return [f.name for f in dataclasses.fields(type_)]
    return list(getattr(type_, "model_fields", {}))


def _is_model(type_: Any) -> bool:
    return isinstance(type_, type) and (
        issubclass(type_, BaseModel) or dataclasses.is_dataclass(type_)
    )


# libyaml is ten times as fast; some builds of PyYAML lack it
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_SafeLoader):  # type: ignore[misc, valid-type]
    """The safe loader, with an error for a repeated key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<` is not a key
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} occurs twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
