"""k-means on the mean of the views, after rotations that bring the rows of a sample together.

The views enter as in MIB clustering, whose rotation uses the pairing before anything is trained:
principal components in common dimensions, then a rotation of each view. A rotation changes no
distance within a view, so k-means of the views side by side would not show its effect.

Source: Gower, Psychometrika 40, 1975 (generalised Procrustes analysis), then k-means.
Departures: none; it is a control of MIB clustering and has no published number.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.alignment import adapt, rotated
from mmbench.nn.preprocessing import kmeans_assignments


@dataclass(frozen=True)
class KMeansRotated:
    """Hyperparameters of the method.

    Attributes:
        max_features: principal components of each view, as in MIB clustering.
        n_init: number of k-means starts.
    """

    max_features: PositiveInt = 100
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired feature views; the mean is logged as embedding.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, images, or fewer samples
                to train on than clusters.
        """
        arrays = data.paired_features(at_least=2, held_out=True)
        widest = max(x.shape[1] for x in arrays)
        n_features = min(self.max_features, len(data.fit_index) - 1, widest)
        adapted = [adapt(x, data.fit_index, n_features, seed=seed) for x in arrays]
        z = np.mean(rotated(adapted, np.tile(data.fit_index, (len(arrays), 1))), axis=0)
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z)
        return y_pred


METHOD = KMeansRotated
