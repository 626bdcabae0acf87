"""Make the tables, figures and page of a benchmark from its scores.

Example:
    mmbench report "$(mmbench plan --spec --config config/smoke.yaml)"
"""

import argparse
from pathlib import Path

from mmbench.cli.common import json_argument
from mmbench.files import PROCESSED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="JSON", help="the benchmark: data sets, methods, seeds")
    parser.add_argument("--results", type=Path, metavar="DIR", help="default: results/{name}")
    parser.add_argument("--cards", type=Path, default=PROCESSED, metavar="DIR")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.checks import checked
    from mmbench.files import write_json
    from mmbench.reporting import ReportSpec, report

    payload = json_argument(arguments.spec, "report")
    spec = checked(ReportSpec, payload, where="report")
    results = arguments.results or Path("results", spec.name)
    report(spec, results=results, cards=arguments.cards)
    write_json(results / "benchmark.json", payload)  # read by `mmbench show`
