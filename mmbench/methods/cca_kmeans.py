"""k-means on the projections of the views that correlate most.

Canonical correlation analysis finds a linear projection of each view such that the projections of
the same sample correlate. The mean of the projections is clustered by k-means.

Source: Chaudhuri, Kakade, Livescu & Sridharan, ICML 2009 (CCA, then clusters); Kettenring,
Biometrika 58(3), 1971 (more than two views); Vinod, Journal of Econometrics 4(2), 1976 (the
ridge). cca-zoo computes it.
Departures: views are first reduced to at most 100 principal components, which bounds the cost at
any width, and divided by a single number, their root mean variance, so that the ridge has the same
effect in every view. Multiset CCA is used throughout; with two views it is CCA.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.canonical import canonical, of_unit_variance
from mmbench.nn.preprocessing import kmeans_assignments, principal, require_samples


@dataclass(frozen=True)
class CCAKMeans:
    """Hyperparameters of the method.

    Attributes:
        n_components: canonical directions; fewer where a view has fewer columns.
        shrinkage: of each view's covariance towards a multiple of the identity: 0 is CCA, 1
            partial least squares.
        max_features: maximum number of principal components of each view.
        n_init: number of k-means starts.
    """

    n_components: PositiveInt = 10
    shrinkage: Annotated[float, Field(ge=0, le=1)] = 0.1
    max_features: PositiveInt = 100
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels).

        The mean of the projections is logged as embedding.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, fewer than two
                samples to train on, or fewer than clusters.
        """
        views = data.paired_features(at_least=2, pixels=True, held_out=True)
        fit_rows = data.fit_index
        require_samples(data, 2)
        reduced = [
            of_unit_variance(principal(x, self.max_features, fit_rows, seed=seed), fit_rows)
            for x in views
        ]
        z = canonical(reduced, fit_rows, self.n_components, self.shrinkage)
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z)
        return y_pred


METHOD = CCAKMeans
