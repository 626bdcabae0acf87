"""k-means on the concatenation of all views.

Mixed-modal samples, which have one view each, are mapped to one space by a PCA of each modality;
nothing makes the axes of one modality correspond to those of another.

Source: common practice; for mixed-modal data, the k-means row of DM2C (Jiang et al., NeurIPS 2019).
Departures: DM2C keeps up to 2048 principal components of unscaled features, fitted on all samples;
here there are at most 100, of views scaled to equal weight, fitted on the samples to train on. The
entry `kmeans-pca` keeps as many as DM2C and does not scale the views.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import joint_features, kmeans_assignments


@dataclass(frozen=True)
class KMeansConcat:
    """Hyperparameters of the method.

    Attributes:
        max_features: maximum number of principal components.
        equal_weights: divide each view by its range and the root of its number of columns.
        n_init: number of k-means starts.
    """

    max_features: PositiveInt = 100
    equal_weights: bool = True
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, images (as pixels) or mixed-modal features.

        The principal components are logged as embedding.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to train
                on than clusters.
        """
        z = joint_features(
            data,
            max_features=self.max_features,
            seed=seed,
            held_out=True,
            equal_weights=self.equal_weights,
        )
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z)
        return y_pred


METHOD = KMeansConcat
