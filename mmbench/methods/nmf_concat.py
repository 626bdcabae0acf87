"""Non-negative matrix factorisation of the concatenation of all views, then k-means.

Every sample is approximated by a non-negative combination of as many non-negative parts as there
are clusters: X ≈ W H, with W and H at least 0. k-means clusters the rows of W, in the units of X.

Source: Xu, Liu & Gong, Document clustering based on non-negative matrix factorization, SIGIR
2003; Lee & Seung, Nature 401, 1999. scikit-learn computes it.
Departures: k-means of W, where Xu et al. assign a sample to its largest part; singular vectors and
coordinate descent replace random starts and multiplicative updates. A view with negative values is
shifted to a minimum of 0, and each view is divided by one number, so that all have equal weight.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from mmbench.data import Dataset, Index
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import Matrix, kmeans_assignments


@dataclass(frozen=True)
class NMFConcat:
    """Hyperparameters of the method; there are as many parts as clusters.

    Attributes:
        max_steps: maximum number of steps of coordinate descent.
        n_init: number of k-means starts.
    """

    max_steps: PositiveInt = 500
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels).

        Held-out samples are decomposed into the parts of the others. W is logged as embedding.

        Raises:
            IncompatibleDataError: incomplete views, or fewer samples to train on than clusters.
        """
        views = data.paired_features(pixels=True, held_out=True)
        x = np.hstack([non_negative(view, data.fit_index) for view in views])
        z = part_weights(x, data.fit_index, data.n_clusters, max_steps=self.max_steps, seed=seed)
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z)
        return y_pred


def non_negative(x: Matrix, fit_rows: Index) -> Matrix:
    """Return x, (n_samples, n_features), shifted to be non-negative, and scaled.

    The mean squared norm of the training rows is 1. Zero stays zero if no value is negative. A
    held-out value below the training minimum becomes 0.
    """
    fitted = x[fit_rows]
    low = min(float(fitted.min()), 0.0)
    scale = float(np.sqrt(np.mean(np.square(fitted - low, dtype=np.float64).sum(axis=1))))
    shifted: Matrix = np.maximum(x - np.float32(low), 0) / np.float32(scale or 1.0)
    return shifted


def part_weights(x: Matrix, fit_rows: Index, n_parts: int, *, max_steps: int, seed: int) -> Matrix:
    """Return W, (n_samples, n_parts), at least 0, for parts H scaled to length 1.

    The training rows of x, (n_samples, n_features), at least 0, determine the parts. The start is
    random instead of singular vectors if x has fewer training rows or columns than parts.
    """
    init = "nndsvda" if n_parts <= min(len(fit_rows), x.shape[1]) else "random"
    model = NMF(n_parts, init=init, max_iter=max_steps, random_state=seed)
    weights = np.empty((len(x), n_parts), np.float32)
    held_out = np.setdiff1d(np.arange(len(x)), fit_rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum number of iterations", ConvergenceWarning)
        weights[fit_rows] = model.fit_transform(x[fit_rows])
        if len(held_out):  # separately: the rows affect when the descent stops
            weights[held_out] = model.transform(x[held_out])
    scaled: Matrix = weights * np.linalg.norm(model.components_, axis=1).astype(np.float32)
    return scaled


METHOD = NMFConcat
