"""Show what a benchmark would run, and estimate the time from earlier runs.

Example:
    mmbench plan --config config/smoke.yaml
"""

import argparse
from dataclasses import asdict

from mmbench.cli.common import add_options, print_json, print_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", action="store_true", help="print the input of `mmbench report`")
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.plan import Jobs, forecast, report_spec

    jobs = Jobs.read(arguments.config)
    if arguments.spec:
        print_json(report_spec(jobs.plan))
        return
    rows = [asdict(cell) for cell in forecast(jobs)]
    print_rows(rows, as_json=arguments.json)
    if arguments.json:
        return
    seeds = sum(row["seeds_to_run"] for row in rows)
    minutes = sum(row["minutes"] or 0 for row in rows)
    unmeasured = sum(row["seeds_to_run"] for row in rows if row["minutes"] is None)
    print(f"\n{seeds} seeds to train, about {minutes:.1f} minutes on one core or device", end="")
    print(f", and {unmeasured} seeds whose method was never measured here" if unmeasured else "")
