"""Train a sample of the stored runs again, and compare the results.

The verdicts are identical (the same bits), same partition (numbered differently), within tolerance
(ACC, NMI and ARI each within 0.01) and different, which makes the exit status 1. Stored results are
not changed. Runs whose source or data have changed since, and runs of modules that the benchmark's
catalogues do not name, are counted and left out. The sample is drawn with --seed-of-sample, and the
same value draws the same sample.

Example:
    mmbench verify --sample 5 --benchmark default
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmbench.cli.common import add_options, format_counts, print_json, print_rows
from mmbench.errors import InputError

if TYPE_CHECKING:
    from mmbench.runs import SeedBlock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, metavar="FILE", help="only runs of this benchmark")
    which.add_argument("--benchmark", metavar="NAME", help="only runs in results/NAME")
    which.add_argument("--files", action="store_true", help="compare files with dvc.lock instead")
    parser.add_argument("--sample", type=int, default=5, metavar="N", help="runs (default: 5)")
    parser.add_argument("--seed-of-sample", type=int, default=0, metavar="N", help="default: 0")
    add_options(parser, "json")


def run(arguments: argparse.Namespace) -> int:
    if arguments.files:
        return _verify_files(arguments.json)
    from mmbench.exchange.verify import draw, repeatable_runs, verify

    if arguments.sample < 1:
        raise InputError(f"verify: --sample: expected at least 1, got {arguments.sample}")
    runs, left_out = repeatable_runs(*_stored_blocks(arguments))
    chosen = draw(runs, arguments.sample, seed=arguments.seed_of_sample)
    if not chosen:
        reasons = format_counts(left_out) or "none is stored"
        raise InputError(f"verify: expected stored runs that can be trained again: {reasons}")
    verdicts = []
    for number, run in enumerate(chosen, start=1):
        name = f"{run.block.method} on {run.block.dataset}, seed {run.record.seed}"
        print(f"{number}/{len(chosen)} {name}", file=sys.stderr)
        verdicts.append(asdict(verify(run)))
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    if arguments.json:
        sample = {"seed_of_sample": arguments.seed_of_sample, "could_be_verified": len(runs)}
        print_json({**sample, "left_out": left_out, "verdicts": verdicts})
    else:
        print_rows([_row(verdict) for verdict in verdicts])
        drawn = f"{len(chosen)} of {len(runs)} runs, drawn by --seed-of-sample"
        print(f"\n{drawn} {arguments.seed_of_sample}: {format_counts(counts)}")
        for why, n in left_out.items():
            print(f"left out: {n} {why}")
    return int("different" in counts)


def _verify_files(as_json: bool) -> int:
    from mmbench.exchange.dvc import LOCK, compare_files

    n_files, faults = compare_files()
    rows = [{"file": path, "fault": fault} for path, fault in faults.items()]
    if rows or as_json:
        print_rows(rows, as_json=as_json)
    if not as_json:
        print(f"{LOCK}: {len(faults)} of {n_files} files are not as recorded")
    return int(bool(faults))


def _stored_blocks(arguments: argparse.Namespace) -> "tuple[Iterable[SeedBlock], set[str]]":
    """Return the stored blocks of a config, of a folder of results, or all; and known modules."""
    from mmbench.exchange.verify import blocks_of_benchmark
    from mmbench.plan import Jobs
    from mmbench.runs import RunStore

    jobs = Jobs.read(arguments.config or Path("config/config.yaml"))
    modules = {entry.uses for entry in jobs.plan.methods.values()}
    if arguments.config:
        return [block for block in jobs.all_blocks if jobs.store.has(block)], modules
    if arguments.benchmark:
        return blocks_of_benchmark(Path("results", arguments.benchmark)), modules
    return RunStore().blocks(), modules


def _row(verdict: dict[str, Any]) -> dict[str, Any]:
    row = {key: verdict[key] for key in ("dataset", "method", "seed", "verdict")}
    for metric in ("acc", "nmi", "ari"):
        change = verdict["differences"].get(metric)
        row[f"{metric} change"] = None if change is None else f"{change:+.4f}"
    return {**row, "note": verdict["note"]}
