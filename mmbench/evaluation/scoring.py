"""Compare stored runs with the labels: the verb `score`, and the only place where both meet.

Three files come out of one data set:

- scores: rows of dataset, method, params_hash, seed, selection, epoch, subset, metric, value.
  Selection `last` is the result of the run; `oracle` is chosen by label and nobody may claim
  it: the best checkpoint by ACC, or, as subset `view:NAME`, the best view by ACC. An empty
  epoch is the end of training. Subsets: `all`; `train` and `test` where samples are held out;
  `modality:NAME`; `view:NAME` for the assignments by one view alone, over the samples it
  describes. Every subset is matched with the classes by itself.
- records: one row per wanted run, whatever its status, with its cost and provenance.
- details, for figures: an .npz of `classes` (names by label) and, for each method and seed,
    `acc/METHOD/SEED` (2, n_checkpoints): epochs and ACC of the stored checkpoints
    `loss/METHOD/SEED/TERM` (2, n_epochs): epochs and values of a logged figure
  and, for the first seed that ended ok (the first with an embedding),
    `confusion/METHOD/SEED` (n_classes, n_columns): counts after matching, see `metrics.matched`
    `embedding/METHOD/SEED` (n_rows, n_latent), at most 2 000 samples
    `embedding_rows/METHOD/SEED` which samples; `embedding_true` and `embedding_pred`, their
    classes and clusters
  and, where two methods or more ended ok,
    `agreement_methods` (n_methods,) their names, in order
    `agreement` (n_methods, n_methods) the ARI between the clusters of their first seeds that
    ended ok, over at most 10 000 samples; no label is used.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.evaluation.metrics import METRICS, acc, accuracies, ari, matched, modality_mixing, nmi
from mmbench.files import read_csv, replacing
from mmbench.runs import Record, Run, read_runs

SCORE_COLUMNS = (
    "dataset",
    "method",
    "params_hash",
    "seed",
    "selection",
    "epoch",
    "subset",
    "metric",
    "value",
)
SECONDS = ("setup", "training", "inference", "waiting", "total")
RECORD_COLUMNS = (
    "dataset",
    "method",
    "params_hash",
    "seed",
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
MAX_EMBEDDED = 2000
MAX_COMPARED = 10_000  # samples; the ARI of two methods is then good to two digits
MAX_LOG_TAIL = 8000  # characters; some readers of .csv refuse long fields

Mask = NDArray[np.bool_]
Labels = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """What is known of the samples of a data set.

    Attributes:
        y_true: (n_samples,), the class of each.
        classes: (n_classes,), their names; the label is the index.
        modality: (n_samples,) int, which of `modalities` a sample has, -1 outside mixed data.
        modalities: their names, sorted.
        subsets: by name, (n_samples,) which samples belong to it; `all` first.
    """

    y_true: NDArray[np.int64]
    classes: NDArray[np.str_]
    modality: NDArray[np.int64]
    modalities: tuple[str, ...]
    subsets: dict[str, Mask]


def score(
    dataset: str,
    samples: Path,
    runs: Path,
    select: Mapping[str, str],
    seeds: Sequence[int],
    *,
    scores: Path,
    details: Path,
    records: Path,
    fingerprint: str = "",
) -> None:
    """Score the runs of a data set and write three files, all whole or none.

    Args:
        dataset: its name.
        samples: its `samples.csv`; a header alone where the data are unavailable.
        runs: the folder of all runs, `results/runs`.
        select: for each method entry, the settings to score.
        seeds: which runs of each must be there.
        scores: where the tidy scores go, .csv.
        details: where arrays for figures go, .npz.
        records: where the records of the runs go, .csv.
        fingerprint: of the source that scores, to write down in every record.

    Raises:
        InputError: a run is missing, a file cannot be read, or assignments do not fit the
            samples; the message names the file.
    """
    known = read_samples(samples)
    score_rows: list[tuple[Any, ...]] = []
    record_rows: list[list[Any]] = []
    arrays: dict[str, NDArray[Any]] = {"classes": known.classes}
    first_of: dict[str, Labels] = {}
    for method, params_hash in select.items():
        found = find_runs(runs / dataset / method / params_hash, seeds)
        for run, file in found:
            entry = (dataset, method, params_hash, run.record.seed)
            record_rows.append([*entry, *_record_values(run.record), fingerprint])
            if run.record.status == "ok":
                _check_assignments(run, len(known.y_true), file)
                curve = _accuracy_curve(run, known)
                score_rows += ((*entry, *row) for row in _score_run(run, curve, known))
                arrays |= _curves(f"{method}/{run.record.seed}", run, curve)
                if run.y_pred is not None:
                    first_of.setdefault(method, run.y_pred)
        arrays |= _pictures(method, [run for run, _ in found if run.record.status == "ok"], known)
    arrays |= _agreement(first_of)

    with ExitStack() as stack:
        s, d, r = (stack.enter_context(replacing(path)) for path in (scores, details, records))
        _write_csv(s, SCORE_COLUMNS, score_rows)
        _write_csv(r, RECORD_COLUMNS, record_rows)
        with d.open("wb") as file_:
            np.savez_compressed(file_, allow_pickle=False, **arrays)


def read_samples(path: Path) -> Samples:
    """Return the samples of a data set.

    Args:
        path: a .csv with columns sample, label, class, split, modality and source_row; label
            is 0..n_classes-1, split is train or test, modality is empty outside mixed data.

    Raises:
        InputError: the file is missing or is not of this form.
    """
    columns = ("sample", "label", "class", "split", "modality")
    rows = read_csv(path, columns, what="the samples of a data set")
    names: dict[int, str] = {}
    labels = []
    for i, row in enumerate(rows):
        sound = row["split"] in ("train", "test") and row["sample"] == str(i)
        if not (sound and row["label"].isdecimal()):
            raise InputError(
                f"{path}: expected sample {i} with a label from 0, a split (train or test) and a"
                f" modality, got {', '.join(map(str, row.values()))}"
            )
        labels.append(int(row["label"]))
        names.setdefault(labels[-1], row["class"])
    y_true = np.array(labels, dtype=np.int64)
    classes = np.array([names.get(i, str(i)) for i in range(max(names, default=-1) + 1)], dtype=str)
    modalities = tuple(sorted({row["modality"] for row in rows} - {""}))
    number = {name: i for i, name in enumerate(modalities)}
    modality = np.array([number.get(row["modality"], -1) for row in rows], dtype=np.int64)
    subsets = {"all": np.ones(len(rows), dtype=bool)}
    held_out = np.array([row["split"] == "test" for row in rows], dtype=bool)
    if held_out.any():
        subsets |= {"train": ~held_out, "test": held_out}
    subsets |= {f"modality:{name}": modality == i for name, i in number.items()}
    return Samples(
        y_true, classes, modality, modalities, {k: m for k, m in subsets.items() if m.any()}
    )


def find_runs(folder: Path, seeds: Sequence[int]) -> list[tuple[Run, Path]]:
    """Return the run of each seed, in order, with the file of its assignments.

    Blocks may overlap, when the number of seeds per job was changed; the run that started
    last counts, since an earlier one may come from an earlier version of the method.

    Args:
        folder: the blocks of one data set, method and params_hash, such as `0-4`.
        seeds: wanted.

    Raises:
        InputError: a seed has no run, or a file cannot be read.
    """
    wanted = set(seeds)
    found: dict[int, tuple[Run, Path]] = {}
    for block in sorted(folder.iterdir()) if folder.is_dir() else ():
        ends = re.fullmatch(r"(\d+)-(\d+)", block.name)
        if not ends or not wanted & set(range(int(ends[1]), int(ends[2]) + 1)):
            continue
        file = block / "assignments.npz"
        if not file.exists() and not (block / "runs.json").exists():
            continue  # it was cleared, and other blocks may have its seeds
        for run in read_runs(file, block / "runs.json"):
            seed = run.record.seed
            if seed in wanted and (
                seed not in found or run.record.started > found[seed][0].record.started
            ):
                found[seed] = run, file
    missing = [seed for seed in seeds if seed not in found]
    if missing:
        here = ", ".join(map(str, sorted(found))) or "none"
        raise InputError(f"{folder}: expected a run of seed {missing[0]}, found {here}")
    return [found[seed] for seed in seeds]


def _check_assignments(run: Run, n_samples: int, file: Path) -> None:
    """Raise InputError where the arrays of a run do not fit the samples."""
    seed = run.record.seed
    arrays: dict[str, Labels | None] = {f"seed_{seed}": run.y_pred}
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
    for view, part in run.view_assignments.items():
        if part.shape != (n_samples,):
            raise InputError(
                f"{file}: expected view_{seed}_{view} to assign {n_samples} samples,"
                f" got shape {part.shape}"
            )


def _accuracy_curve(run: Run, known: Samples) -> NDArray[np.float64]:
    """Return (2, n_checkpoints): the epochs of the stored checkpoints and their ACC."""
    if run.history is None or run.epochs is None or not len(run.history):
        return np.empty((2, 0))
    return np.stack([run.epochs, accuracies(known.y_true, run.history)])


def _score_run(
    run: Run, curve: NDArray[np.float64], known: Samples
) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield (selection, epoch, subset, metric, value) of a run that ended ok."""
    assert run.y_pred is not None
    yield from _score_assignments("last", "", run.y_pred, known)
    if run.history is not None and curve.size:
        epochs, values = curve
        best = int(values.argmax())
        # who peeks may also keep the end, so peeking never costs
        if values[best] < acc(known.y_true, run.y_pred):
            yield from _score_assignments("oracle", "", run.y_pred, known)
        else:
            yield from _score_assignments(
                "oracle", str(int(epochs[best])), run.history[best], known
            )

    views = {
        name: (part >= 0, part) for name, part in run.view_assignments.items() if (part >= 0).any()
    }
    view_scores = {
        name: _all_metrics(known.y_true[described], part[described])
        for name, (described, part) in views.items()
    }
    for name, values_ in view_scores.items():
        yield from (("last", "", f"view:{name}", m, v) for m, v in values_.items())
    # views of mixed data describe different samples: none of them is the better one
    if view_scores and not known.modalities:
        best_view = max(view_scores, key=lambda name: view_scores[name]["acc"])
        for metric, value in view_scores[best_view].items():
            yield "oracle", "", f"view:{best_view}", metric, value


