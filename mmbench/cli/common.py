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
    from mmbench.plan import Jobs

RAW = Path("data/raw")  # where rules put fetched files
PROCESSED = Path("data/processed")  # and prepared data sets


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Declare options that several commands have.

    Args:
        parser: the parser of the command.
        names: of catalogue, config, json, methods and mirror.
    """
    files = {"nargs": "+", "type": Path, "metavar": "FILE"}
    options: dict[str, dict[str, Any]] = {
        "catalogue": {
            **files,
            "default": [Path("config/datasets.yaml")],
            "help": "catalogues of data sets (default: config/datasets.yaml)",
        },
        "config": {
            "type": Path,
            "default": Path("config/config.yaml"),
            "metavar": "FILE",
            "help": "the benchmark (default: config/config.yaml)",
        },
        "json": {"action": "store_true", "help": "print JSON instead of a table"},
        "methods": {
            **files,
            "default": [Path("config/methods.yaml")],
            "help": "catalogues of methods (default: config/methods.yaml)",
        },
        "mirror": {
            "type": Path,
            "default": os.environ.get("MMBENCH_MIRROR") or None,
            "metavar": "DIR",
            "help": "folder to look for data files in first (default: $MMBENCH_MIRROR)",
        },
    }
    for name in names:
        aliases = ["--configfile"] if name == "config" else []  # as Snakemake calls it
        parser.add_argument(f"--{name}", *aliases, **options[name])


def json_argument(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object of an argument: JSON itself, or `@PATH` of a file that holds it.

    A file serves for objects of more than 100 kB, since Linux limits one argument to 128 KiB.

    Args:
        text: the argument.
        where: its command and name, to begin error messages with.

    Raises:
        InputError: the text or the file is not a JSON object.
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


def read_jobs(config: Path) -> "Jobs":
    """Return the jobs of the benchmark in a file.

    Raises:
        InputError: the file is wrong.
    """
    from mmbench.plan import Jobs

    return Jobs.read(config)


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
