"""Clusters drawn at random: what a method must beat to have learned anything.

ARI is 0 on average; ACC and NMI are above 0, the more so the fewer samples a cluster has.

Source: common practice.
Departures: none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from mmbench.data import Dataset
from mmbench.methods import Log, silent


@dataclass(frozen=True)
class Random:
    """No hyperparameters."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Draw the cluster of each sample, all equally likely.

        Args:
            data: of any setting.
            seed: of the draws.
            device: unused.
            log: unused.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.
        """
        return np.random.default_rng(seed).integers(data.n_clusters, size=data.n_samples)


METHOD = Random