def _score_assignments(
    selection: str, epoch: str, y_pred: Labels, known: Samples
) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield the scores of one assignment of all samples, for each subset."""
    for subset, mask in known.subsets.items():
        for metric, value in _all_metrics(known.y_true[mask], y_pred[mask]).items():
            yield selection, epoch, subset, metric, value
    if known.modalities:  # needs no labels: do clusters follow the modality, not the content?
        yield selection, epoch, "all", "nmi_modality", nmi(known.modality, y_pred)
        mixing = modality_mixing(known.modality, y_pred)
        yield selection, epoch, "all", "modality_mixing", mixing


def _all_metrics(y_true: Labels, y_pred: Labels) -> dict[str, float]:
    return {name: metric(y_true, y_pred) for name, metric in METRICS.items()}


def _curves(entry: str, run: Run, curve: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Return the curves of a run for the details file."""
    arrays = {
        f"loss/{entry}/{term}": np.array(points, dtype=np.float32).T
        for term, points in run.record.losses.items()
        if points
    }
    if curve.size:
        arrays[f"acc/{entry}"] = curve.astype(np.float32)
    return arrays


def _pictures(method: str, runs: Sequence[Run], known: Samples) -> dict[str, NDArray[Any]]:
    """Return the confusion matrix of the first run and the first embedding that there is."""
    arrays: dict[str, NDArray[Any]] = {}
    if runs and runs[0].y_pred is not None:
        table = matched(known.y_true, runs[0].y_pred, len(known.classes))
        arrays[f"confusion/{method}/{runs[0].record.seed}"] = table.astype(np.int32)
    for run in runs:
        if run.embedding is not None and run.y_pred is not None:
            entry = f"{method}/{run.record.seed}"
            n_samples = len(run.embedding)
            # samples are stored in random order, so evenly spaced rows are a fair part
            rows = np.linspace(0, n_samples - 1, min(n_samples, MAX_EMBEDDED)).round().astype(int)
            arrays[f"embedding/{entry}"] = run.embedding[rows]
            arrays[f"embedding_rows/{entry}"] = rows.astype(np.int32)
            arrays[f"embedding_true/{entry}"] = known.y_true[rows].astype(np.int32)
            arrays[f"embedding_pred/{entry}"] = run.y_pred[rows]
            break
    return arrays


