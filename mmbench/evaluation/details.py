"""Arrays for figures, computed from runs and labels: curves, confusions, embeddings, agreement.

The details file of a data set is an .npz with `classes` (names by label) and

- for each method and seed, `acc/METHOD/SEED` (2, n_checkpoints), the epochs and the ACC of the
  stored checkpoints, and `loss/METHOD/SEED/TERM` (2, n_epochs), the epochs and values of a
  logged figure;
- for the first seed of a method that ended ok, `confusion/METHOD/SEED` (n_classes, n_columns),
  the counts after matching, see `metrics.matched`;
- for the first seed with an embedding, `embedding/METHOD/SEED` (n_rows, n_latent) with at most
  2 000 samples, `embedding_rows` which samples, `embedding_true` and `embedding_pred` their
  classes and clusters;
- where two methods or more ended ok, `agreement_methods` (n_methods,), their names, and
  `agreement` (n_methods, n_methods), the ARI between the clusters of their first seeds, over at
  most 10 000 samples. It uses no labels.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.evaluation.metrics import ari, matched
from mmbench.evaluation.samples import Samples
from mmbench.runs import Run

MAX_EMBEDDED = 2000
MAX_COMPARED = 10_000  # samples; the ARI of two methods is then exact to two digits

Arrays = dict[str, NDArray[Any]]


def method_details(
    method: str, runs: Sequence[tuple[Run, NDArray[np.float64]]], samples: Samples
) -> Arrays:
    """Return the arrays of one method.

    `runs` are those that ended ok, in the order of their seeds, each with its ACC curve.
    """
    arrays: Arrays = {}
    for run, curve in runs:
        entry = f"{method}/{run.record.seed}"
        for term, points in run.record.losses.items():
            if points:
                arrays[f"loss/{entry}/{term}"] = np.array(points, dtype=np.float32).T
        if curve.size:
            arrays[f"acc/{entry}"] = curve.astype(np.float32)
    if runs and (y_pred := runs[0][0].y_pred) is not None:
        table = matched(samples.y_true, y_pred, len(samples.classes))
        arrays[f"confusion/{method}/{runs[0][0].record.seed}"] = table.astype(np.int32)
    for run, _ in runs:
        if run.embedding is not None and run.y_pred is not None:
            entry = f"{method}/{run.record.seed}"
            rows = _evenly_spaced(len(run.embedding), MAX_EMBEDDED)
            arrays[f"embedding/{entry}"] = run.embedding[rows]
            arrays[f"embedding_rows/{entry}"] = rows.astype(np.int32)
            arrays[f"embedding_true/{entry}"] = samples.y_true[rows].astype(np.int32)
            arrays[f"embedding_pred/{entry}"] = run.y_pred[rows]
            break
    return arrays


def agreement(y_preds: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the ARI between the assignments of each pair of methods, if there is a pair."""
    if len(y_preds) < 2:
        return {}
    rows = _evenly_spaced(len(next(iter(y_preds.values()))), MAX_COMPARED)
    subset = [y_pred[rows] for y_pred in y_preds.values()]
    table = np.eye(len(subset), dtype=np.float32)
    for i, j in combinations(range(len(subset)), 2):
        table[i, j] = table[j, i] = ari(subset[i], subset[j])
    return {"agreement": table, "agreement_methods": np.array(list(y_preds), dtype=str)}


def _evenly_spaced(n: int, n_rows: int) -> NDArray[np.int64]:
    """Return at most `n_rows` of n rows; samples are stored in random order, so it is a sample."""
    return np.linspace(0, n - 1, min(n, n_rows)).round().astype(int)
