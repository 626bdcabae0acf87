"""Views in common coordinates: principal components, rotated towards each other; no torch."""

from collections.abc import Sequence

import numpy as np

from mmbench.data import Index
from mmbench.nn.preprocessing import Matrix, principal


def adapt(x: Matrix, fit_rows: Index, n_features: int, *, seed: int) -> Matrix:
    """Return the principal components of a view, divided by one number, (n_rows, n_features).

    The columns of x, (n_rows, n_features_v), are first scaled to [0, 1]; a constant column becomes
    zeros. The first component has a standard deviation of 1. The others have less, since noise
    would otherwise become as large as the signal. A view with fewer columns is padded with zeros.
    The `fit_rows` determine ranges, axes and scale.
    """
    low, high = x[fit_rows].min(axis=0), x[fit_rows].max(axis=0)
    width = np.where(high > low, high - low, 1)
    components = principal((x - low) / width, n_features, fit_rows, seed=seed)
    scale = float(components[fit_rows, 0].std()) or 1.0
    padding = n_features - components.shape[1]
    return np.pad(components / np.float32(scale), ((0, 0), (0, padding)))


def rotated(views: Sequence[Matrix], rows: Index, sweeps: int = 5) -> list[Matrix]:
    """Return the views, rotated so that the rows of each sample are as close as possible.

    Distances within a view do not change. In each sweep each view is rotated towards the mean of
    the others.

    The views are (n_rows_v, n_features), centred; `rows` are those of `row_numbers` for the samples
    to fit on.

    Source: Gower, Psychometrika 40, 1975 (generalised Procrustes analysis, without scaling).
    """
    turned = list(views)
    for sweep in range(sweeps):
        for v, x in enumerate(views):
            # in the first sweep only the views before v have been rotated
            others = [u for u in range(len(views)) if u != v and (sweep or u < v)]
            products = []
            for u in others:
                both = (rows[v] >= 0) & (rows[u] >= 0)
                products.append(x[rows[v][both]].T @ turned[u][rows[u][both]])
            if products:
                left, _, right = np.linalg.svd(np.sum(products, axis=0))
                turned[v] = x @ (left @ right)
    return turned
