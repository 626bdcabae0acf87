"""The fused network against a slow loop; weak views that are strong together."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.snf import SNF, fused_network, local_affinity, nearest_only, row_normalised
from mmbench.nn.spectral import distances


def affinities(n, n_views=2):
    rng = np.random.default_rng(0)
    return [local_affinity(distances(rng.normal(size=(n, 3))), 5, 0.5) for _ in range(n_views)]


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, SNF().fit_predict(data, seed=0)) > 0.95


def test_views_that_are_too_noisy_alone_suffice_together():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=300)
    views = [np.eye(3)[y_true] + rng.normal(scale=0.45, size=(300, 3)) for _ in range(5)]

    def score(arrays):
        y_pred = SNF().fit_predict(Dataset.paired(arrays, n_clusters=3), seed=0)
        return adjusted_rand_score(y_true, y_pred)

    assert max(score([x, x]) for x in views) < 0.8
    assert score(views) > 0.95


def test_the_affinity_is_that_of_the_formula():
    x = np.random.default_rng(0).normal(size=(8, 2))
    d = distances(x)
    around = [np.mean([d[i, j] for j in np.argsort(d[i])[1:4]]) for i in range(8)]
    expected = np.ones((8, 8))
    for i in range(8):
        for j in range(8):
            width = 0.4 * (around[i] + around[j] + d[i, j]) / 3
            expected[i, j] = np.exp(-(d[i, j] ** 2) / (2 * width**2))
    np.testing.assert_allclose(local_affinity(d, 3, 0.4), expected)


def test_the_affinity_depends_on_no_unit():
    d = distances(np.random.default_rng(0).normal(size=(20, 3)))
    np.testing.assert_allclose(local_affinity(1e4 * d, 5, 0.5), local_affinity(d, 5, 0.5))


def test_rows_sum_to_one_with_half_on_the_diagonal():
    w = row_normalised(affinities(20)[0])
    np.testing.assert_array_equal(np.diag(w), 0.5)
    np.testing.assert_allclose(w.sum(axis=1), 1)


def test_the_local_matrix_keeps_the_largest_entries_of_each_row():
    w = np.array([[1.0, 0.5, 0.1], [0.5, 1, 0.3], [0.1, 0.3, 1]])
    expected = [[2 / 3, 1 / 3, 0], [1 / 3, 2 / 3, 0], [0, 3 / 13, 10 / 13]]
    np.testing.assert_allclose(nearest_only(w, 2).toarray(), expected)
    np.testing.assert_allclose(nearest_only(w, 9).toarray(), w / w.sum(axis=1, keepdims=True))


def test_fusion_is_that_of_the_dense_loop():
    views = affinities(15, n_views=3)
    full = [row_normalised(w) for w in views]
    local = []
    for w in views:
        s = np.zeros_like(w)
        for i in range(15):
            near = np.argsort(-w[i])[:4]
            s[i, near] = w[i, near] / w[i, near].sum()
        local.append(s)
    for _ in range(3):
        moved = []
        for v in range(3):
            others = sum(full[w] for w in range(3) if w != v) / 2
            moved.append(row_normalised(local[v] @ others @ local[v].T))
        full = moved
    expected = sum(full) / 3
    np.testing.assert_allclose(fused_network(views, 4, 3), (expected + expected.T) / 2, atol=1e-12)


def test_the_fused_network_is_symmetric_and_each_sample_is_most_similar_to_itself():
    network = fused_network(affinities(30), 5, 20)
    np.testing.assert_array_equal(network, network.T)
    np.testing.assert_allclose(np.diag(network), 0.5)
    assert (network >= 0).all()
    assert (network - np.diag(np.diag(network))).max() < 0.5


def test_the_order_of_the_views_does_not_matter():
    views = affinities(30, n_views=3)
    np.testing.assert_allclose(
        fused_network(views, 5, 10), fused_network(views[::-1], 5, 10), atol=1e-12
    )


@pytest.mark.filterwarnings("error")
def test_equal_samples_break_nothing(paired_blobs):
    data, y_true = paired_blobs
    thrice = [np.repeat(v.values, 3, axis=0) for v in data.views]
    y_pred = SNF().fit_predict(Dataset.paired(thrice, n_clusters=3), seed=0)
    assert adjusted_rand_score(np.repeat(y_true, 3), y_pred) > 0.95


@pytest.mark.filterwarnings("error")
def test_samples_without_distances_are_all_alike():
    np.testing.assert_array_equal(local_affinity(np.zeros((4, 4)), 2, 0.5), 1)


def test_too_many_samples_are_refused(paired_blobs):
    with pytest.raises(IncompatibleDataError, match="takes at most 179 samples, has 180"):
        SNF(max_samples=179).fit_predict(paired_blobs[0], seed=0)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        SNF().fit_predict(one_view_blobs[0], seed=0)


def test_held_out_samples_are_refused(split_paired_blobs):
    with pytest.raises(IncompatibleDataError, match="60 of 180 are held out"):
        SNF().fit_predict(split_paired_blobs[0], seed=0)
