"""Trains stored runs again, and compares the results with the stored ones.

The verdicts, from best to worst:

- `identical`: the same bits;
- `same partition`: the same groups of samples, numbered differently;
- `within tolerance`: ACC, NMI and ARI each differ by at most `TOLERANCE`;
- `different`: anything else, including a run that does not end `ok` again.

Runs whose source code or data have changed are left out, since they are expected to differ.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.evaluation.metrics import METRICS, contingency
from mmbench.evaluation.samples import read_samples
from mmbench.files import PROCESSED, read_csv
from mmbench.fingerprints import fingerprint
from mmbench.methods import locate
from mmbench.plan import data_checksum
from mmbench.runs import (
    FORMAT_VERSION,
    Record,
    Run,
    RunKey,
    RunStore,
    SeedBlock,
    read_records,
    read_runs,
)
from mmbench.training import Job, fit

TOLERANCE = 0.01  # of a score, which is a fraction
COMPARED = ("acc", "nmi", "ari")

Verdict = Literal["identical", "same partition", "within tolerance", "different"]


@dataclass(frozen=True)
class StoredRun:
    """A run under `results/runs`: its block and its record."""

    block: SeedBlock
    record: Record


@dataclass(frozen=True)
class Repetition:
    """The comparison of a second result of a run with the first.

    `differences` are the second score minus the first, by metric. `note` names the versions and
    the device that differ, and how the run ended if not `ok`.
    """

    dataset: str
    method: str
    params_hash: str
    seed: int
    verdict: Verdict
    differences: Mapping[str, float]
    note: str


def blocks_of_benchmark(folder: Path) -> list[SeedBlock]:
    """Return the stored blocks that the scores in `results/{benchmark}` were made from.

    Raises:
        InputError: it has no records of runs.
    """
    files = sorted((folder / "records").glob("*.csv"))
    if not files:
        raise InputError(f"{folder}: expected records of runs in records/, found none")
    columns = ("dataset", "method", "params_hash")
    rows = (row for path in files for row in read_csv(path, columns))
    cells = sorted({(row["dataset"], row["method"], row["params_hash"]) for row in rows})
    return [block for cell in cells for block in RunStore().blocks_of_cell(*cell)]


def repeatable_runs(
    blocks: Iterable[SeedBlock], modules: Collection[str]
) -> tuple[list[StoredRun], dict[str, int]]:
    """Return the runs of blocks that can be trained again, and by reason the number of others.

    Only `modules`, those that the catalogue of methods names in `uses`, are run: a stored record
    may come from elsewhere and name any file.

    Raises:
        InputError: a block cannot be read.
    """
    runs: list[StoredRun] = []
    left_out: Counter[str] = Counter()
    for block in blocks:
        for record in read_records(RunStore().folder(block)):
            if reason := _obstacle(block, record, modules):
                left_out[reason] += 1
            else:
                runs.append(StoredRun(block, record))
    return runs, dict(left_out)


def draw(runs: Sequence[StoredRun], size: int, *, seed: int) -> list[StoredRun]:
    """Return a sample of runs, at most `size`; the same seed draws the same sample."""
    ordered = sorted(runs, key=lambda run: (str(run.block), run.record.seed))
    chosen = random.Random(seed).sample(range(len(ordered)), min(size, len(ordered)))
    return [ordered[i] for i in sorted(chosen)]


def verify(run: StoredRun) -> Repetition:
    """Train a repeatable run again in a temporary folder, and compare the results.

    Parameters, precision and the number of threads are those of the first training.

    Raises:
        InputError: a file cannot be read.
    """
    block, record = run.block, run.record
    stored = {r.record.seed: r for r in read_runs(RunStore().folder(block))}
    data = PROCESSED / block.dataset
    second = _train(record, data / "views.safetensors")
    y_true = read_samples(data / "samples.csv").y_true
    verdict, differences = compare(stored[record.seed], second, y_true)
    cell = (block.dataset, block.method, block.params_hash)
    return Repetition(*cell, record.seed, verdict, differences, _note(record, second.record))


def compare(first: Run, second: Run, y_true: NDArray[Any]) -> tuple[Verdict, dict[str, float]]:
    """Return the verdict on two runs, and by metric the second score minus the first.

    The first run ended `ok`, the second in any way. `y_true`, (n_samples,), are the classes.
    """
    a, b = first.y_pred, second.y_pred
    if a is None or b is None or a.shape != b.shape:
        return "different", {}
    differences = {m: METRICS[m](y_true, b) - METRICS[m](y_true, a) for m in COMPARED}
    if np.array_equal(a, b):
        return "identical", differences
    table = contingency(a, b) > 0
    if (table.sum(axis=0) == 1).all() and (table.sum(axis=1) == 1).all():
        return "same partition", differences
    # scores are rounded to six digits
    within = all(abs(d) <= TOLERANCE + 1e-6 for d in differences.values())
    return "within tolerance" if within else "different", differences


def _obstacle(block: SeedBlock, record: Record, modules: Collection[str]) -> str:
    """Return why a run cannot be trained again and compared; an empty text if it can."""
    if record.status != "ok":
        return "did not end ok"
    if record.origin == "imported":
        return "imported"
    if record.uses not in modules:
        return "module not in the catalogue"
    source, checksum = _fingerprint(record.uses), data_checksum(block.dataset)
    if not source:
        return "source not found"
    if not checksum:
        return "data not here"
    key = replace(
        RunKey.of(record),
        fingerprint=source,
        data_checksum=checksum,
        format_version=FORMAT_VERSION,
    )
    field = key.changed_field(record)
    return field and f"other {field}"


@cache  # thousands of runs are of a few modules
def _fingerprint(uses: str) -> str:
    """Return today's fingerprint of a module; an empty text if it is not found."""
    try:
        return fingerprint(locate(uses))
    except InputError:
        return ""


def _train(record: Record, views: Path) -> Run:
    job = Job(
        method=record.method,
        uses=record.uses,
        params=record.params,
        precision=record.precision,
        fingerprint=record.fingerprint,
        views=views,
        seeds=(record.seed,),
        threads=record.threads,
        gpus=int(record.memory.get("device", 0) > 0),
        # this machine may be slower
        timeout_minutes=max(60.0, 5 * record.seconds.get("total", 0.0) / 60),
        restarts=record.n_restarts,
        checkpoint=record.checkpoint,
    )
    with TemporaryDirectory(prefix="mmbench-verify-") as folder:
        fit(job, Path(folder, "block"))
        (run,) = read_runs(Path(folder, "block"))
    return run


def _note(first: Record, second: Record) -> str:
    notes = [] if second.status == "ok" else [f"{second.status}: {second.reason}"]
    pairs = {name: (version, second.versions.get(name)) for name, version in first.versions.items()}
    pairs["device"] = (first.device, second.device)
    notes += [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if new and old != new]
    return "; ".join(notes)
