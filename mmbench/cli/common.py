"""What the commands share: how they are declared, and how they print rows."""

import argparse
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
            default=os.environ.get("MMBENCH_CATALOGUE", "config/datasets.yaml").split(os.pathsep),
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
