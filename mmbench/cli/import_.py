"""Add assignments that were made elsewhere as a row of the tables, marked as imported.

FILE is a .csv with the columns `sample` (as in samples.csv) or `source_row` (of the original file,
from 0), `cluster`, and `seed` if there are several runs; or an .npz with y_pred, or seed_0, seed_1,
…, and --order. The method needs an entry with `uses: imported`.

Example:
    mmbench import theirs.csv --method their-method --dataset handwritten-2view
"""

import argparse
from pathlib import Path

from mmbench.cli.common import add_options, print_rows, warn_of_snakemake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a .csv or an .npz")
    parser.add_argument("--method", required=True, help="an entry with uses: imported")
    parser.add_argument("--dataset", required=True, help="a name from the catalogue")
    parser.add_argument("--seed", type=int, help="of the run, if FILE has no seeds (default: 0)")
    parser.add_argument(
        "--order",
        choices=["source", "stored"],
        help="of an .npz: as in the original file, or as in samples.csv (no default)",
    )
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange.imports import import_runs
    from mmbench.exchange.workflow import forget
    from mmbench.plan import Jobs
    from mmbench.runs import RunStore

    blocks = import_runs(
        arguments.file,
        Jobs.read(arguments.config).plan,
        method=arguments.method,
        dataset=arguments.dataset,
        seed=arguments.seed,
        order=arguments.order,
    )
    warn_of_snakemake(forget(blocks, config=arguments.config))
    if not blocks and not arguments.json:
        print("nothing is new: the same assignments were imported before")
        return
    rows = [
        {"dataset": b.dataset, "method": b.method, "stored": str(RunStore().folder(b))}
        for b in blocks
    ]
    print_rows(rows, as_json=arguments.json)
