"""k-means in each modality of mixed-modal data, the clusters matched at random.

The modalities are clustered separately, and a random permutation decides which clusters of two
modalities share a number. A method that relates the modalities should be better than this control.

Source: common practice; a control for mixed-modal methods.
Departures: none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.modalities import clusters_within


@dataclass(frozen=True)
class KMeansPerModality:
    """Hyperparameters of the method.

    Attributes:
        max_features: maximum number of principal components of a modality.
        n_init: number of k-means starts.
    """

    max_features: PositiveInt = 100
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features.

        Raises:
            IncompatibleDataError: not mixed-modal, images, or a modality with fewer samples to
                train on than clusters.
        """
        rng = np.random.default_rng(seed)
        y_pred = np.empty(data.n_samples, np.int64)
        for view in data.mixed_features(held_out=True):
            _, clusters = clusters_within(
                data, view, max_features=self.max_features, n_init=self.n_init, seed=seed
            )
            y_pred[view.sample_index] = rng.permutation(data.n_clusters)[clusters]
        log(0, y_pred=y_pred)
        return y_pred


METHOD = KMeansPerModality
