"""What commands share: options, the values of arguments, and printed tables."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmbench.errors import InputError, unknown

if TYPE_CHECKING:
    from mmbench.config import DatasetEntry


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Declare options that several commands have: catalogue, methods, config, mirror and json."""
    add = parser.add_argument
    for option, kind in (("catalogue", "datasets"), ("methods", "methods")):
        if option in names:
            path = Path(f"config/{kind}.yaml")
            text = f"catalogues of {kind} (default: {path})"
            add(f"--{option}", nargs="+", type=Path, default=[path], metavar="FILE", help=text)
    if "config" in names:
        path = Path("config/config.yaml")
        text = f"the benchmark (default: {path})"
        add("--config", "--configfile", type=Path, default=path, metavar="FILE", help=text)
    if "mirror" in names:
        mirror = os.environ.get("MMBENCH_MIRROR") or None
        text = "folder to look for data files in first (default: $MMBENCH_MIRROR)"
        add("--mirror", type=Path, default=mirror, metavar="DIR", help=text)
    if "json" in names:
        add("--json", action="store_true", help="print JSON instead of a table")


def json_argument(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object of an argument: JSON itself, or `@PATH` of a file that holds it.

    A file serves for objects of more than 100 kB, since Linux limits one argument to 128 KiB.

    Raises:
        InputError: the text or the file is not a JSON object; the message begins with `where`.
    """
    from mmbench.files import read_json

    if text.startswith("@"):
        value = read_json(Path(text[1:]))
    else:
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: expected JSON, but {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def dataset_arguments(texts: Sequence[str], catalogues: Sequence[Path]) -> "list[DatasetEntry]":
    """Return the entries that arguments stand for: each is a name or the entry as JSON.

    The catalogues are read only where there is a name.

    Raises:
        InputError: a name is unknown, or an entry is wrong.
    """
    from mmbench.checks import checked
    from mmbench.config import DatasetEntry, read_datasets

    known: dict[str, DatasetEntry] = {}
    entries = []
    for text in texts:
        if text.startswith(("{", "@")):
            value = json_argument(text, "data set")
            entries.append(checked(DatasetEntry, value, where="data set"))
            continue
        known = known or read_datasets(catalogues)
        if text not in known:
            raise unknown("data set", text, known, where=", ".join(map(str, catalogues)))
        entries.append(known[text])
    return entries


def warn_of_snakemake(reason: str) -> None:
    """Print why Snakemake has no record of stored runs, if there is a reason."""
    if reason:
        print(f"mmbench: stored, but Snakemake has no record of it: {reason}", file=sys.stderr)


def format_counts(counts: Mapping[Any, int]) -> str:
    """Return counts as text: `2 identical, 1 different`."""
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool = False) -> None:
    """Print rows as an aligned table with the keys of the first as its head, or as JSON."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        print("(none)")
        return
    keys = list(rows[0])
    lines = [keys, *([_cell(row[key]) for key in keys] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
