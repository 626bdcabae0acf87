"""Add the runs of another machine; tables mark them with its name.

Runs of other data, of another format version or of another source of their method are refused, and
then nothing is written. A stored run is never replaced: a different run of the same seed is listed
as a conflict, and the exit status is 1.

Example:
    mmbench merge ../from-node7 --from node7
"""

import argparse
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from mmbench.cli.common import add_options, print_json, print_rows, warn_of_snakemake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="laid out as results/runs")
    parser.add_argument(
        "--from", default="", dest="origin", metavar="NAME", help="the machine (default: its name)"
    )
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> int:
    from mmbench.exchange.merge import merge
    from mmbench.exchange.workflow import mark_current
    from mmbench.plan import Jobs

    jobs = Jobs.read(arguments.config)
    merged, blocks = merge(arguments.folder, jobs.plan, origin=arguments.origin)
    planned = set(jobs.all_blocks)
    known = [block for block in blocks if block in planned]
    warn_of_snakemake(mark_current(known, config=arguments.config))
    rows = [asdict(run) for run in merged]
    conflicts = [row for row in rows if row["verdict"] == "conflict"]
    if arguments.json:
        print_json(rows)
    elif conflicts:
        print_rows(conflicts)
    else:
        head = ("dataset", "method", "params_hash", "verdict", "seeds")
        counts = Counter(tuple(row[key] for key in head[:-1]) for row in rows)
        print_rows([dict(zip(head, (*cell, n), strict=True)) for cell, n in counts.items()])
    if len(known) < len(blocks) and not arguments.json:
        n_unknown = len(blocks) - len(known)
        print(f"{n_unknown} blocks have parameters that {arguments.config} lacks")
    return int(bool(conflicts))
