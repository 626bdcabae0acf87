"""Projections against their closed form; what only one view sees must drop out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.cca_kmeans import CCAKMeans
from mmbench.methods.kmeans_concat import KMeansConcat
from mmbench.nn.canonical import canonical, of_unit_variance


def inverse_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors / np.sqrt(values) @ vectors.T


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, CCAKMeans().fit_predict(data, seed=0)) > 0.95


def test_strong_clusters_of_one_view_alone_do_not_distract():
    rng = np.random.default_rng(0)
    y_true = rng.integers(2, size=400)
    own = rng.integers(2, size=(2, 400))  # clusters that the other view knows nothing of
    views = [
        np.stack([y_true, 5 * own[i]], axis=1) + rng.normal(scale=0.2, size=(400, 2))
        for i in range(2)
    ]
    data = Dataset.paired(views, n_clusters=2)
    cca = CCAKMeans(n_components=1).fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, cca) > 0.95
    assert adjusted_rand_score(y_true, KMeansConcat().fit_predict(data, seed=0)) < 0.1


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_two_views_are_projected_as_ridge_cca_in_closed_form(shrinkage):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(300, 3)) * [3, 2, 1]
    x, y = (shared @ rng.normal(size=(3, d)) + rng.normal(size=(300, d)) for d in (6, 5))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    ridge_x, ridge_y = (
        (1 - shrinkage) * np.cov(v.T) + shrinkage * np.eye(v.shape[1]) for v in (x, y)
    )
    whiten_x, whiten_y = inverse_root(ridge_x), inverse_root(ridge_y)
    u, _, vt = np.linalg.svd(whiten_x @ x.T @ y @ whiten_y)
    expected = (x @ whiten_x @ u[:, :3] + y @ whiten_y @ vt[:3].T) / 2
    found = canonical([x, y], np.arange(300), 3, shrinkage)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-6, atol=1e-6)


def test_projections_are_those_of_the_training_rows():
    rng = np.random.default_rng(0)
    views = [rng.normal(size=(60, 4)) for _ in range(2)]
    rows = np.arange(40)
    moved = [np.concatenate([x[:40], 9 - x[40:]]) for x in views]
    a, b = canonical(views, rows, 2, 0.1), canonical(moved, rows, 2, 0.1)
    np.testing.assert_array_equal(a[:40], b[:40])
    assert not np.allclose(a[40:], b[40:])


def test_the_narrowest_view_bounds_the_number_of_directions():
    rng = np.random.default_rng(0)
    views = [rng.normal(size=(50, d)) for d in (7, 2, 5)]
    assert canonical(views, np.arange(50), 10, 0.1).shape == (50, 2)


def test_units_of_a_view_do_not_matter(paired_blobs):
    data, y_true = paired_blobs
    image, text = data.views
    data = replace(data, views=(replace(image, values=1e4 * image.values), text))
    assert adjusted_rand_score(y_true, CCAKMeans().fit_predict(data, seed=0)) > 0.95


def test_the_mean_variance_becomes_one_and_columns_keep_their_ratios():
    x = np.array([[0, 0], [6, 2]], np.float32)  # variances 9 and 1
    np.testing.assert_allclose(of_unit_variance(x, np.arange(2)), x / np.sqrt(5))


@pytest.mark.filterwarnings("error")
def test_a_constant_view_does_not_hide_the_clusters(three_view_blobs):
    data, y_true = three_view_blobs
    constant = replace(data.views[2], values=np.ones((180, 4), np.float32))
    data = replace(data, views=(*data.views[:2], constant))
    y_pred = CCAKMeans(n_components=2).fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_one_view_is_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        CCAKMeans().fit_predict(replace(data, views=data.views[:1]), seed=0)


def test_a_single_training_sample_is_refused(paired_blobs):
    data, _ = paired_blobs
    data = replace(data, n_clusters=1, fit_index=np.array([5]))
    with pytest.raises(IncompatibleDataError, match="needs 2 samples to train on, has 1"):
        CCAKMeans().fit_predict(data, seed=0)
