"""Rows of samples in incomplete views, for methods that train on pairs of views."""

import numpy as np

from mmbench.data import Dataset, IncompatibleDataError, Index


def row_numbers(data: Dataset) -> Index:
    """Return (n_views, n_samples), the row of each sample in each view, -1 if it has none."""
    rows = np.full((len(data.views), data.n_samples), -1)
    for v, view in enumerate(data.views):
        rows[v, view.sample_index] = np.arange(len(view.sample_index))
    return rows


def samples_in_pairs(data: Dataset, rows: Index) -> Index:
    """Return the samples to train on that have at least two views, in increasing order.

    Args:
        data: at least two views.
        rows: `row_numbers` of the data.

    Raises:
        IncompatibleDataError: a view has fewer than two such samples.
    """
    has = rows[:, data.fit_index] >= 0
    paired = has.sum(axis=0) > 1
    for view, n in zip(data.views, (has & paired).sum(axis=1), strict=True):
        if n < 2:
            raise IncompatibleDataError(
                f"{data.name}: needs 2 samples to train on that have {view.name} and another"
                f" view, has {n}"
            )
    shared: Index = data.fit_index[paired]
    return shared
