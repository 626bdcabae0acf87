"""Each modality is clustered well, and the clusters are matched by nothing but the seed."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.kmeans_per_modality import KMeansPerModality


def test_each_modality_is_clustered_whatever_the_matching(mixed_blobs):
    data, y_true = mixed_blobs
    y_pred = KMeansPerModality().fit_predict(data, seed=0)
    for view in data.views:
        assert adjusted_rand_score(y_true[view.sample_index], y_pred[view.sample_index]) > 0.95


def test_the_matching_is_uniformly_random(mixed_blobs):
    data, y_true = mixed_blobs
    method = KMeansPerModality(n_init=3)
    solved = [
        adjusted_rand_score(y_true, method.fit_predict(data, seed=seed)) > 0.95
        for seed in range(60)
    ]
    # one of the 3! matchings is right; six standard deviations around 10 of 60 are 0 to 27
    assert 0 < sum(solved) < 27


def test_held_out_samples_are_assigned(split_mixed_blobs):
    data, y_true = split_mixed_blobs
    y_pred = KMeansPerModality().fit_predict(data, seed=0)
    for view in data.views:
        held_out = np.setdiff1d(view.sample_index, data.fit_index)
        assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) > 0.95


def test_paired_views_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs mixed-modal samples"):
        KMeansPerModality().fit_predict(data, seed=0)
