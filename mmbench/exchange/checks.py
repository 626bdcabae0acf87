"""Compares stored files with today's config and source code, without training anything.

A missing file is not a problem, since Snakemake makes it. A problem is a file that exists and
that Snakemake, if it has no record of how the file was made, would never make again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmbench.datasets import read_status
from mmbench.errors import InputError
from mmbench.files import PROCESSED, RAW, read_csv, read_json, sha256
from mmbench.plan import Jobs, data_checksum, scoring_fingerprint
from mmbench.runs import SeedBlock, read_runs

_RECORD_COLUMNS = ("method", "params_hash", "seed", "fingerprint", "data_checksum")


@dataclass(frozen=True)
class Problem:
    """Stored files that are damaged or were not made by today's config and source code.

    Snakemake makes the files again once they are removed.
    """

    reason: str
    files: tuple[Path, ...]


def problems(jobs: Jobs) -> Iterator[Problem]:
    """Yield the problems of the data, runs and scores of a benchmark, in that order.

    Raw files are compared with the checksums in their status, prepared data with the recipe and
    the checksum in their card, runs with today's `RunKey`, and scores with the runs. Scores of
    data sets that the benchmark no longer has are a problem, since a snapshot would hold them.
    """
    for files, check in _checks(jobs):
        if all(path.is_file() for path in files):
            try:
                check()
            except InputError as error:
                yield Problem(str(error), files)
    names = jobs.plan.dataset_names
    for path in sorted((jobs.results / "scores").glob("*.csv")):
        if path.stem not in names:
            reason = f"{path}: expected scores of today's data sets only, got those of {path.stem}"
            yield Problem(reason, _score_files(jobs, path.stem))


def _checks(jobs: Jobs) -> Iterator[tuple[tuple[Path, ...], Callable[[], None]]]:
    """Yield each check, with the files that it reads and that are to be removed if it fails."""
    names = jobs.plan.dataset_names
    for root in dict.fromkeys(jobs.plan.datasets[name].root for name in names):
        yield (RAW / root / "status.json",), partial(_check_raw, jobs, root)
    for name in names:
        files = ("views.safetensors", "samples.csv", "card.json")
        paths = tuple(PROCESSED / name / file for file in files)
        yield paths, partial(_check_prepared, jobs, name)
    for block in jobs.all_blocks:
        yield jobs.store.files(block), partial(_check_block, jobs, block)
    for name in names:
        yield _score_files(jobs, name), partial(_check_scores, jobs, name)


def _check_raw(jobs: Jobs, root: str) -> None:
    status_file = RAW / root / "status.json"
    status = read_status(RAW / root)
    _compare(status_file, "sources", jobs.sources(root), status.sources)
    for name, file in status.files.items():
        path = RAW / root / name
        if path.is_dir():
            continue
        if not path.is_file():
            raise InputError(f"{path}: expected the file that {status_file} names, found none")
        _compare(path, "sha256", file.sha256, sha256(path))


def _check_prepared(jobs: Jobs, name: str) -> None:
    path = PROCESSED / name / "card.json"
    card = read_json(path)
    _compare(path, "recipe", jobs.recipe(name), card.get("recipe"))
    _compare(path, "checksum", data_checksum(name), card.get("checksum", ""))


def _check_block(jobs: Jobs, block: SeedBlock) -> None:
    _, path = jobs.store.files(block)
    runs = read_runs(jobs.store.folder(block))
    _compare(path, "seeds", block.seeds, tuple(run.record.seed for run in runs))
    key = jobs.run_key(block.dataset, block.method)
    for run in runs:
        mismatch = key.mismatch(run.record)
        if run.record.status == "ok" and run.y_pred is None:
            mismatch = mismatch or "assignments: expected some, got none"
        if mismatch:
            raise InputError(f"{path}: seed {run.record.seed}: {mismatch}")


def _check_scores(jobs: Jobs, dataset: str) -> None:
    path, *_ = _score_files(jobs, dataset)
    rows = read_csv(path, (*_RECORD_COLUMNS, "scoring_fingerprint"))
    for row in rows:
        found = row["scoring_fingerprint"]
        _compare(path, "scoring_fingerprint", scoring_fingerprint(), found)
    scored = {tuple(row[column] for column in _RECORD_COLUMNS) for row in rows}
    checksum = data_checksum(dataset) or ""
    expected = {
        (method, params_hash, str(seed), jobs.fingerprint(method), checksum)
        for method in jobs.plan.method_names
        for params_hash in [jobs.plan.params_hash(dataset, method)]
        for seed in range(jobs.plan.benchmark.seeds)
    }
    for method, params_hash, number, *_ in sorted(scored ^ expected):
        reason = f"{path}: expected exactly the runs of today's benchmark"
        raise InputError(f"{reason}; it differs in {method} {params_hash}, seed {number}")


def _compare(path: Path, what: str, expected: object, found: object) -> None:
    if found != expected:
        raise InputError(f"{path}: expected the {what} {expected}, got {found or 'none'}")


def _score_files(jobs: Jobs, dataset: str) -> tuple[Path, ...]:
    names = (f"records/{dataset}.csv", f"scores/{dataset}.csv", f"details/{dataset}.npz")
    return tuple(jobs.results / name for name in names)
