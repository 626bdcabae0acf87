"""Each view gets its own clusters; the method's own answer is the best separated view."""

from dataclasses import replace

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.kmeans_view import KMeansView, separation


@pytest.fixture
def informative_and_noise(paired_blobs):
    data, y_true = paired_blobs
    noise = np.random.default_rng(0).uniform(size=(180, 8))
    views = [noise, data.views[0].values]
    return Dataset.paired(views, n_clusters=3, names=["noise", "image"]), y_true


def test_separated_blobs_are_recovered_by_every_view(paired_blobs):
    data, y_true = paired_blobs
    log = RecordingLog()
    y_pred = KMeansView().fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert list(log.last("view_assignments")) == ["image", "text"]
    for part in log.last("view_assignments").values():
        assert adjusted_rand_score(y_true, part) > 0.95


def test_the_answer_is_the_best_separated_view(informative_and_noise):
    data, y_true = informative_and_noise
    log = RecordingLog()
    y_pred = KMeansView().fit_predict(data, seed=0, log=log)
    np.testing.assert_array_equal(y_pred, log.last("view_assignments")["image"])
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert adjusted_rand_score(y_true, log.last("view_assignments")["noise"]) < 0.1


def test_images_are_clustered_as_pixels(image_blobs):
    data, y_true = image_blobs
    assert adjusted_rand_score(y_true, KMeansView().fit_predict(data, seed=0)) > 0.95


def test_held_out_samples_are_assigned(split_paired_blobs):
    data, y_true = split_paired_blobs
    assert adjusted_rand_score(y_true, KMeansView().fit_predict(data, seed=0)) > 0.95


def test_samples_that_lack_a_view_are_refused(mixed_blobs, incomplete_blobs):
    for data, _ in (mixed_blobs, incomplete_blobs):
        with pytest.raises(IncompatibleDataError, match="needs paired samples, but image"):
            KMeansView().fit_predict(data, seed=0)


def test_separation_is_the_mean_silhouette():
    x = np.array([[0.0], [1], [10], [12]], np.float32)
    # within: 1, 1, 2, 2; to the other cluster: 11, 10, 9.5, 11.5
    expected = np.mean([10 / 11, 9 / 10, 7.5 / 9.5, 9.5 / 11.5])
    assert separation(x, np.array([0, 0, 1, 1])) == pytest.approx(expected)


@pytest.mark.parametrize("y_pred", [[0, 0, 0], [0, 1, 2]])
def test_separation_is_least_where_it_is_not_defined(y_pred):
    assert separation(np.eye(3, dtype=np.float32), np.array(y_pred)) == -1


def test_a_constant_view_is_never_the_answer(paired_blobs):
    data, y_true = paired_blobs
    constant = replace(data.views[0], values=np.ones((180, 3), np.float32), name="constant")
    data = replace(data, views=(constant, data.views[1]))
    assert adjusted_rand_score(y_true, KMeansView().fit_predict(data, seed=0)) > 0.95
