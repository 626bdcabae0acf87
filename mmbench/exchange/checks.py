"""What is on disk, held against what the plan asks for today; nothing is trained for it.

A file that is missing is no flaw: Snakemake sees that by itself. A flaw is a file that is there
and that Snakemake, where it has no record of how the file arose, would take for good.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmbench.datasets import read_status
from mmbench.errors import InputError
from mmbench.files import read_csv, read_json, sha256, write_json
from mmbench.plan import PROCESSED, Jobs, method_fingerprint, report_spec, scoring_fingerprint
from mmbench.reporting import ReportSpec
from mmbench.reporting.context import read_report
from mmbench.reporting.metrics_file import metrics
from mmbench.runs import SeedBlock, read_runs
from mmbench.views_file import read_metadata

RAW = Path("data/raw")
# what data were made from; in the folder of the data set, so that it travels with the data
RECIPE = "recipe.json"


@dataclass(frozen=True)
class Flaw:
    """Something stored that is not what a benchmark asks for.

    Attributes:
        reason: one line that names the file, what was expected and what came.
        files: without them Snakemake makes it again.
    """

    reason: str
    files: tuple[Path, ...]


def flaws(jobs: Jobs) -> Iterator[Flaw]:
    """Yield what is wrong with the data, runs and scores of a benchmark, in that order.

    Data are checked against the checksums that `fetch` and `prepare` told, runs against today's
    parameters and source of their methods and against the data, scores against the runs. Scores
    of data sets that the benchmark no longer has are a flaw too: they would travel with the rest.
    """
    bases = dict.fromkeys(jobs.plan.datasets[name].root for name in jobs.plan.dataset_names)
    for base in bases:
        yield from _raw_flaws(base)
    for name in jobs.plan.dataset_names:
        yield from _processed_flaws(name)
    for block in jobs.all_blocks:
        yield from _run_flaws(jobs, block)
    for name in jobs.plan.dataset_names:
        yield from _score_flaws(jobs, name)
    yield from _left_over(jobs)


def recipe_flaws(jobs: Jobs) -> Iterator[Flaw]:
    """Yield the data that a snapshot made from other sources or by another recipe than today's."""
    for name in jobs.plan.dataset_names:
        if not _card(name).is_file():
            continue
        path = _card(name).with_name(RECIPE)
        told = read_json(path) if path.is_file() else {}
        for key, expected in _recipe(jobs, name).items():
            if told.get(key) != expected:
                files = _processed_files(name)
                if key == "sources":
                    files += (RAW / jobs.plan.datasets[name].root / "status.json",)
                yield Flaw(f"{path}: expected the {key} {expected}, got {told.get(key)}", files)


def write_recipes(jobs: Jobs) -> None:
    """Write down beside each data set what it was made from, for `recipe_flaws` to compare.

    Only Snakemake knows that, and its knowledge stays on this machine: call this where it says
    that nothing is to be done.
    """
    for name in jobs.plan.dataset_names:
        write_json(_card(name).with_name(RECIPE), _recipe(jobs, name))


def report_is_current(jobs: Jobs) -> bool:
    """Return whether the tables, which are in git, are of today's benchmark and of its scores."""
    results = Path("results", jobs.plan.benchmark.name)
    asked = report_spec(jobs.plan)
    try:
        if read_json(results / "benchmark.json") != asked:
            return False
        spec = ReportSpec.model_validate(asked)
        report = read_report(spec, results=results, cards=PROCESSED)
        told = results / "metrics.json"  # commits of early versions have none
        return not told.is_file() or bool(read_json(told) == metrics(report))
    except InputError:  # something is missing, and will be made
        return False


def _recipe(jobs: Jobs, name: str) -> dict[str, str]:
    return {
        "sources": jobs.sources(jobs.plan.datasets[name].root),
        "recipe": jobs.recipe(name),
        # so that a file left from before the data were prepared again counts for nothing
        "checksum": _checksum(name),
    }


