"""Show what changed between two results: each a folder of results or a commit of git.

For each cell the difference of the means, with Welch's 95 % interval over seeds, the largest first;
then rows that were added or removed, parameters that changed, and seeds with another status.

Example:
    mmbench diff v0.1.0 HEAD
"""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from mmbench.cli.common import add_options, print_json, print_rows
from mmbench.errors import unknown

if TYPE_CHECKING:
    from mmbench.exchange.diff import Change


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for side in ("before", "after"):
        parser.add_argument(side, metavar=side[0].upper(), help="a folder of results, or a commit")
    parser.add_argument("--benchmark", default="default", metavar="NAME", help="default: default")
    parser.add_argument("--metrics", nargs="+", default=["acc", "nmi", "ari"], metavar="METRIC")
    add_options(parser, "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange.diff import METRICS, compare, read_side

    sides = [read_side(name, arguments.benchmark) for name in (arguments.before, arguments.after)]
    known = {*METRICS, *(place.metric for side in sides for place in side.scores)}
    for metric in arguments.metrics:
        if metric not in known:
            raise unknown("metric", metric, known, where="diff: --metrics")
    found = compare(*sides, metrics=arguments.metrics)
    if arguments.json:
        print_json(asdict(found))
        return
    if found.changes:
        print_rows([_row(change) for change in found.changes])
        print()
    print(f"{len(found.changes)} cells changed, {found.same} did not")
    for verb, cells in (("added", found.added), ("removed", found.removed)):
        for dataset, method in cells:
            print(f"{verb}: {method} on {dataset}")
    for what, changed in (("params_hash", found.params_hash), ("seeds", found.statuses)):
        for dataset, method, before, after in changed:
            print(f"{what} of {method} on {dataset}: {before} -> {after}")


def _row(change: "Change") -> dict[str, str]:
    place, known = change.place, change.low is not None
    return {
        "dataset": place.dataset,
        "method": place.method if place.row == "all" else f"{place.method}: {place.row}",
        "metric": place.metric if place.subset == "all" else f"{place.metric}, {place.subset}",
        "before": f"{change.before:.3f}",
        "after": f"{change.after:.3f}",
        "difference": f"{change.difference:+.3f}",
        "95 % interval": f"[{change.low:+.3f}, {change.high:+.3f}]" if known else "one seed",
    }
