"""Records the data and results of a benchmark in `dvc.lock` and in DVC's cache."""

from pathlib import Path

from mmbench.errors import InputError
from mmbench.exchange.checks import problems
from mmbench.exchange.dvc import call_dvc, declared_stages
from mmbench.exchange.workflow import format_jobs, planned_jobs
from mmbench.plan import Jobs

_SHARED = ("data", "runs")  # stages of all benchmarks
# the outputs of one benchmark, which `dvc.yaml` names
_OUTPUTS = ("scores", "details", "records", "report")


def check(config: Path) -> Jobs:
    """Return the jobs of a benchmark that is finished and current.

    Raises:
        InputError: a file is damaged or was not made by today's config and source code, or
            Snakemake would still run jobs.
    """
    jobs = Jobs.read(config)
    if planned := planned_jobs(config):
        raise InputError(
            f"{config}: expected a finished benchmark, but snakemake would run"
            f" {format_jobs(planned)}"
        )
    for path in jobs.runs() + jobs.each("data/processed/{dataset}/views.safetensors"):
        if not Path(path).is_file():
            raise InputError(f"{path}: expected the file of a finished benchmark, found none")
    for problem in problems(jobs):  # Snakemake looks at times and parameters, not into files
        files = " ".join(str(path) for path in problem.files if path.exists())
        raise InputError(f"{problem.reason}; remove {files} and run snakemake")
    return jobs


def snapshot(config: Path) -> tuple[Jobs, list[str]]:
    """Check a benchmark, record its files with DVC, and return its jobs and the recorded stages.

    The data and the runs of all benchmarks are recorded; scores and page are recorded for
    benchmarks that `dvc.yaml` names.

    Raises:
        InputError: as `check`, or DVC fails.
    """
    jobs = check(config)
    benchmark = jobs.plan.benchmark.name
    stages = [name for name in declared_stages() if name in (*_SHARED, f"results@{benchmark}")]
    if f"results@{benchmark}" in stages:
        for name in _OUTPUTS:  # DVC records an empty folder, but not a missing one
            Path("results", benchmark, name).mkdir(parents=True, exist_ok=True)
    call_dvc("commit", "--force", *stages)
    return jobs, stages
