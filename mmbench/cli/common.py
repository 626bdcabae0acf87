"""What the commands share: how they are declared, read their arguments, and print rows."""

import argparse
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmbench.checks import checked
from mmbench.config import DatasetEntry, read_datasets
from mmbench.errors import InputError, unknown
from mmbench.files import read_json

RAW = Path("data/raw")  # where rules put fetched files
PROCESSED = Path("data/processed")  # and prepared data sets

Commands = Any  # argparse keeps the type of `add_subparsers` to itself


def add_command(
    commands: Commands,
    run: Callable[[argparse.Namespace], int | None],
    *,
    name: str,
    example: str,
) -> argparse.ArgumentParser:
    """Declare a command; the docstring of `run` is its help, with an example below it.

    Args:
        commands: where to add it.
        run: what it does with the parsed arguments; it may return an exit status.
        name: as typed.
        example: a line that can be pasted into a terminal.
    """
    summary, _, more = (inspect.getdoc(run) or "").partition("\n")
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=f"{summary}\n{more}".strip(),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_catalogues(parser: argparse.ArgumentParser, *, datasets: bool, methods: bool) -> None:
    """Declare where the catalogues are, for those who keep their own beside the project's."""
    if datasets:
        parser.add_argument(
            "--catalogue",
            nargs="+",
            default=["config/datasets.yaml"],
            metavar="FILE",
            help="catalogues of data sets (default: config/datasets.yaml)",
        )
    if methods:
        parser.add_argument(
            "--methods",
            nargs="+",
            default=["config/methods.yaml"],
            metavar="FILE",
            help="catalogues of methods (default: config/methods.yaml)",
        )


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Declare `--mirror`; the variable MMBENCH_MIRROR is its default."""
    parser.add_argument(
        "--mirror",
        type=Path,
        default=os.environ.get("MMBENCH_MIRROR") or None,
        metavar="DIR",
        help="folder to look for data files in first (default: $MMBENCH_MIRROR)",
    )


def json_argument(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object of an argument: JSON itself, or `@PATH` of a file that holds it.

    A file serves for objects of more than 100 kB, since Linux limits one argument to 128 KiB.

    Args:
        text: the argument.
        where: its command and name, to begin error messages with.

    Raises:
        InputError: the text or the file is not a JSON object.
    """
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


def dataset_arguments(texts: Sequence[str], catalogues: Sequence[str]) -> list[DatasetEntry]:
    """Return the entries that arguments stand for: each is a name or the entry as JSON.

    The catalogues are read only where there is a name.

    Raises:
        InputError: a name is unknown, or an entry is wrong.
    """
    known: dict[str, DatasetEntry] = {}
    entries = []
    for text in texts:
        if text.startswith(("{", "@")):
            value = json_argument(text, "data set")
            entries.append(checked(DatasetEntry, value, where="data set"))
            continue
        known = known or read_datasets([Path(path) for path in catalogues])
        if text not in known:
            raise unknown("data set", text, known, where=", ".join(catalogues))
        entries.append(known[text])
    return entries


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
    cells = [keys, *([_cell(row[key]) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    for line in cells:
        print(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        )


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
