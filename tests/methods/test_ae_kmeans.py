"""Autoencoders with k-means on toy data it must solve, and what it must refuse or hold out."""

from dataclasses import replace

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.ae_kmeans import AEKMeans

QUICK = AEKMeans(hidden=(32,), n_latent=8, epochs=30, batch_size=50, learning_rate=1e-3)


def toy(n_samples: int = 200) -> tuple[Dataset, np.ndarray]:
    """Return three blobs that only both views together separate."""
    rng = np.random.default_rng(0)
    y_true = rng.permutation(np.arange(n_samples) % 3)
    first, second = (np.isin(y_true, [0]), np.isin(y_true, [1]))
    views = [
        4 * np.outer(side, np.ones(5)) + 0.3 * rng.normal(size=(n_samples, 5))
        for side in (first, second)
    ]
    return Dataset.paired(views, n_clusters=3, name="toy"), y_true


@pytest.fixture(scope="module")
def solved() -> tuple[np.ndarray, np.ndarray, RecordingLog]:
    data, y_true = toy()
    log = RecordingLog()
    return QUICK.fit_predict(data, seed=0, log=log), y_true, log


def test_blobs_that_only_both_views_separate_are_recovered(solved):
    y_pred, y_true, _ = solved
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_a_single_view_is_enough():
    data, y_true = toy()
    one = replace(data, views=data.views[:1], n_clusters=2)
    y_pred = QUICK.fit_predict(one, seed=0)
    assert adjusted_rand_score(y_true == 0, y_pred) > 0.95


def test_images_are_taken_as_pixels():
    rng = np.random.default_rng(0)
    y_true = np.arange(100) % 2
    images = (200 * y_true[:, None, None, None] + rng.integers(0, 50, (100, 1, 4, 4))).astype(
        np.uint8
    )
    y_pred = QUICK.fit_predict(Dataset.paired([images], n_clusters=2), seed=0)
    assert adjusted_rand_score(y_true, y_pred) == 1


def test_the_log_has_every_loss_and_checkpoints_that_end_with_the_result(solved):
    y_pred, _, log = solved
    assert list(log.by_epoch("loss")) == list(range(30))
    assert log.by_epoch("loss")[29] < log.by_epoch("loss")[0] / 4
    error = log.by_epoch("reconstruction_view-1")[29] + log.by_epoch("reconstruction_view-2")[29]
    assert log.by_epoch("loss")[29] == pytest.approx(error, abs=1e-6)
    assert len(log.by_epoch("y_pred")) == 20
    assert np.array_equal(log.by_epoch("y_pred")[29], y_pred)
    assert log.by_epoch("embedding")[29].shape == (200, 16)


def test_the_same_seed_gives_the_same_bits():
    data, _ = toy()
    brief = replace(QUICK, epochs=3)
    logs = [RecordingLog(), RecordingLog()]
    first, second = (brief.fit_predict(data, seed=3, log=log) for log in logs)
    assert np.array_equal(first, second)
    assert np.array_equal(logs[0].by_epoch("embedding")[2], logs[1].by_epoch("embedding")[2])


def test_samples_that_are_held_out_are_assigned_but_not_trained_on():
    data, y_true = toy()
    fit_index = np.arange(0, 200, 2)
    held_out = np.setdiff1d(np.arange(200), fit_index)
    y_pred = QUICK.fit_predict(replace(data, fit_index=fit_index), seed=0)
    assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) > 0.95
    views = [x.copy() for x in data.paired_features()]
    for x in views:
        x[held_out] = 0
    blanked = replace(Dataset.paired(views, n_clusters=3), fit_index=fit_index)
    assert np.array_equal(QUICK.fit_predict(blanked, seed=0)[fit_index], y_pred[fit_index])


def test_samples_that_lack_a_view_are_refused():
    data, _ = toy()
    view = data.views[1]
    short = replace(view, values=view.values[:150], sample_index=view.sample_index[:150])
    with pytest.raises(IncompatibleDataError, match="view-2 describes 150 of 200"):
        QUICK.fit_predict(replace(data, views=(data.views[0], short)), seed=0)
