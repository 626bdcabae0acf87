"""Read catalogues: each entry checked against its type, so that errors name the file and key."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmbench.checks import checked, read_yaml
from mmbench.config.datasets.entries import BaseEntry, DatasetEntry, DerivedEntry
from mmbench.config.datasets.packings import PACKINGS, BasePacking
from mmbench.config.datasets.resolving import resolved
from mmbench.errors import InputError, unknown


def load_datasets(paths: Sequence[Path]) -> dict[str, DatasetEntry]:
    """Return the entries of one or several catalogues, checked and resolved.

    Raises:
        InputError: an unknown key or base, a wrong value, a circular `base`, or a name that
            two files share.
    """
    written: dict[str, BaseEntry | DerivedEntry] = {}
    where: dict[str, str] = {}
    for path in paths:
        for name, value in read_yaml(path).items():
            if name in written:
                raise InputError(f"{path}: {name}: stands in {where[name]} already")
            where[name] = f"{path}: {name}"
            written[name] = _read_entry(name, value, where[name])
    return {name: resolved(name, written, where) for name in written}


def _read_entry(name: str, value: Any, where: str) -> BaseEntry | DerivedEntry:
    # YAML reads 3 and yes as no text
    if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]*", name)):
        raise InputError(f"{where}: expected a name of lower-case letters, digits and hyphens")
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a mapping of keys, got {type(value).__name__}")
    if "base" in value:
        return checked(DerivedEntry, value, where=where)
    if isinstance(value.get("sources"), list):
        packings = [
            _read_packing(packing, f"{where}: sources: {position}")
            for position, packing in enumerate(value["sources"])
        ]
        value = {**value, "sources": packings}
    return checked(BaseEntry, value, where=where)


def _read_packing(value: Any, where: str) -> BasePacking:
    """Read a packing as the type that its loader has, so that errors speak of that type."""
    if not isinstance(value, dict) or "loader" not in value:
        raise InputError(f"{where}: expected a mapping with a key 'loader'")
    loader = str(value["loader"])
    if loader not in PACKINGS:
        raise unknown("loader", loader, PACKINGS, where=where)
    return checked(PACKINGS[loader], value, where=where)
