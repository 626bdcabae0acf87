"""Record in dvc.lock what a finished benchmark made: data, runs, scores, page.

The files are checked first: each exists and is readable, checksums hold, every run has the
parameters and the source of today, and Snakemake has nothing to do. Nothing is trained. Then
`dvc commit` takes the files into DVC's cache; `dvc push` copies them to a remote. The manifest of
the benchmark is written as well, for `mmbench verify --files`.

Example:
    mmbench snapshot
"""

import argparse
from dataclasses import asdict

from mmbench.cli.common import PROCESSED, add_options, print_json, read_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only check, record nothing")
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange import snapshots
    from mmbench.exchange.manifest import write_manifest

    if arguments.check:
        jobs = snapshots.check(arguments.config)
        name, n_blocks = jobs.plan.benchmark.name, len(jobs.all_blocks)
        if arguments.json:
            print_json({"checked": name, "blocks": n_blocks})
        else:
            print(f"{name}: complete and current, {n_blocks} blocks of runs")
        return
    made = snapshots.snapshot(arguments.config)
    manifest = write_manifest(read_jobs(arguments.config), processed=PROCESSED)
    if arguments.json:
        print_json({**asdict(made), "manifest": str(manifest)})
        return
    print(f"recorded in dvc.lock: {', '.join(made.stages)} ({made.n_runs} blocks of runs)")
    print("to keep it: git add dvc.lock results && git commit; to share it: dvc push && git push")
