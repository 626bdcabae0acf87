"""Clear runs that ended with a status, so that Snakemake plans them again.

Seeds of the same block that ended well are kept and not trained again. With data_unavailable, the
status of the data set is cleared as well.

Example:
    mmbench retry --status timed_out
"""

import argparse
from collections import Counter

from mmbench.cli.common import PROCESSED, RAW, add_options, print_rows
from mmbench.errors import unknown


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
        rows.append(
            {
                "dataset": block.dataset,
                "method": block.method,
                "seeds": format_seeds(block.seeds),
                "cleared": statuses[arguments.status],
                "kept": statuses["ok"],
            }
        )
    if arguments.status == "data_unavailable":
        for name in clear_unavailable(RAW, PROCESSED):
            rows.append({"dataset": name, "method": "", "seeds": "", "cleared": 0, "kept": 0})
    print_rows(rows, as_json=arguments.json)
