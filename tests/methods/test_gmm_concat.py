"""Clusters of any shape and size, and what k-means makes of them."""

from dataclasses import replace

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.gmm_concat import GMMConcat
from mmbench.methods.kmeans_concat import KMeansConcat


@pytest.mark.parametrize(
    "data_setting",
    ["paired_blobs", "three_view_blobs", "one_view_blobs", "image_blobs", "split_paired_blobs"],
)
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, GMMConcat().fit_predict(data, seed=0)) > 0.9


def test_clusters_that_no_view_tells_apart_alone_are_found_together(two_of_three):
    data, y_true = two_of_three
    for view in data.views:
        alone = GMMConcat().fit_predict(replace(data, views=(view,)), seed=0)
        assert adjusted_rand_score(y_true, alone) < 0.7
    assert adjusted_rand_score(y_true, GMMConcat().fit_predict(data, seed=0)) > 0.9


def test_a_tight_cluster_beside_a_wide_one_is_found_where_kmeans_cuts_the_wide_one():
    rng = np.random.default_rng(0)
    y_true = rng.integers(2, size=400)
    centres, widths = np.array([[0, 0], [2.5, 0]]), np.array([1.0, 0.1])
    x = centres[y_true] + widths[y_true, None] * rng.normal(size=(400, 2))
    data = Dataset.paired([x], n_clusters=2)
    assert adjusted_rand_score(y_true, GMMConcat().fit_predict(data, seed=0)) > 0.95
    assert adjusted_rand_score(y_true, KMeansConcat().fit_predict(data, seed=0)) < 0.8


def test_units_do_not_matter(paired_blobs):
    data, _ = paired_blobs
    views = tuple(replace(v, values=1e4 * v.values) for v in data.views)
    y_pred = GMMConcat().fit_predict(replace(data, views=views), seed=0)
    assert adjusted_rand_score(GMMConcat().fit_predict(data, seed=0), y_pred) == 1


def test_the_loss_is_the_entropy_of_one_gaussian():
    x = np.random.default_rng(0).normal(size=(5000, 3))
    log = RecordingLog()
    GMMConcat(ridge=1e-6).fit_predict(Dataset.paired([x], n_clusters=1), seed=0, log=log)
    # of unit variance in each direction, but for the variances of a finite sample
    assert log.last("loss") == pytest.approx(3 / 2 * np.log(2 * np.pi * np.e), abs=0.01)


@pytest.mark.filterwarnings("error")
def test_constant_data_break_nothing():
    y_pred = GMMConcat().fit_predict(Dataset.paired([np.ones((9, 2))], n_clusters=1), seed=0)
    np.testing.assert_array_equal(y_pred, 0)


def test_fewer_training_samples_than_clusters_are_refused(paired_blobs):
    data = replace(paired_blobs[0], fit_index=np.array([3, 8]))
    with pytest.raises(IncompatibleDataError, match="needs 3 samples to train on, has 2"):
        GMMConcat().fit_predict(data, seed=0)


def test_a_single_training_sample_is_refused(paired_blobs):
    data = replace(paired_blobs[0], n_clusters=1, fit_index=np.array([5]))
    with pytest.raises(IncompatibleDataError, match="needs 2 samples to train on, has 1"):
        GMMConcat().fit_predict(data, seed=0)
