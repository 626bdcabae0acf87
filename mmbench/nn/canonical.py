"""Canonical projections of views: directions in which the views of a sample correlate.

They are computed by cca-zoo. Multiset CCA of two views equals CCA.
"""

import numpy as np
from cca_zoo.linear import MCCA
from numpy.typing import ArrayLike, NDArray

from mmbench.data import Index


def of_unit_variance(x: NDArray[np.float32], fit_rows: Index) -> NDArray[np.float64]:
    """Return x, (n_samples, n_features), divided by one number; a constant x is unchanged.

    The mean variance of its columns on the `fit_rows` is then 1.
    """
    wide = x.astype(np.float64)
    variance = float(wide[fit_rows].var(axis=0).mean())
    return wide / (variance**0.5 or 1.0)


def canonical(
    views: list[NDArray[np.float64]], fit_rows: Index, n_components: int, shrinkage: float
) -> NDArray[np.float64]:
    """Return the mean over views of their canonical projections, (n_samples, n_components).

    The views are (n_samples, n_features_v); there are at most as many components as the narrowest
    view has columns. The `shrinkage` of covariances towards the identity is in [0, 1].
    """
    n_components = min(n_components, *(x.shape[1] for x in views))
    # no PCA of its own: the views are principal components already
    cca = MCCA(n_components=n_components, shrinkage=shrinkage, pca=False)
    training: list[ArrayLike] = [x[fit_rows] for x in views]
    projections = cca.fit(training).transform(list[ArrayLike](views))
    z: NDArray[np.float64] = np.mean(projections, axis=0)
    return z
