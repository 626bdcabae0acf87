"""Take over the runs of another machine, where they are what this one would have made."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mmbench.errors import InputError, unknown
from mmbench.exchange.storing import store_blocks
from mmbench.plan import Plan, method_fingerprint
from mmbench.plan import params_hash as compute_params_hash
from mmbench.runs import (
    FORMAT_VERSION,
    Record,
    Run,
    RunStore,
    SeedBlock,
    parse_seeds,
    read_runs,
    split_seeds,
)
from mmbench.views_file import read_metadata

Word = Literal["merged", "identical", "conflict", "no data there"]


@dataclass(frozen=True)
class Merged:
    """What became of one run of the other machine.

    Attributes:
        dataset: of the run.
        method: the entry.
        params_hash: of the entry.
        seed: of the run.
        verdict: `merged`; `identical` to the one here; `conflict`: the one here is another,
            and stays; `no data there`: it was not trained.
        note: of a conflict.
    """

    dataset: str
    method: str
    params_hash: str
    seed: int
    verdict: Word
    note: str = ""


def merge(
    folder: Path, plan: Plan, *, processed: Path, origin: str = ""
) -> tuple[list[Merged], list[SeedBlock]]:
    """Store the runs of a folder that are not here yet, marked with where they are from.

    Args:
        folder: laid out as `results/runs`, or the root or `results` of another copy.
        plan: of a benchmark: its catalogue of methods says what is current.
        processed: the folder of prepared data sets.
        origin: the name of the other machine; empty: as the records tell.

    Returns:
        What became of each run, and the blocks that were written.

    Raises:
        InputError: no runs; or one that was made from other data, by another protocol, with
            another source or by an unknown entry, or whose files do not fit each other. Then
            nothing is written.
    """
    verdicts: list[Merged] = []
    new: list[tuple[SeedBlock, list[Run]]] = []
    store = RunStore()
    for theirs, runs in _read(folder):
        here = store.runs(store.blocks_of_cell(theirs.dataset, theirs.method, theirs.params_hash))
        fresh: dict[int, Run] = {}
        for run in runs:
            seed, note = run.record.seed, ""
            word: Word = "merged"
            if run.record.status == "data_unavailable":
                word = "no data there"
            else:
                _check(run, theirs, plan, processed)
                if seed in here:
                    word, note = _compared(here[seed][0], run)
                else:
                    fresh[seed] = _marked(run, origin, theirs)
            cell = (theirs.dataset, theirs.method, theirs.params_hash, seed)
            verdicts.append(Merged(*cell, word, note))
        for seeds in split_seeds(sorted(fresh)):
            new.append((replace(theirs, seeds=seeds), [fresh[seed] for seed in seeds]))
    _check_once(new)
    store_blocks(new)
    return verdicts, [block for block, _ in new]


def _read(folder: Path) -> list[tuple[SeedBlock, Sequence[Run]]]:
    """Return every block of a folder with its runs.

    Raises:
        InputError: there are none, or the files of one do not fit each other.
    """
    nested = [folder / "results" / "runs", folder / "runs"]
    root = next((path for path in nested if path.is_dir()), folder)
    blocks: list[tuple[SeedBlock, Sequence[Run]]] = []
    for records in sorted(root.glob("*/*/*/*/runs.json")):
        dataset, method, params_hash, seeds = records.parts[-5:-1]
        block = SeedBlock(dataset, method, params_hash, parse_seeds(seeds))
        runs = read_runs(records.parent)
        if [run.record.seed for run in runs] != list(block.seeds):
            raise InputError(f"{records}: expected the seeds {seeds} that its folder tells")
        for record in (run.record for run in runs):
            told = compute_params_hash(record.params, record.precision, restarts=record.n_restarts)
            if told != params_hash:
                raise InputError(
                    f"{records}: seed {record.seed}: its parameters give the params_hash {told}, not"
                    f" {params_hash} as the folder tells"
                )
        blocks.append((block, runs))
    if not blocks:
        raise InputError(
            f"{folder}: expected runs in DATASET/METHOD/PARAMS_HASH/SEEDS/runs.json, found none"
        )
    return blocks


def _check(run: Run, block: SeedBlock, plan: Plan, processed: Path) -> None:
    """Raise InputError where a run is not one that this machine would have made."""
    record = run.record
    where = f"{block.dataset}, {block.method}, seed {record.seed}"
    if block.method not in plan.methods:
        catalogues = ", ".join(plan.benchmark.method_catalogues)
        raise unknown("method", block.method, plan.methods, where=f"{catalogues}: {where}")
    if record.format_version != FORMAT_VERSION:
        raise InputError(
            f"{where}: was made by format version {record.format_version}, here it is {FORMAT_VERSION}"
        )
    if record.fingerprint != method_fingerprint(block.method, plan.methods[block.method]):
        raise InputError(
            f"{where}: was made with another source of the method: fingerprint"
            f" {record.fingerprint or 'unknown'}, here it is {method_fingerprint(block.method, plan.methods[block.method])}"
        )
    views = processed / block.dataset / "views.safetensors"
    if not views.is_file() or "checksum" not in (told := read_metadata(views)):
        raise InputError(
            f"{where}: {views} is not there, so its data cannot be compared; `snakemake prepared`"
            " makes it"
        )
    if record.data_checksum != told["checksum"]:
        raise InputError(
            f"{where}: was made from other data: checksum {record.data_checksum[:12] or 'unknown'},"
            f" here it is {told['checksum'][:12]}"
        )
    n_samples, n_clusters = told["dataset"]["n_samples"], told["dataset"]["n_clusters"]
    if record.status != "ok":
        return
    y = run.y_pred
    if y is None or y.shape != (n_samples,) or y.min() < 0 or y.max() >= n_clusters:
        raise InputError(
            f"{where}: expected assignments of {n_samples} samples to clusters 0..{n_clusters - 1}"
        )


def _compared(ours: Run, theirs: Run) -> tuple[Word, str]:
    a, b = ours.record, theirs.record
    if a.status != b.status:
        return "conflict", f"here {a.status}, there {b.status}"
    if ours.y_pred is None or theirs.y_pred is None:
        return "identical", ""
    if np.array_equal(ours.y_pred, theirs.y_pred):
        return "identical", ""
    if a.fingerprint != b.fingerprint:
        return "conflict", "other assignments; the run here is of an older source"
    return "conflict", "other assignments"


def _marked(run: Run, origin: str, block: SeedBlock) -> Run:
    """Return the run with its origin; one from a third machine keeps it."""
    record: Record = run.record
    name = record.origin or origin or record.host
    if not name:
        raise InputError(
            f"{block.dataset}/{block.method}/{block.name}: the records do not tell the machine they are from; name it by --from"
        )
    return replace(run, record=replace(record, origin=name))


def _check_once(new: Sequence[tuple[SeedBlock, Sequence[Run]]]) -> None:
    """Raise InputError where a folder holds a run twice, as when blocks were cut anew."""
    seen: set[tuple[str, str, str, int]] = set()
    for block, _ in new:
        for seed in block.seeds:
            run = (block.dataset, block.method, block.params_hash, seed)
            if run in seen:
                raise InputError(
                    f"{block.dataset}, {block.method}: seed {seed} stands in two blocks there;"
                    " leave the older one out"
                )
            seen.add(run)
