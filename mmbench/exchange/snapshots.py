"""Snapshots: what a benchmark made, recorded by DVC on one machine and restored on another.

Snakemake owns the graph and DVC the bytes. Snakemake knows by its own records, which stay on
the machine, what is up to date; so a restored file counts only after `snakemake --touch`, and
that is let near a file only after the file's own record was held against today's config.
"""

from dataclasses import dataclass, field
from pathlib import Path

from mmbench.config import read_benchmark
from mmbench.errors import InputError
from mmbench.exchange import checks
from mmbench.exchange.checks import Flaw
from mmbench.exchange.tools import (
    cache_advice,
    check_restored,
    declared_stages,
    dvc,
    planned_jobs,
    pull,
    recorded_stages,
    touch,
)
from mmbench.plan import Jobs, Plan

__all__ = ["Restored", "Snapshot", "cache_advice", "check", "restore", "snapshot"]

# these are remade in seconds, but with them a clone has nothing at all to do
_OF_A_BENCHMARK = ("scores", "details", "records", "report")
_SHARED = ("data", "runs")


@dataclass(frozen=True)
class Snapshot:
    """What was recorded.

    Attributes:
        stages: of `dvc.yaml`, those that were committed.
        n_runs: how many blocks of seeds the benchmark has.
    """

    stages: list[str]
    n_runs: int


@dataclass(frozen=True)
class Restored:
    """What came back.

    Attributes:
        n_files: how many files were read and found as recorded.
        set_aside: why files were removed that today's config or source would not make.
        to_run: how many jobs of each rule Snakemake still plans.
    """

    n_files: int
    set_aside: list[str] = field(default_factory=list)
    to_run: dict[str, int] = field(default_factory=dict)


def check(config: Path) -> Jobs:
    """Return the plan of a benchmark that is complete and current.

    Args:
        config: of the benchmark.

    Raises:
        InputError: a file is damaged or was made by something else than today's config and
            source, or Snakemake would still run jobs.
    """
    jobs = _jobs(config)
    planned = planned_jobs(config)
    if planned:
        told = ", ".join(f"{rule} ({n})" for rule, n in planned.items())
        raise InputError(f"{config}: expected a finished benchmark, but snakemake would run {told}")
    for flaw in checks.flaws(jobs):  # Snakemake looks at times and parameters, not into files
        there = " ".join(str(path) for path in flaw.files if path.exists())
        raise InputError(f"{flaw.reason}; remove {there} and run snakemake")
    return jobs


def snapshot(config: Path) -> Snapshot:
    """Record in `dvc.lock` and in DVC's cache what a benchmark made, after a check.

    The data and the runs of all benchmarks are recorded; scores and page are where `dvc.yaml`
    names the benchmark.

    Raises:
        InputError: as `check`, or DVC fails.
    """
    jobs = check(config)
    own = f"results@{jobs.plan.benchmark.name}"
    stages = [name for name in declared_stages() if name in (*_SHARED, own)]
    if own in stages:
        for name in _OF_A_BENCHMARK:  # DVC records an empty folder, but not a missing one
            Path("results", jobs.plan.benchmark.name, name).mkdir(parents=True, exist_ok=True)
    checks.write_recipes(jobs)
    dvc("commit", "--force", *stages)
    return Snapshot(stages, len(jobs.all_blocks))


def restore(config: Path, *, remote: str | None = None, force: bool = False) -> Restored:
    """Bring back what `dvc.lock` records, and let Snakemake know of what is current.

    What today's config or source would not make is removed from the working tree, so that
    Snakemake plans it again; it stays in the cache of DVC.

    Args:
        config: of the benchmark.
        remote: of DVC; by default its default one.
        force: whether runs that were never recorded may be removed.

    Raises:
        InputError: the config is wrong, DVC cannot bring the files, or a file is not what was
            recorded.
    """
    _jobs(config)  # a mistake in the config shows before anything is downloaded
    pull(recorded_stages(), remote=remote, force=force)
    n_files = check_restored()

    jobs = _jobs(config)  # again: it plans around the runs that are there
    found = [*checks.recipe_flaws(jobs), *checks.flaws(jobs)]
    for flaw in found:
        for path in flaw.files:
            path.unlink(missing_ok=True)
    touch(config, _targets(jobs, found))
    return Restored(n_files, [flaw.reason for flaw in found], planned_jobs(config))


def _targets(jobs: Jobs, found: list[Flaw]) -> list[str]:
    """Return what to touch: all, or all but the tables, which git may hold of other scores."""
    if not found and checks.report_is_current(jobs):
        return jobs.targets
    return [target for target in jobs.targets if "/scores/" in target]


def _jobs(config: Path) -> Jobs:
    return Jobs(Plan(read_benchmark(config), where=str(config)))