def _raw_flaws(base: str) -> Iterator[Flaw]:
    status_file = RAW / base / "status.json"
    if not status_file.is_file():
        return
    try:
        status = read_status(RAW / base)
        for name, told in status.files.items():
            path = RAW / base / name
            if not path.is_file():
                raise InputError(f"{path}: expected the file that {status_file} names, found none")
            found = sha256(path)
            if found != told.sha256:
                raise InputError(f"{path}: expected the sha256 {told.sha256}, got {found}")
    except InputError as error:
        yield Flaw(str(error), (status_file,))


def _processed_flaws(name: str) -> Iterator[Flaw]:
    views, _, card = files = _processed_files(name)
    if not (views.is_file() and card.is_file()):
        return
    try:
        in_views, in_card = read_metadata(views).get("checksum", ""), _checksum(name)
        if in_views != in_card:
            raise InputError(f"{views}: expected the checksum {in_card}, got {in_views}")
    except InputError as error:
        yield Flaw(str(error), files)


def _run_flaws(jobs: Jobs, block: SeedBlock) -> Iterator[Flaw]:
    files = jobs.store.files(block)
    if not jobs.store.has(block):
        return
    try:
        runs = read_runs(jobs.store.folder(block))
    except InputError as error:
        yield Flaw(str(error), files)
        return
    seeds = tuple(run.record.seed for run in runs)
    if seeds != block.seeds:
        yield Flaw(f"{files[1]}: expected the seeds {block.seeds}, got {seeds}", files)
        return
    key = jobs.run_key(block.dataset, block.method)
    for run in runs:
        where = f"{files[1]}: seed {run.record.seed}"
        mismatch = key.mismatch(run.record)
        if mismatch:
            yield Flaw(f"{where}: {mismatch}", files)
            return
        if run.record.status == "ok" and run.y_pred is None:
            yield Flaw(f"{where}: expected assignments in {files[0]}, found none", files)
            return


def _score_flaws(jobs: Jobs, dataset: str) -> Iterator[Flaw]:
    records, *_ = files = _score_files(jobs, dataset)
    if not all(path.is_file() for path in files):
        return
    columns = ("method", "params_hash", "seed", "fingerprint", "data_checksum")
    try:
        rows = read_csv(records, (*columns, "scoring_fingerprint"))
    except InputError as error:
        yield Flaw(str(error), files)
        return
    scored_by = {row["scoring_fingerprint"] for row in rows}
    for other in scored_by - {scoring_fingerprint()}:
        expected_source = f"expected scoring_fingerprint {scoring_fingerprint()}"
        yield Flaw(f"{records}: {expected_source}, got {other or 'none'}", files)
        return
    told = {tuple(row[column] for column in columns) for row in rows}
    checksum = _checksum(dataset) if _card(dataset).is_file() else ""
    expected = {
        (
            method,
            jobs.plan.params_hash(dataset, method),
            str(seed),
            method_fingerprint(method, jobs.plan.methods[method]),
            checksum,
        )
        for method in jobs.plan.method_names
        for seed in range(jobs.plan.benchmark.seeds)
    }
    for method, params_hash, seed, *_ in sorted(told ^ expected):
        reason = f"{records}: expected the runs of today's benchmark and no others"
        yield Flaw(f"{reason}; it differs in {method} {params_hash}, seed {seed}", files)
        return


def _left_over(jobs: Jobs) -> Iterator[Flaw]:
    scores = Path("results", jobs.plan.benchmark.name, "scores")
    for path in sorted(scores.glob("*.csv")):
        if path.stem not in jobs.plan.dataset_names:
            reason = f"{path}: expected scores of today's data sets alone, got those of {path.stem}"
            yield Flaw(reason, _score_files(jobs, path.stem))


def _score_files(jobs: Jobs, dataset: str) -> tuple[Path, ...]:
    results = Path("results", jobs.plan.benchmark.name)
    return (
        results / "records" / f"{dataset}.csv",
        results / "scores" / f"{dataset}.csv",
        results / "details" / f"{dataset}.npz",
    )


def _card(name: str) -> Path:
    return PROCESSED / name / "card.json"


def _checksum(name: str) -> str:
    """Return the checksum of the views of a data set; nothing where the data could not be had."""
    return str(read_json(_card(name)).get("checksum", ""))


def _processed_files(name: str) -> tuple[Path, ...]:
    return tuple(
        PROCESSED / name / file for file in ("views.safetensors", "samples.csv", "card.json")
    )
