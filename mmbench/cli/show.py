"""Print the leaderboard of a benchmark that has been run.

Without its runs, as in a fresh clone, this is the leaderboard as it was recorded.

Example:
    mmbench show default
"""

import argparse
import sys
from pathlib import Path

from mmbench.cli.common import add_options, print_json
from mmbench.errors import InputError
from mmbench.files import PROCESSED

_NOT_FAILED = ("ok", "not_applicable", "data_unavailable")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("benchmark", nargs="?", default="default", help="name (default: default)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a seed failed")
    add_options(parser, "json")


def run(arguments: argparse.Namespace) -> int:
    from mmbench.checks import checked
    from mmbench.files import read_csv, read_json
    from mmbench.reporting import ReportSpec, leaderboard_text

    results = Path("results", arguments.benchmark)
    tables = results / "tables"
    spec = checked(ReportSpec, read_json(results / "benchmark.json"), where=str(results))
    records = [results / "records" / f"{dataset.name}.csv" for dataset in spec.datasets]
    recorded = tables / "leaderboard.md"
    if any(record.is_file() for record in records) or not recorded.is_file():
        # this also checks that every configured method has its runs
        text = leaderboard_text(spec, results=results, cards=PROCESSED)
    elif arguments.check:
        raise InputError(f"show: --check: {results / 'records'}: expected the runs, found none")
    else:
        text = "The runs are not here; this is the leaderboard as it was recorded with them.\n\n"
        text += recorded.read_text(encoding="utf-8")
    if arguments.json:
        print_json(read_csv(tables / "leaderboard.csv"))
    else:
        print(text)
        print(f"tables: {tables}   figures: {results / 'figures'}")
        page = results / "report" / "index.html"
        if page.is_file():
            print(f"page, to open in a browser: {page}")
    if not arguments.check:
        return 0
    failed = [
        "{dataset}, {method}, seed {seed}: {status} {reason}".format(**row)
        for record in records
        for row in read_csv(record)
        if row["status"] not in _NOT_FAILED
    ]
    if failed:
        first = "; ".join(failed[:3])
        print(f"mmbench: {results}: {len(failed)} seeds failed: {first}", file=sys.stderr)
    return int(bool(failed))
