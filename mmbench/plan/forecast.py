"""What a benchmark still has to do, and about how long it would take."""

import statistics
from dataclasses import dataclass

from mmbench.files import read_json
from mmbench.plan.benchmark import Plan
from mmbench.plan.seed_blocks import PROCESSED, RUNS, stored_blocks
from mmbench.runs import read_records


@dataclass(frozen=True)
class Outlook:
    """What a benchmark still has to do in one cell.

    Attributes:
        dataset: the data set.
        method: the method.
        seeds: how many are wanted.
        seeds_to_run: how many are not stored, or were run with another source or on other data.
        seconds_per_seed: the median of the seeds measured here, in any params_hash, or None.
        minutes: for what is to be run, or None where nothing was measured.
    """

    dataset: str
    method: str
    seeds: int
    seeds_to_run: int
    seconds_per_seed: float | None
    minutes: float | None


def outlook(plan: Plan) -> list[Outlook]:
    """Return what there is still to do in each cell of a benchmark."""
    return [_cell(plan, dataset, method) for dataset, method in plan.cells()]


def _cell(plan: Plan, dataset: str, method: str) -> Outlook:
    today = (plan.fingerprint(method), _data_of_today(plan, dataset))
    to_run = 0
    for block in plan.blocks(dataset, method):
        stored = block.records.is_file() and all(
            (record.fingerprint, record.data_checksum) == today
            for record in read_records(block.records)
        )
        to_run += 0 if stored else len(block.seeds)
    measured = [
        record.seconds["total"]
        for params_hash in sorted((RUNS / dataset / method).glob("*"))
        for block in stored_blocks(dataset, method, params_hash.name)
        for record in read_records(block.records)
        if record.status == "ok" and "total" in record.seconds
    ]
    each = statistics.median(measured) if measured else None
    minutes = 0.0 if not to_run else None if each is None else to_run * each / 60
    return Outlook(dataset, method, plan.benchmark.seeds, to_run, each, minutes)


def _data_of_today(plan: Plan, dataset: str) -> str | None:
    """Return the checksum of the prepared data, or None where they are to be prepared first."""
    path = PROCESSED / dataset / "card.json"
    if not path.is_file():
        return None
    card = read_json(path)
    if card.get("recipe") != plan.recipe(dataset):
        return None
    return str(card.get("checksum", ""))  # none of data that could not be had
