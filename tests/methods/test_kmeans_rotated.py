"""k-means on rotated views: it needs the rotation, and finds what the views share."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.kmeans_rotated import KMeansRotated


def test_separated_blobs_are_recovered(paired_blobs):
    data, y_true = paired_blobs
    assert adjusted_rand_score(y_true, KMeansRotated().fit_predict(data, seed=0)) > 0.95


def test_a_view_turned_upside_down_changes_nothing(three_view_blobs):
    data, _ = three_view_blobs
    arrays = data.paired_features()
    turned = [arrays[0], 1 - arrays[1], arrays[2]]
    predictions = [
        KMeansRotated().fit_predict(Dataset.paired(views, n_clusters=3), seed=0)
        for views in (arrays, turned)
    ]
    assert adjusted_rand_score(*predictions) == 1


def test_clusters_that_only_both_views_together_tell_apart():
    rng = np.random.default_rng(0)
    y_true = np.repeat(np.arange(3), 60)
    centres = np.array([[0, 0], [4, 0], [0, 4]])[y_true]
    first = centres + rng.normal(size=(180, 2))
    turn = np.array([[0, -1], [1, 0]])
    second = centres @ turn + rng.normal(size=(180, 2))
    y_pred = KMeansRotated().fit_predict(Dataset.paired([first, second], n_clusters=3), seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.9


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        KMeansRotated().fit_predict(one_view_blobs[0], seed=0)
