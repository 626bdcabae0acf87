"""Train stored runs again, and say how close the second result is to the first.

The verdicts, from best to worst:

- `identical`: the same bits;
- `same partition`: the same groups of samples, numbered differently;
- `within tolerance`: ACC, NMI and ARI each differ by at most `TOLERANCE`;
- `different`: anything else, a run that no longer ends `ok` included.

A run whose source or data have changed since is left out: another result of it says nothing.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.evaluation.metrics import METRICS, contingency
from mmbench.evaluation.samples import read_samples
from mmbench.files import read_csv
from mmbench.fingerprints import fingerprint
from mmbench.methods import locate
from mmbench.runs import FORMAT_VERSION, Record, Run, RunStore, SeedBlock, read_records, read_runs
from mmbench.training import Job, fit
from mmbench.views_file import read_metadata

TOLERANCE = 0.01  # of a score, which is a fraction
COMPARED = ("acc", "nmi", "ari")

Word = Literal["identical", "same partition", "within tolerance", "different"]


@dataclass(frozen=True)
class StoredRun:
    """A run under `results/runs`.

    Attributes:
        block: where it lies.
        record: how it went.
    """

    block: SeedBlock
    record: Record


@dataclass(frozen=True)
class Verdict:
    """How close the second result of a run is to the first.

    Attributes:
        dataset: of the run.
        method: the entry.
        params_hash: of the entry.
        seed: of the run.
        verdict: see the module.
        differences: by metric, the second score minus the first.
        note: what was not as it was the first time: versions, device, or how the run ended.
    """

    dataset: str
    method: str
    params_hash: str
    seed: int
    verdict: Word
    differences: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def blocks_of_benchmark(folder: Path) -> list[SeedBlock]:
    """Return the stored blocks that the scores of a benchmark were made from.

    Args:
        folder: `results/{benchmark}`.

    Raises:
        InputError: it has no records of runs.
    """
    files = sorted((folder / "records").glob("*.csv"))
    if not files:
        raise InputError(f"{folder}: expected records of runs in records/, found none")
    cells = set()
    for path in files:
        for row in read_csv(path, ["dataset", "method", "params_hash"]):
            cells.add((row["dataset"], row["method"], row["params_hash"]))
    return [block for cell in sorted(cells) for block in RunStore().blocks_of_cell(*cell)]


def sort_out(
    blocks: Iterable[SeedBlock], *, processed: Path
) -> tuple[list[StoredRun], dict[str, int]]:
    """Return the runs that can be trained again, and by reason how many cannot.

    Args:
        blocks: stored ones.
        processed: the folder of prepared data sets.

    Raises:
        InputError: a block cannot be read.
    """
    sound: list[StoredRun] = []
    left_out: Counter[str] = Counter()
    source = cache(_source)  # thousands of runs are of a few modules
    for block in blocks:
        for record in read_records(RunStore().folder(block)):
            obstacle = _obstacle(block, record, processed, source)
            if obstacle:
                left_out[obstacle] += 1
            else:
                sound.append(StoredRun(block, record))
    return sound, dict(left_out)


def sample(runs: Sequence[StoredRun], size: int, *, seed: int) -> list[StoredRun]:
    """Return `size` runs (all, where there are fewer), the same for the same seed."""
    ordered = sorted(runs, key=lambda run: (str(run.block), run.record.seed))
    chosen = random.Random(seed).sample(range(len(ordered)), min(size, len(ordered)))
    return [ordered[i] for i in sorted(chosen)]


def verify(run: StoredRun, *, processed: Path) -> Verdict:
    """Train a stored run again, in a scratch folder, and compare.

    Parameters, precision and the number of threads are those of the first time.

    Args:
        run: one that `sort_out` let pass.
        processed: the folder of prepared data sets; `samples.csv` is read for the scores.

    Raises:
        InputError: a file cannot be read.
    """
    first = next(
        each
        for each in read_runs(RunStore().folder(run.block))
        if each.record.seed == run.record.seed
    )
    folder = processed / run.block.dataset
    second = _trained(run.record, folder / "views.safetensors")
    y_true = read_samples(folder / "samples.csv").y_true
    word, differences = compare(first, second, y_true)
    note = _changes(first.record, second.record)
    cell = (run.block.dataset, run.block.method, run.block.params_hash, run.record.seed)
    return Verdict(*cell, word, differences, note)


def compare(first: Run, second: Run, y_true: NDArray[Any]) -> tuple[Word, dict[str, float]]:
    """Return the verdict on two runs, and by metric the second score minus the first.

    Args:
        first: ended ok.
        second: ended in any way.
        y_true: (n_samples,), the classes.
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
    # what a score of six digits rounds off does not count
    if all(abs(d) <= TOLERANCE + 1e-6 for d in differences.values()):
        return "within tolerance", differences
    return "different", differences


def _obstacle(
    block: SeedBlock, record: Record, processed: Path, source: Callable[[str], str]
) -> str:
    """Return why a run cannot be trained again and compared, or nothing."""
    if record.status != "ok":
        return "did not end ok"
    if record.origin == "imported":
        return "imported"
    if record.format_version != FORMAT_VERSION:
        return "other format version"
    today = source(record.uses)
    if not today:
        return "source not found"
    if today != record.fingerprint:
        return "source changed"
    views = processed / block.dataset / "views.safetensors"
    if not views.is_file() or "checksum" not in (told := read_metadata(views)):
        return "data not here"
    return "" if told["checksum"] == record.data_checksum else "data changed"


def _source(uses: str) -> str:
    """Return the fingerprint of a module as it is today, or nothing where it is not here."""
    try:
        return fingerprint(locate(uses))
    except InputError:
        return ""


def _trained(record: Record, views: Path) -> Run:
    """Return the run that the parameters of a record give today."""
    minutes = record.seconds.get("total", 0.0) / 60
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
        timeout_minutes=max(60.0, 5 * minutes),  # this machine may be slower
        restarts=record.n_restarts,
    )
    with TemporaryDirectory(prefix="mmbench-verify-") as scratch:
        fit(job, Path(scratch, "block"))
        (run,) = read_runs(Path(scratch, "block"))
    return run


def _changes(first: Record, second: Record) -> str:
    """Return what was another than the first time, as far as the records tell."""
    words = [] if second.status == "ok" else [f"{second.status}: {second.reason}"]
    told = {name: (version, second.versions.get(name)) for name, version in first.versions.items()}
    told["device"] = (first.device, second.device)
    words += [f"{name} {old} -> {new}" for name, (old, new) in told.items() if new and old != new]
    return "; ".join(words)
