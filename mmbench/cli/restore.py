"""Restore the files that dvc.lock records, so that Snakemake runs only what has changed since.

`dvc pull` brings the files, and their checksums are verified. Files that the config or source of
today would not make are removed here (DVC's cache keeps them); Snakemake records the others as up
to date.

Example:
    mmbench restore --remote origin
"""

import argparse
from dataclasses import asdict

from mmbench.cli.common import add_options, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--remote", metavar="NAME", help="of DVC (default: its default remote)")
    parser.add_argument(
        "--force", action="store_true", help="remove local runs that were never recorded"
    )
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange.restore import restore
    from mmbench.exchange.workflow import format_jobs

    done = restore(arguments.config, remote=arguments.remote, force=arguments.force)
    if arguments.json:
        print_json(asdict(done))
        return
    print(f"restored and checked: {done.n_files} files")
    for reason in done.set_aside:
        print(f"to be made again: {reason}")
    jobs = format_jobs(done.to_run)
    print(f"snakemake would run: {jobs}" if jobs else "nothing is left to do")