def _agreement(y_preds: Mapping[str, Labels]) -> dict[str, NDArray[Any]]:
    """Return the ARI between the assignments of each pair of methods, if there is a pair."""
    if len(y_preds) < 2:
        return {}
    n_samples = len(next(iter(y_preds.values())))
    rows = np.linspace(0, n_samples - 1, min(n_samples, MAX_COMPARED)).round().astype(int)
    some = [y_pred[rows] for y_pred in y_preds.values()]
    table = np.eye(len(some), dtype=np.float32)
    for i, j in combinations(range(len(some)), 2):
        table[i, j] = table[j, i] = ari(some[i], some[j])
    return {"agreement": table, "agreement_methods": np.array(list(y_preds), dtype=str)}


def _record_values(record: Record) -> list[Any]:
    """Return what the records file keeps of a run, in the order of `RECORD_COLUMNS`."""
    versions = "; ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    return [
        record.status,
        " ".join(record.reason.split()),
        *(record.seconds.get(part, "") for part in SECONDS),
        record.memory.get("host", ""),
        record.memory.get("device", ""),
        record.device,
        record.threads,
        record.precision,
        record.started,
        record.git_commit or "",
        "" if record.git_clean is None else record.git_clean,
        record.fingerprint,
        record.data_checksum,
        versions,
        record.format_version,
        record.host,
        record.origin,
        json.dumps(record.params, sort_keys=True),
        record.log_tail[-MAX_LOG_TAIL:],
    ]


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # six digits: finer differences are those of the machine
        writer.writerows([round(x, 6) if isinstance(x, float) else x for x in row] for row in rows)
