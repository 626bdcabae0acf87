"""Brings recorded data and results back, and lets Snakemake regard the current ones as made.

Snakemake decides what is up to date by its own records, which stay on one machine. A restored
file counts as up to date only after `snakemake --touch`, so every file is compared with today's
config and source code before.
"""

from dataclasses import dataclass
from pathlib import Path

from mmbench.errors import InputError
from mmbench.exchange import dvc
from mmbench.exchange.checks import problems
from mmbench.exchange.workflow import planned_jobs, touch
from mmbench.files import PROCESSED, read_json
from mmbench.plan import Jobs, report_spec
from mmbench.reporting import ReportSpec
from mmbench.reporting.context import read_report
from mmbench.reporting.metrics_file import metrics


@dataclass(frozen=True)
class Restored:
    """The number of files restored, why some were removed, and the jobs left by rule."""

    n_files: int
    set_aside: list[str]
    to_run: dict[str, int]


def restore(config: Path, *, remote: str | None = None, force: bool = False) -> Restored:
    """Bring back the files that `dvc.lock` records.

    Files that today's config or source code would not make are removed from the working tree,
    so that Snakemake makes them again; they stay in DVC's cache. `remote` is the name of a DVC
    remote; None stands for the default one. With `force`, runs that were never recorded may be
    removed.

    Raises:
        InputError: the config is wrong, DVC cannot bring the files, or a file is not as it was
            recorded.
    """
    Jobs.read(config)  # a mistake in the config shows before the download
    dvc.pull(dvc.recorded_stages(), remote=remote, force=force)
    n_files, faults = dvc.compare_files()
    for name, fault in faults.items():
        raise InputError(f"{name}: not as {dvc.LOCK} records it: {fault}")

    jobs = Jobs.read(config)  # again, since the blocks depend on the runs that are stored
    found = list(problems(jobs))
    for problem in found:
        for path in problem.files:
            path.unlink(missing_ok=True)
    tables_are_current = not found and _report_is_current(jobs)
    touch(config, [t for t in jobs.targets if tables_are_current or "/scores/" in t])
    return Restored(n_files, [problem.reason for problem in found], planned_jobs(config))


def _report_is_current(jobs: Jobs) -> bool:
    """Return whether the tables, which are in git, fit today's benchmark and its scores."""
    results = jobs.results
    requested = report_spec(jobs.plan)
    try:
        if read_json(results / "benchmark.json") != requested:
            return False
        spec = ReportSpec.model_validate(requested)
        report = read_report(spec, results=results, cards=PROCESSED)
        return bool(read_json(results / "metrics.json") == metrics(report))
    except InputError:  # a file is missing, and will be made
        return False
