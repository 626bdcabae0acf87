"""Stores the runs of another machine if this one would have made them in the same way."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mmbench.errors import InputError, unknown
from mmbench.exchange.assignments import prepared_metadata
from mmbench.plan import Plan, method_fingerprint
from mmbench.plan import params_hash as hash_params
from mmbench.runs import FORMAT_VERSION, Run, RunKey, RunStore, SeedBlock, split_seeds

Verdict = Literal["merged", "identical", "conflict", "no data there"]


@dataclass(frozen=True)
class MergedRun:
    """The outcome for one run of the other machine.

    After a `conflict`, the run stored here is kept, and `note` says how they differ. With
    `no data there`, the run was not trained.
    """

    dataset: str
    method: str
    params_hash: str
    seed: int
    verdict: Verdict
    note: str = ""


def merge(folder: Path, plan: Plan, *, origin: str = "") -> tuple[list[MergedRun], list[SeedBlock]]:
    """Store the runs of a folder that are not stored here, marked with their origin.

    The folder is laid out as `results/runs`, or is a project or its `results`. If its blocks
    overlap, the run that started last counts, as in `RunStore.runs`. `origin` is the name of the
    other machine, by default the host in the records.

    Returns:
        The outcome for each run, and the blocks that were written.

    Raises:
        InputError: there are no runs, or the `RunKey` of one is not that of a run made here, or
            the files of a block do not fit each other. Nothing is written then.
    """
    nested = [folder / "results" / "runs", folder / "runs"]
    here, there = RunStore(), RunStore(next((path for path in nested if path.is_dir()), folder))
    outcomes: list[MergedRun] = []
    new: dict[SeedBlock, dict[int, Run]] = {}
    for cell in dict.fromkeys((b.dataset, b.method, b.params_hash) for b in there.blocks()):
        stored = here.runs(here.blocks_of_cell(*cell))
        theirs = list(there.blocks_of_cell(*cell))
        found = there.runs(theirs)
        if found.keys() != {seed for block in theirs for seed in block.seeds}:
            where = there.root.joinpath(*cell)
            raise InputError(f"{where}: expected records of the seeds in the names of its folders")
        for seed, (run, block) in sorted(found.items()):
            verdict: Verdict = "no data there"
            note = ""
            if run.record.status != "data_unavailable":
                _check(run, cell, plan)
                verdict, note = _compare(stored[seed][0], run) if seed in stored else ("merged", "")
            if verdict == "merged":
                new.setdefault(block, {})[seed] = _with_origin(run, cell, origin)
            outcomes.append(MergedRun(*cell, seed, verdict, note))
    if not outcomes:
        raise InputError(
            f"{folder}: expected runs in DATASET/METHOD/PARAMS_HASH/SEEDS/runs.json, found none"
        )
    blocks = {
        replace(block, seeds=seeds): [runs[seed] for seed in seeds]
        for block, runs in new.items()
        for seeds in split_seeds(runs)
    }
    here.write(blocks)
    return outcomes, list(blocks)


def _check(run: Run, cell: tuple[str, str, str], plan: Plan) -> None:
    """Raise InputError if this machine would make the run in another way."""
    dataset, method, params_hash = cell
    record = run.record
    where = f"{dataset}, {method}, seed {record.seed}"
    if method not in plan.methods:
        catalogues = ", ".join(plan.benchmark.method_catalogues)
        raise unknown("method", method, plan.methods, where=f"{catalogues}: {where}")
    found = hash_params(
        record.params,
        record.precision,
        restarts=record.n_restarts,
        checkpoint=record.checkpoint,
    )
    if found != params_hash:
        raise InputError(f"{where}: its parameters give the params_hash {found}, not {params_hash}")
    data = prepared_metadata(dataset, where=where)
    key = replace(
        RunKey.of(record),
        fingerprint=method_fingerprint(method, plan.methods[method]),
        data_checksum=data["checksum"],
        format_version=FORMAT_VERSION,
    )
    if mismatch := key.mismatch(record):
        raise InputError(f"{where}: {mismatch}")
    if record.status != "ok":
        return
    y, n_samples = run.y_pred, data["dataset"]["n_samples"]
    n_clusters = data["dataset"]["n_clusters"]
    if y is None or y.shape != (n_samples,) or y.min() < 0 or y.max() >= n_clusters:
        raise InputError(
            f"{where}: expected assignments of {n_samples} samples to clusters 0..{n_clusters - 1}"
        )


def _compare(ours: Run, theirs: Run) -> tuple[Verdict, str]:
    a, b = ours.record, theirs.record
    if a.status != b.status:
        return "conflict", f"here {a.status}, there {b.status}"
    if ours.y_pred is None or theirs.y_pred is None or np.array_equal(ours.y_pred, theirs.y_pred):
        return "identical", ""
    older = "" if a.fingerprint == b.fingerprint else "; the run here is of an older source"
    return "conflict", f"other assignments{older}"


def _with_origin(run: Run, cell: tuple[str, str, str], origin: str) -> Run:
    """Return the run with its origin; a run that came from a third machine keeps its own."""
    name = run.record.origin or origin or run.record.host
    if not name:
        where = f"{'/'.join(cell)}: seed {run.record.seed}"
        raise InputError(f"{where}: the record has no name of a machine; name it by --from")
    return replace(run, record=replace(run.record, origin=name))
