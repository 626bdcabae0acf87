"""Record what a benchmark made, and bring it back: `mmbench snapshot` and `mmbench restore`."""

import argparse
from dataclasses import asdict
from pathlib import Path

from mmbench.cli.common import PROCESSED, Commands, add_command, add_json, print_json
from mmbench.config import read_benchmark

_DEFAULT_CONFIG = Path("config/config.yaml")


def add_commands(commands: Commands) -> None:
    """Declare snapshot and restore."""
    snapshot_ = add_command(commands, snapshot, name="snapshot", example="mmbench snapshot")
    _add_config(snapshot_)
    snapshot_.add_argument("--check", action="store_true", help="only check, record nothing")
    add_json(snapshot_)

    restore_ = add_command(
        commands, restore, name="restore", example="mmbench restore --remote origin"
    )
    _add_config(restore_)
    restore_.add_argument("--remote", metavar="NAME", help="of DVC (default: its default remote)")
    restore_.add_argument(
        "--force", action="store_true", help="remove runs here that were never recorded"
    )
    add_json(restore_)


def snapshot(arguments: argparse.Namespace) -> None:
    """Record in dvc.lock what a finished benchmark made: data, runs, scores, page.

    First it checks: every file is there and readable, checksums hold, every run is of today's
    parameters and source, and Snakemake has nothing to do. Nothing is trained for that. Then
    `dvc commit` takes the files into DVC's cache; `dvc push` brings them to a remote. The
    manifest of the benchmark is written as well, for `mmbench verify --files`.
    """
    from mmbench.exchange import snapshots
    from mmbench.exchange.manifest import write_manifest
    from mmbench.plan import Jobs, Plan

    if arguments.check:
        jobs = snapshots.check(arguments.config)
        told = {"checked": jobs.plan.benchmark.name, "blocks": len(jobs.all_blocks)}
        if arguments.json:
            print_json(told)
        else:
            print(f"{told['checked']}: complete and current, {told['blocks']} blocks of runs")
        return
    made = snapshots.snapshot(arguments.config)
    jobs = Jobs(Plan(read_benchmark(arguments.config), where=str(arguments.config)))
    manifest = write_manifest(jobs, processed=PROCESSED)
    if arguments.json:
        print_json({**asdict(made), "manifest": str(manifest)})
        return
    print(f"recorded in dvc.lock: {', '.join(made.stages)} ({made.n_runs} blocks of runs)")
    print("to keep it: git add dvc.lock results && git commit; to share it: dvc push && git push")


def restore(arguments: argparse.Namespace) -> None:
    """Bring back what dvc.lock records, so that Snakemake runs only what has changed since.

    The files come by `dvc pull` and are held against their checksums. What today's config or
    source would not make is removed from here (DVC's cache keeps it); for the rest Snakemake
    records that it is up to date.
    """
    from mmbench.exchange import snapshots

    done = snapshots.restore(arguments.config, remote=arguments.remote, force=arguments.force)
    if arguments.json:
        print_json(asdict(done))
        return
    print(f"restored and checked: {done.n_files} files")
    for reason in done.set_aside:
        print(f"to be made again: {reason}")
    jobs = ", ".join(f"{rule} ({n})" for rule, n in done.to_run.items())
    print(f"snakemake would run: {jobs}" if jobs else "nothing is left to be done")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        "--configfile",
        type=Path,
        default=_DEFAULT_CONFIG,
        metavar="FILE",
        help="the benchmark (default: config/config.yaml)",
    )
