"""Views side by side, equally weighted; modalities in one space."""

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.kmeans_concat import KMeansConcat


def score(data, y_true, method=KMeansConcat()):  # noqa: B008 - frozen
    return adjusted_rand_score(y_true, method.fit_predict(data, seed=0))


def test_two_arrays_are_clustered_in_one_line(paired_blobs):
    data, y_true = paired_blobs
    x1, x2 = (v.values for v in data.views)
    y_pred = KMeansConcat().fit_predict(Dataset.paired([x1, x2], n_clusters=3), seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.95


@pytest.mark.parametrize("data_setting", ["three_view_blobs", "image_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    assert score(*request.getfixturevalue(data_setting)) > 0.95


@pytest.mark.parametrize("units", [1e-4, 1.0, 1e4])
def test_clusters_that_no_view_separates_alone_are_found_in_any_units(units):
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 2], 50)
    first = (y_true == 0)[:, None] + rng.normal(scale=0.1, size=(150, 4))
    second = (y_true == 2)[:, None] + rng.normal(scale=0.1, size=(150, 40))
    data = Dataset.paired([units * first, second], n_clusters=3)
    assert score(data, y_true) > 0.95


def test_modalities_that_see_alike_are_joined():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=200)
    centres = np.array([[0, 0, 0, 0], [4, 0, 0, 0], [1, 2, 0, 0]])
    x = centres[y_true] + rng.normal(scale=0.1, size=(200, 4))
    coin = rng.integers(2, size=200)
    views = tuple(
        View(x[coin == i].astype(np.float32), np.flatnonzero(coin == i), name, name)
        for i, name in enumerate(["image", "text"])
    )
    assert score(Dataset(views, 3, 200), y_true) > 0.95


def test_few_principal_components_are_enough_for_few_clusters(paired_blobs):
    assert score(*paired_blobs, KMeansConcat(max_features=2)) > 0.95


def test_the_principal_components_are_logged(paired_blobs):
    data, _ = paired_blobs
    log = RecordingLog()
    KMeansConcat().fit_predict(data, seed=0, log=log)
    assert [z.shape for z in log.values("embedding")] == [(180, 20)]


def test_incomplete_views_are_refused(incomplete_blobs):
    data, _ = incomplete_blobs
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        KMeansConcat().fit_predict(data, seed=0)
