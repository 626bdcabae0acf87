"""A Gaussian mixture model on the concatenation of all views.

The views, each with the same weight, are reduced by PCA. Expectation-maximisation fits one Gaussian
with a full covariance to each cluster; a sample goes to its most likely component.

Source: Dempster, Laird & Rubin, Journal of the Royal Statistical Society B 39(1), 1977; Fraley
& Raftery, Journal of the American Statistical Association 97, 2002. scikit-learn computes it.
Departures: few principal components, since a full covariance of d columns has d² / 2 parameters to
estimate from one cluster; they are divided by a single number, so that the ridge has the same
effect on all data.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.canonical import of_unit_variance
from mmbench.nn.preprocessing import joint_features, require_samples


@dataclass(frozen=True)
class GMMConcat:
    """Hyperparameters of the method.

    Attributes:
        max_features: maximum number of principal components.
        ridge: added to the variances, in units of the mean variance of the components.
        n_init: number of fits, each initialised by k-means; the most likely one is kept.
        max_steps: maximum number of steps of expectation-maximisation in each fit.
    """

    max_features: PositiveInt = 20
    ridge: PositiveFloat = 1e-3
    n_init: PositiveInt = 5
    max_steps: PositiveInt = 200

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, images (as pixels) or mixed-modal features.

        Logged are the principal components as embedding, and the negative mean log likelihood of
        the training samples, in nats, as loss.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to train
                on than clusters, or than two.
        """
        z = joint_features(data, max_features=self.max_features, seed=seed, held_out=True)
        require_samples(data, max(2, data.n_clusters))
        scaled = of_unit_variance(z, data.fit_index)
        model = GaussianMixture(
            data.n_clusters,
            reg_covar=self.ridge,
            n_init=self.n_init,
            max_iter=self.max_steps,
            random_state=seed,
        )
        # one thread, for the reason given in `fitted_kmeans`: it starts from k-means
        with threadpool_limits(limits=1, user_api="openmp"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scaled[data.fit_index])
        y_pred: NDArray[np.int64] = model.predict(scaled).astype(np.int64)
        log(0, loss=-float(model.score(scaled[data.fit_index])), y_pred=y_pred, embedding=z)
        return y_pred


METHOD = GMMConcat
