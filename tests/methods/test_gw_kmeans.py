"""The matching against all permutations and known shapes; modalities that are rotations."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.gw_kmeans import ClusterGeometry, GWKMeans, cluster_geometry, match_clusters


def rotated(*, shares=(0.5, 0.3, 0.2), n_samples=400, corners=((0, 0), (3, 0), (0, 1.2)), seed=0):
    """Return clusters at the corners of a shape, seen from two angles, and the truth.

    No sample is seen twice, and the second modality has one more column.
    """
    rng = np.random.default_rng(seed)
    y_true = rng.choice(len(shares), size=n_samples, p=shares)
    x = np.array(corners)[y_true] + 0.15 * rng.normal(size=(n_samples, 2))
    basis, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    second = 5 * x @ basis[:2]
    coin = rng.integers(2, size=n_samples)
    views = tuple(
        View(np.float32(values[coin == side]), np.flatnonzero(coin == side), name, name)
        for side, (name, values) in enumerate({"image": x, "text": second}.items())
    )
    return Dataset(views, len(shares), n_samples), y_true


@pytest.mark.parametrize("seed", range(5))
def test_clusters_in_a_shape_without_symmetry_are_matched(seed):
    data, y_true = rotated(seed=seed)
    assert adjusted_rand_score(y_true, GWKMeans(n_starts=20).fit_predict(data, seed=seed)) > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_the_corners_of_an_equilateral_triangle_are_distinguished_by_their_shares(seed):
    corners = ((0, 0), (2, 0), (1, np.sqrt(3)))
    data, y_true = rotated(corners=corners, n_samples=2000, seed=seed)
    assert adjusted_rand_score(y_true, GWKMeans(n_starts=20).fit_predict(data, seed=seed)) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_no_permutation_has_less_distortion_where_shares_are_equal(seed):
    rng = np.random.default_rng(seed)
    first, second = (
        cluster_geometry(rng.normal(size=(60, 4)), np.arange(60) % 6, 6) for _ in range(2)
    )
    _, found = match_clusters(first, second, n_starts=1000, rng=rng)
    best = min(
        ((first.distances - second.distances[np.ix_(p, p)]) ** 2).mean()
        for p in map(list, permutations(range(6)))
    )
    assert found <= best + 1e-9


def test_a_renumbered_shape_is_matched_without_distortion():
    rng = np.random.default_rng(0)
    clusters = rng.integers(7, size=200)
    z = rng.normal(size=(7, 3))[clusters] + 0.1 * rng.normal(size=(200, 3))
    numbers = rng.permutation(7)
    renumbering, distortion = match_clusters(
        cluster_geometry(10 * z + 3, numbers[clusters], 7),
        cluster_geometry(z, clusters, 7),
        n_starts=100,
        rng=rng,
    )
    np.testing.assert_array_equal(renumbering[numbers], np.arange(7))
    assert distortion == pytest.approx(0, abs=1e-9)


def test_a_cluster_without_samples_is_ignored():
    z = np.array([[0.0], [1.0], [1.0]])
    shape = cluster_geometry(z, np.array([0, 2, 2]), 4)
    np.testing.assert_allclose(shape.shares, [1 / 3, 0, 2 / 3, 0])
    assert shape.shares @ shape.distances @ shape.shares == pytest.approx(1)
    renumbering, _ = match_clusters(shape, shape, n_starts=5, rng=np.random.default_rng(0))
    assert sorted(renumbering) == [0, 1, 2, 3]
    assert list(renumbering[[0, 2]]) == [0, 2]


def test_equal_centroids_are_matched_to_a_permutation():
    shape = ClusterGeometry(np.zeros((3, 3)), np.full(3, 1 / 3))
    renumbering, distortion = match_clusters(shape, shape, n_starts=3, rng=np.random.default_rng(0))
    assert sorted(renumbering) == [0, 1, 2]
    assert distortion == 0


def test_the_distortion_is_logged_and_is_larger_for_another_shape():
    data, _ = rotated()
    image, text = data.views
    distortions = {}
    for name, axes in {"same": (1, 1, 1), "other": (1, 0, 0)}.items():
        views = (image, replace(text, values=text.values * np.float32(axes)))
        log = RecordingLog()
        GWKMeans(n_starts=20).fit_predict(replace(data, views=views), seed=0, log=log)
        distortions[name] = log.last("distortion_text")
    assert 0 <= distortions["same"] < distortions["other"]


def test_paired_views_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs mixed-modal samples"):
        GWKMeans().fit_predict(data, seed=0)
