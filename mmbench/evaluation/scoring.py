"""Compare stored runs with the labels: the verb `score`, the only place where both are read.

Three files are written for a data set:

- scores: rows of dataset, method, params_hash, seed, selection, epoch, subset, metric, value.
  The selection `last` is the result of the run. The selection `oracle` was chosen by label and is
  not a valid result: the checkpoint with the best ACC or, as subset `view:NAME`, the view with
  the best ACC. An empty epoch is the end of training; a result has another one where the
  checkpoint of lowest loss was requested. Subsets are `all`; `train` and `test` where
  samples are held out; `modality:NAME`; and `view:NAME` for the assignments by one view alone,
  over the samples that it describes. Each subset is matched with the classes on its own.
- records: one row for each requested run, whatever its status, with its cost and provenance.
- details: arrays for figures, see `mmbench.evaluation.details`.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.evaluation.details import Arrays, agreement, method_details
from mmbench.evaluation.metrics import METRICS, acc, modality_mixing, nmi
from mmbench.evaluation.samples import Samples, read_samples
from mmbench.files import replacing
from mmbench.runs import Record, Run, RunStore, SeedBlock

SECONDS = ("setup", "training", "inference", "waiting", "total")
_CELL = ("dataset", "method", "params_hash", "seed")
RECORD_COLUMNS = (
    *_CELL,
    "status",
    "reason",
    *(f"seconds_{part}" for part in SECONDS),
    "memory_host",
    "memory_device",
    "device",
    "threads",
    "precision",
    "started",
    "git_commit",
    "git_clean",
    "fingerprint",
    "data_checksum",
    "versions",
    "format_version",
    "host",
    "origin",
    "params",
    "log_tail",
    "scoring_fingerprint",
)
MAX_LOG_TAIL = 8000  # characters; some readers of .csv refuse long fields


class Score(NamedTuple):
    """One score of a run; the fields are columns of the scores file."""

    selection: str
    epoch: str
    subset: str
    metric: str
    value: float


SCORE_COLUMNS = (*_CELL, *Score._fields)


def score(
    dataset: str,
    samples: Path,
    store: RunStore,
    selection: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    *,
    scores: Path,
    details: Path,
    records: Path,
    fingerprint: str = "",
) -> None:
    """Score the runs of a data set and write three files, all of them or none.

    `samples` is the `samples.csv` of the data set, which has only a header where the data are
    unavailable. `selection` holds by method the blocks of `store` to read, such as
    `3f2a9c10/0-4`, and each method must have the `seeds`. The `fingerprint` of the source code that
    scores is stored in every record.

    Raises:
        InputError: a run is missing, a file cannot be read, or assignments do not fit the
            samples; the message names the file.
    """
    known = read_samples(samples)
    score_rows: list[tuple[Any, ...]] = []
    record_rows: list[list[Any]] = []
    arrays: Arrays = {"classes": known.classes}
    first_of: dict[str, NDArray[Any]] = {}
    for method, names in selection.items():
        blocks = [SeedBlock.named(dataset, method, name) for name in names]
        ended_ok = []
        for run, block in _chosen(store, dataset, method, blocks, seeds):
            cell = (dataset, method, block.params_hash, run.record.seed)
            record_rows.append([*cell, *_record_values(run.record), fingerprint])
            if run.record.status == "ok":
                check_assignments(run, len(known.y_true), store.files(block)[0])
                curve = accuracy_curve(run, known)
                score_rows += ((*cell, *row) for row in score_run(run, known, curve))
                ended_ok.append((run, curve))
                if run.y_pred is not None:
                    first_of.setdefault(method, run.y_pred)
        arrays |= method_details(method, ended_ok, known)
    arrays |= agreement(first_of)

    with ExitStack() as stack:
        s, d, r = (stack.enter_context(replacing(path)) for path in (scores, details, records))
        _write_csv(s, SCORE_COLUMNS, score_rows)
        _write_csv(r, RECORD_COLUMNS, record_rows)
        with d.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def score_run(
    run: Run, samples: Samples, curve: NDArray[np.float64] | None = None
) -> Iterator[Score]:
    """Yield every score of a run that ended ok; `curve` is its accuracy curve, where known."""
    assert run.y_pred is not None
    by_loss = run.record.checkpoint_epoch
    epoch = "" if by_loss is None else str(by_loss)
    yield from _score_assignments("last", epoch, run.y_pred, samples)
    curve = accuracy_curve(run, samples) if curve is None else curve
    if run.history is not None and curve.size:
        epochs, values = curve
        best = int(values.argmax())
        # the end of training is a candidate too, so that the oracle is never below the result
        if values[best] < acc(samples.y_true, run.y_pred):
            yield from _score_assignments("oracle", epoch, run.y_pred, samples)
        else:
            epoch = str(int(epochs[best]))
            yield from _score_assignments("oracle", epoch, run.history[best], samples)

    by_view: dict[str, dict[str, float]] = {}
    for name, y_pred in run.view_assignments.items():
        described = y_pred >= 0
        if described.any():
            by_view[name] = _all_metrics(samples.y_true[described], y_pred[described])
    for name, values_by_metric in by_view.items():
        for metric, value in values_by_metric.items():
            yield Score("last", "", f"view:{name}", metric, value)
    # the views of mixed-modal data describe different samples, so none of them is the best
    if by_view and not samples.modalities:
        best_view = max(by_view, key=lambda name: by_view[name]["acc"])
        for metric, value in by_view[best_view].items():
            yield Score("oracle", "", f"view:{best_view}", metric, value)


def accuracy_curve(run: Run, samples: Samples) -> NDArray[np.float64]:
    """Return (2, n_checkpoints): the epochs of the stored checkpoints and their ACC."""
    if run.history is None or run.epochs is None or not len(run.history):
        return np.empty((2, 0))
    return np.stack([run.epochs, [acc(samples.y_true, y_pred) for y_pred in run.history]])


def check_assignments(run: Run, n_samples: int, file: Path) -> None:
    """Raise InputError, naming `file`, if the arrays of a run do not fit the samples."""
    seed = run.record.seed
    arrays: dict[str, NDArray[Any] | None] = {f"seed_{seed}": run.y_pred}
    if run.history is not None and len(run.history):
        arrays[f"history_{seed}"] = run.history
    for name, array in arrays.items():
        if array is None:
            raise InputError(f"{file}: expected {name} of a run that ended ok, found none")
        if array.shape[-1] != n_samples:
            raise InputError(
                f"{file}: expected {name} to assign {n_samples} samples, got {array.shape[-1]}"
            )
        if array.min() < 0:
            raise InputError(f"{file}: expected clusters from 0 in {name}, got {array.min()}")
    for view, y_pred in run.view_assignments.items():
        if y_pred.shape != (n_samples,):
            raise InputError(
                f"{file}: expected view_{seed}_{view} to assign {n_samples} samples,"
                f" got shape {y_pred.shape}"
            )


def _chosen(
    store: RunStore, dataset: str, method: str, blocks: Sequence[SeedBlock], seeds: Sequence[int]
) -> list[tuple[Run, SeedBlock]]:
    """Return the run of each seed, in order, with its block."""
    found = store.runs(blocks)
    for seed in seeds:
        if seed not in found:
            stored = ", ".join(map(str, sorted(found))) or "none"
            raise InputError(
                f"{store.root / dataset / method}: expected a run of seed {seed}, found {stored}"
            )
    return [found[seed] for seed in seeds]


def _score_assignments(
    selection: str, epoch: str, y_pred: NDArray[Any], samples: Samples
) -> Iterator[Score]:
    for subset, mask in samples.subsets.items():
        for metric, value in _all_metrics(samples.y_true[mask], y_pred[mask]).items():
            yield Score(selection, epoch, subset, metric, value)
    if samples.modalities:  # without labels: do clusters follow the modality instead of the class?
        dependence = nmi(samples.modality, y_pred)
        yield Score(selection, epoch, "all", "nmi_modality", dependence)
        mixing = modality_mixing(samples.modality, y_pred)
        yield Score(selection, epoch, "all", "modality_mixing", mixing)


def _all_metrics(y_true: NDArray[Any], y_pred: NDArray[Any]) -> dict[str, float]:
    return {name: metric(y_true, y_pred) for name, metric in METRICS.items()}


def _record_values(record: Record) -> list[Any]:
    """Return the columns of the records file from `status` to `log_tail`."""
    versions = "; ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    values = {
        **vars(record),
        "reason": " ".join(record.reason.split()),
        **{f"seconds_{part}": record.seconds.get(part) for part in SECONDS},
        "memory_host": record.memory.get("host"),
        "memory_device": record.memory.get("device"),
        "versions": versions,
        "params": json.dumps(record.params, sort_keys=True),
        "log_tail": record.log_tail[-MAX_LOG_TAIL:],
    }
    names = RECORD_COLUMNS[len(_CELL) : -1]
    return ["" if values[name] is None else values[name] for name in names]


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # six digits: smaller differences are those of the machine
        writer.writerows([round(x, 6) if isinstance(x, float) else x for x in row] for row in rows)
