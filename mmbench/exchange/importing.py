"""Bring in assignments that were made elsewhere, as runs that are marked `imported`."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmbench.errors import InputError, unknown
from mmbench.exchange.assignments import Order, read_assignments, read_known
from mmbench.exchange.storing import store_blocks
from mmbench.files import sha256
from mmbench.plan import Plan, method_fingerprint
from mmbench.runs import Record, Run, RunStore, SeedBlock, read_records, read_runs, split_seeds
from mmbench.training import provenance
from mmbench.views_file import read_metadata

IMPORTED = "imported"  # the `uses` of an entry, and the origin of its runs


def import_runs(
    path: Path,
    plan: Plan,
    *,
    method: str,
    dataset: str,
    processed: Path,
    seed: int | None = None,
    order: Order | None = None,
) -> list[SeedBlock]:
    """Store the assignments of a file as runs of an entry with `uses: imported`.

    Seeds that were imported before with the same assignments are left as they are.

    Args:
        path: a .csv or an .npz, see `mmbench.exchange.assignments`.
        plan: of a benchmark; its precision is part of where runs lie.
        method: the entry.
        dataset: what was clustered.
        processed: the folder of prepared data sets.
        seed: of the run, where the file does not say.
        order: of an .npz.

    Returns:
        The blocks that were written.

    Raises:
        InputError: an unknown name, an entry that is trained here, data that are not here,
            assignments that do not fit, or a seed imported before with others; then nothing
            is written.
    """
    _check_names(plan, method, dataset)
    views = processed / dataset / "views.safetensors"
    if not views.is_file() or "checksum" not in (told := read_metadata(views)):
        raise InputError(f"{views}: not there; `snakemake prepared` makes it")
    known = read_known(views.parent, told["dataset"]["n_clusters"])
    found = read_assignments(path, known, seed=seed, order=order)
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
        data_checksum=told["checksum"],
        started=provenance.now(),
        origin=IMPORTED,
    )
    runs = {s: Run(replace(common, seed=s), y_pred) for s, y_pred in found.items()}
    params_hash = plan.params_hash(dataset, method)
    placeholders = []
    for block in RunStore().blocks_of_cell(dataset, method, params_hash):
        if all(record.origin == IMPORTED for record in read_records(RunStore().folder(block))):
            _leave_identical(block, runs)
        elif set(block.seeds) & set(runs):
            placeholders.append(block)
    for block in placeholders:  # they hold but the word that nothing was imported
        shutil.rmtree(RunStore().folder(block))
    blocks = [SeedBlock(dataset, method, params_hash, seeds) for seeds in split_seeds(sorted(runs))]
    store_blocks([(block, [runs[s] for s in block.seeds]) for block in blocks])
    return blocks


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


def _leave_identical(block: SeedBlock, runs: dict[int, Run]) -> None:
    """Take those runs away that are stored already.

    Raises:
        InputError: a seed is stored with other assignments.
    """
    for stored in read_runs(RunStore().folder(block)):
        seed = stored.record.seed
        if seed not in runs:
            continue
        if stored.y_pred is None or not np.array_equal(stored.y_pred, runs[seed].y_pred):  # type: ignore[arg-type]
            raise InputError(
                f"{RunStore().folder(block)}: seed {seed} was imported before with other assignments; remove"
                " this folder to replace them"
            )
        del runs[seed]
