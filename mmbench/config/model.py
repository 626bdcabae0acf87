"""What the models of `config/` share: their base class, names, and how catalogues are read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from mmbench.checks import read_yaml
from mmbench.errors import InputError

# A name is a folder and a wildcard of Snakemake: no slash, dot or comma.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class StrictModel(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def as_list(value: Any) -> Any:
    """Return a list of one for a single value, and a list as it is."""
    return value if isinstance(value, list | tuple) else [value]


def catalogue_entries(paths: Sequence[Path]) -> Iterator[tuple[Any, dict[str, Any], str]]:
    """Yield name, keys and place (for messages) of every entry of some YAML files.

    Raises:
        InputError: a file cannot be read, an entry is not a mapping, or two files have an entry
            of the same name.
    """
    places: dict[Any, str] = {}
    for path in paths:
        for name, entry in read_yaml(path).items():
            if name in places:
                raise InputError(f"{path}: {name!r} is already in {places[name]}")
            places[name] = str(path)
            if not isinstance(entry, dict):
                raise InputError(f"{path}: {name}: expected a mapping of keys, got {entry!r}")
            yield name, entry, f"{path}: {name}"
