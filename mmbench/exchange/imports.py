"""Stores assignments that were made elsewhere as runs that are marked `imported`."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmbench.errors import InputError, unknown
from mmbench.exchange.assignments import (
    Order,
    prepared_metadata,
    read_assignments,
    read_sample_table,
)
from mmbench.files import sha256
from mmbench.plan import Plan, method_fingerprint
from mmbench.runs import Record, Run, RunStore, SeedBlock, read_records, read_runs, split_seeds
from mmbench.training import provenance

IMPORTED = "imported"  # the `uses` of an entry, and the origin of its runs


def import_runs(
    path: Path,
    plan: Plan,
    *,
    method: str,
    dataset: str,
    seed: int | None = None,
    order: Order | None = None,
) -> list[SeedBlock]:
    """Store assignments as runs of an entry with `uses: imported`, and return the new blocks.

    Seeds that are stored with the same assignments are left as they are. `path`, `seed` and
    `order` are those of `read_assignments`. The precision of the plan is part of the folder of
    the runs.

    Raises:
        InputError: a name is unknown, the entry is trained here, the data are not prepared, the
            assignments do not fit, or a seed is stored with others. Nothing is written then.
    """
    _check_names(plan, method, dataset)
    data = prepared_metadata(dataset)
    table = read_sample_table(dataset, data["dataset"]["n_clusters"])
    found = read_assignments(path, table, seed=seed, order=order)
    common = Record(
        seed=-1,
        status="ok",
        reason=f"{path.name}, sha256 {sha256(path)}",
        method=method,
        uses=IMPORTED,
        precision=plan.benchmark.precision,
        fingerprint=method_fingerprint(method, plan.methods[method]),
        device="",
        threads=0,
        data_checksum=data["checksum"],
        started=provenance.now(),
        origin=IMPORTED,
    )
    runs = {s: Run(replace(common, seed=s), y_pred) for s, y_pred in found.items()}
    store, params_hash = RunStore(), plan.params_hash(dataset, method)
    placeholders = []
    for block in store.blocks_of_cell(dataset, method, params_hash):
        folder = store.folder(block)
        if all(record.origin == IMPORTED for record in read_records(folder)):
            _remove_identical(runs, folder)
        elif set(block.seeds) & set(runs):
            placeholders.append(folder)
    for folder in placeholders:  # their runs only say that nothing was imported
        shutil.rmtree(folder)
    blocks = {
        SeedBlock(dataset, method, params_hash, seeds): [runs[s] for s in seeds]
        for seeds in split_seeds(sorted(runs))
    }
    store.write(blocks)
    return list(blocks)


def _check_names(plan: Plan, method: str, dataset: str) -> None:
    catalogues = ", ".join(plan.benchmark.method_catalogues)
    if method not in plan.methods:
        raise unknown("method", method, plan.methods, where=catalogues)
    uses = plan.methods[method].uses
    if uses != IMPORTED:
        raise InputError(
            f"{catalogues}: {method}: is trained here (uses: {uses}); give imported results an"
            f" entry of their own, with uses: {IMPORTED}"
        )
    if dataset not in plan.datasets:
        where = ", ".join(plan.benchmark.dataset_catalogues)
        raise unknown("data set", dataset, plan.datasets, where=where)


def _remove_identical(runs: dict[int, Run], folder: Path) -> None:
    for stored in read_runs(folder):
        run = runs.pop(stored.record.seed, None)
        if run is not None and not np.array_equal(stored.y_pred, run.y_pred):  # type: ignore[arg-type]
            raise InputError(
                f"{folder}: seed {run.record.seed} was imported before with other assignments;"
                " remove this folder to replace them"
            )
