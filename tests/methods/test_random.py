"""Clusters drawn at random: evenly, by the seed, whatever the data."""

import numpy as np
import pytest

from mmbench.data import Dataset
from mmbench.methods.random import Random


def test_all_clusters_are_equally_likely():
    data = Dataset.paired([np.zeros((9000, 1))], n_clusters=3)
    sizes = np.bincount(Random().fit_predict(data, seed=0), minlength=3)
    assert sizes.sum() == 9000
    assert sizes == pytest.approx(3000, abs=5 * np.sqrt(9000 * 2 / 9))  # five deviations


def test_seeds_differ(mixed_blobs):
    data, _ = mixed_blobs
    assert (Random().fit_predict(data, seed=0) != Random().fit_predict(data, seed=1)).any()
