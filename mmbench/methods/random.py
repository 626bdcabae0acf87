"""Clusters drawn at random: the baseline of a method that has learned nothing.

ARI is 0 on average; ACC and NMI are above 0, the more so the fewer samples a cluster has.

Source: common practice.
Departures: none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmbench.data import Dataset
from mmbench.methods import Log, silent


@dataclass(frozen=True)
class Random:
    """No hyperparameters."""

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Return a cluster for each sample, drawn uniformly, whatever the data."""
        return np.random.default_rng(seed).integers(data.n_clusters, size=data.n_samples)


METHOD = Random
