"""k-means on each view alone, as a baseline for methods that combine views.

The assignments by every view are logged as `view_assignments`. The method's own answer is the view
whose clusters are best separated by the mean silhouette, which needs no labels.

Source: Lloyd, IEEE Transactions on Information Theory 28(2), 1982, from k-means++ starts
(Arthur & Vassilvitskii, SODA 2007).
Departures: papers report the best view by the labels; the silhouette replaces it here. It favours
views with few columns, and is computed on at most 2000 training samples, drawn with the seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt
from sklearn.metrics import silhouette_score

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments

_SILHOUETTE_SAMPLES = 2000


@dataclass(frozen=True)
class KMeansView:
    """Hyperparameters of the method.

    Attributes:
        n_init: number of k-means starts.
    """

    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster each view of paired data or images (as pixels), and return the best separated.

        Raises:
            IncompatibleDataError: incomplete views, or fewer samples to train on than clusters.
        """
        arrays = data.paired_features(pixels=True, held_out=True)
        views = dict(zip((v.name for v in data.views), arrays, strict=True))
        view_assignments = {
            name: kmeans_assignments(x, data, seed=seed, n_init=self.n_init)
            for name, x in views.items()
        }
        rows = np.random.default_rng(seed).permutation(data.fit_index)[:_SILHOUETTE_SAMPLES]
        best = max(
            views, key=lambda name: separation(views[name][rows], view_assignments[name][rows])
        )
        y_pred = view_assignments[best]
        log(0, y_pred=y_pred, view_assignments=view_assignments)
        return y_pred


def separation(x: NDArray[np.float32], y_pred: NDArray[np.int64]) -> float:
    """Return the mean silhouette, in [-1, 1]; -1 without 2 to n_samples - 1 clusters."""
    if not 2 <= len(np.unique(y_pred)) < len(x):
        return -1.0
    return float(silhouette_score(x, y_pred))


METHOD = KMeansView
