"""Non-negative factors of all views side by side, clustered by k-means.

Every sample is written as a sum of non-negative parts, one for each cluster, that the samples
share: X ≈ W H, with W and H at least 0. The rows of W, in the units of X, say how much of each
part a sample has; k-means clusters them.

Source: Xu, Liu & Gong, Document clustering based on non-negative matrix factorization, SIGIR
2003; Lee & Seung, Nature 401, 1999. scikit-learn computes it.
Departures: k-means of W, where Xu et al. take the largest part of a sample, since parts of
features other than word counts need not be clusters; a start from singular vectors and
coordinate descent in place of random starts and multiplicative steps. A view that holds
negative values is shifted until its least one is 0, and each view is divided by one number, so
that all have the same weight.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveInt
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from mmbench.data import Dataset, Index
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class NMFConcat:
    """Hyperparameters of the method; there are as many parts as clusters.

    Attributes:
        max_steps: of coordinate descent, at most.
        n_init: starts of k-means, of which the one of least inertia is kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    max_steps: PositiveInt = 500
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels in [0, 1]).

        Args:
            data: at least one view. Held-out samples are written in the parts of the others,
                and go to the nearest centroid. Memory is linear in the samples, about three
                times the views in float32.
            seed: of the singular vectors and of the starts of k-means.
            device: unused.
            log: called once, with the parts of each sample.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: a sample lacks a view, or there are fewer samples to train
                on than clusters.
        """
        views = data.paired_features(pixels=True, held_out=True)
        x = np.hstack([not_negative(view, data.fit_index) for view in views])
        z = parts(x, data.fit_index, data.n_clusters, max_steps=self.max_steps, seed=seed)
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z)
        return y_pred


def not_negative(x: Matrix, fit_rows: Index) -> Matrix:
    """Return x shifted where it holds negative values, over one number.

    Rows of the training samples have a root mean square of 1 in all. Zero stays zero where
    nothing is negative. A held-out value below the least one to train on becomes 0.

    Args:
        x: (n_samples, n_features).
        fit_rows: the rows that give the shift and the number.
    """
    fitted = x[fit_rows]
    least = min(float(fitted.min()), 0.0)
    size = float(np.sqrt(np.mean(np.square(fitted - least, dtype=np.float64).sum(axis=1))))
    shifted: Matrix = np.maximum(x - np.float32(least), 0) / np.float32(size or 1.0)
    return shifted


def parts(x: Matrix, fit_rows: Index, n_parts: int, *, max_steps: int, seed: int) -> Matrix:
    """Return how much of each part a sample has, (n_samples, n_parts), at least 0.

    Parts have length 1, so the numbers are in the units of x.

    Args:
        x: (n_samples, n_features), at least 0.
        fit_rows: the rows that give the parts.
        n_parts: how many.
        max_steps: of coordinate descent, at most.
        seed: of the singular vectors, or of the start where x has fewer rows or columns
            than parts.
    """
    start = "nndsvda" if n_parts <= min(len(fit_rows), x.shape[1]) else "random"
    model = NMF(n_parts, init=start, max_iter=max_steps, random_state=seed)
    shares = np.empty((len(x), n_parts), np.float32)
    held_out = np.setdiff1d(np.arange(len(x)), fit_rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum number of iterations", ConvergenceWarning)
        shares[fit_rows] = model.fit_transform(x[fit_rows])
        if len(held_out):  # apart, since descent stops by the rows that it is given
            shares[held_out] = model.transform(x[held_out])
    scaled: Matrix = shares * np.linalg.norm(model.components_, axis=1).astype(np.float32)
    return scaled


METHOD = NMFConcat
