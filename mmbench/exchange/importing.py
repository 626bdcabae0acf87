"""Bring in assignments that were made elsewhere, as runs that are marked `imported`."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmbench.errors import InputError, unknown
from mmbench.exchange.assignments import Order, read_assignments, read_known
from mmbench.exchange.storing import store
from mmbench.files import sha256
from mmbench.plan import Plan, SeedBlock, stored_blocks
from mmbench.plan.seed_blocks import cut
from mmbench.runs import FORMAT_VERSION, Record, Run, read_records, read_runs
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
        fingerprint=plan.fingerprint(method),
        device="",
        threads=0,
        data_checksum=told["checksum"],
        started=provenance.now(),
        format_version=FORMAT_VERSION,
        origin=IMPORTED,
    )
    runs = {s: Run(replace(common, seed=s), y_pred) for s, y_pred in found.items()}
    params_hash = plan.params_hash(method, dataset)
    placeholders = []
    for block in stored_blocks(dataset, method, params_hash):
        if all(record.origin == IMPORTED for record in read_records(block.records)):
            _leave_identical(block, runs)
        elif set(block.seeds) & set(runs):
            placeholders.append(block)
    for block in placeholders:  # they hold but the word that nothing was imported
        shutil.rmtree(block.folder)
    blocks = [
        SeedBlock(dataset, method, params_hash, seeds) for seeds in cut(sorted(runs), sys.maxsize)
    ]
    store([(block, [runs[s] for s in block.seeds]) for block in blocks])
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
    for stored in read_runs(block.assignments, block.records):
        seed = stored.record.seed
        if seed not in runs:
            continue
        if stored.y_pred is None or not np.array_equal(stored.y_pred, runs[seed].y_pred):  # type: ignore[arg-type]
            raise InputError(
                f"{block.folder}: seed {seed} was imported before with other assignments; remove"
                " this folder to replace them"
            )
        del runs[seed]
