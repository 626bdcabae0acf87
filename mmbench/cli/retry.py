"""Clear runs that ended with a status, so that Snakemake plans them again.

Seeds of the same block that ended well are kept and not trained again. With data_unavailable, the
status of the data set is cleared as well.

Example:
    mmbench retry --status timed_out
"""

import argparse
from collections import Counter

from mmbench.cli.common import add_options, print_rows
from mmbench.errors import unknown
from mmbench.files import PROCESSED, RAW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", required=True, help="which runs to clear")
    add_options(parser, "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.datasets import clear_unavailable
    from mmbench.runs import STATUSES, RunStore, format_seeds, read_records
    from mmbench.training import reset_block

    failures = [status for status in STATUSES if status != "ok"]
    if arguments.status not in failures:
        raise unknown("status", arguments.status, failures, where="retry: --status")
    rows = []
    store = RunStore()
    for block in store.blocks():
        statuses = Counter(record.status for record in read_records(store.folder(block)))
        if not statuses[arguments.status]:
            continue
        reset_block(store.folder(block))
        counts = (statuses[arguments.status], statuses["ok"])
        rows.append((block.dataset, block.method, format_seeds(block.seeds), *counts))
    if arguments.status == "data_unavailable":
        rows += [(name, "", "", 0, 0) for name in clear_unavailable(RAW, PROCESSED)]
    head = ("dataset", "method", "seeds", "cleared", "kept")
    print_rows([dict(zip(head, row, strict=True)) for row in rows], as_json=arguments.json)
