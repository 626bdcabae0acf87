"""One cluster for all samples: the lower bound of every table.

Its ACC is the share of the largest class, its NMI and ARI are 0. On a data set with one large
class, an ACC below this row means that a method is worse than no clustering at all.

Source: common practice.
Departures: none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmbench.data import Dataset
from mmbench.methods import Log, silent


@dataclass(frozen=True)
class Majority:
    """No hyperparameters."""

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Return the cluster 0 for every sample, whatever the data."""
        return np.zeros(data.n_samples, np.int64)


METHOD = Majority
