"""What a benchmark still has to run, and about how long that takes."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from mmbench.datasets import is_prepared
from mmbench.errors import InputError
from mmbench.files import PROCESSED
from mmbench.plan.jobs import Jobs
from mmbench.runs import Record, SeedBlock, read_records


@dataclass(frozen=True)
class Forecast:
    """What a benchmark still has to run in one cell.

    Attributes:
        seeds_to_run: how many are not stored, or are of other parameters, source code or data.
        seconds_per_seed: the median over the seeds measured here with any parameters, or None.
        minutes: for the seeds to run, or None where nothing was measured.
    """

    dataset: str
    method: str
    seeds: int
    seeds_to_run: int
    seconds_per_seed: float | None
    minutes: float | None


def forecast(jobs: Jobs) -> list[Forecast]:
    """Return what there is still to run in each cell of a benchmark."""
    return [_cell(jobs, dataset, method) for dataset, method in jobs.plan.cells()]


def _cell(jobs: Jobs, dataset: str, method: str) -> Forecast:
    key = jobs.run_key(dataset, method)
    prepared = is_prepared(jobs.plan.datasets[dataset], PROCESSED / dataset)
    to_run = 0
    for block in jobs.blocks(dataset, method):
        records = list(_records(jobs, [block]))
        current = prepared and records and not any(key.mismatch(r) for r in records)
        to_run += 0 if current else len(block.seeds)
    measured = [
        record.seconds["total"]
        for record in _records(jobs, jobs.store.blocks(dataset, method))
        if record.status == "ok" and "total" in record.seconds
    ]
    each = statistics.median(measured) if measured else None
    minutes = 0.0 if not to_run else None if each is None else to_run * each / 60
    return Forecast(dataset, method, jobs.plan.benchmark.seeds, to_run, each, minutes)


def _records(jobs: Jobs, blocks: Iterator[SeedBlock] | list[SeedBlock]) -> Iterator[Record]:
    """Yield the records of blocks; those that cannot be read, as of an older version, are none."""
    for block in blocks:
        if jobs.store.has(block):
            try:
                yield from read_records(jobs.store.folder(block))
            except InputError:
                continue
