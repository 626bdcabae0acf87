"""Record in dvc.lock what a finished benchmark made: data, runs, scores, page.

The files are checked first: each exists and is readable, checksums hold, every run has the
parameters and the source of today, and Snakemake has nothing to do. Nothing is trained. Then
`dvc commit` takes the files into DVC's cache; `dvc push` copies them to a remote. `mmbench verify
--files` compares the files with dvc.lock.

Example:
    mmbench snapshot
"""

import argparse

from mmbench.cli.common import add_options, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only check, record nothing")
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange.snapshot import check, snapshot

    if arguments.check:
        jobs = check(arguments.config)
        name, n_blocks = jobs.plan.benchmark.name, len(jobs.all_blocks)
        if arguments.json:
            print_json({"checked": name, "blocks": n_blocks})
        else:
            print(f"{name}: complete and current, {n_blocks} blocks of runs")
        return
    jobs, stages = snapshot(arguments.config)
    n_blocks = len(jobs.all_blocks)
    if arguments.json:
        print_json({"stages": stages, "n_runs": n_blocks})
        return
    print(f"recorded in dvc.lock: {', '.join(stages)} ({n_blocks} blocks of runs)")
    print("to keep it: git add dvc.lock results && git commit; to share it: dvc push && git push")
