"""The consensus of equal, of renumbered and of partly wrong clusterings."""

from dataclasses import replace

import numpy as np
import pytest
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.late_fusion import LateFusion, consensus
from mmbench.nn.preprocessing import kmeans_assignments


def clusters(partitions, n_clusters, fit_rows=None):
    """Return the consensus of partitions, as the method clusters it."""
    n = len(partitions[0])
    rows = np.arange(n) if fit_rows is None else fit_rows
    data = replace(Dataset.paired([np.zeros((n, 1))], n_clusters=n_clusters), fit_index=rows)
    return kmeans_assignments(consensus(partitions, rows, n_clusters), data, seed=0, n_init=20)


def partly_wrong(y_true, n_clusters, share, rng):
    """Return y_true with a share of the samples put anywhere, and other numbers."""
    wrong = rng.random(len(y_true)) < share
    y = np.where(wrong, rng.integers(n_clusters, size=len(y_true)), y_true)
    return rng.permutation(n_clusters)[y]


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, LateFusion().fit_predict(data, seed=0)) > 0.95


@pytest.mark.parametrize("n_clusters", [1, 2, 7])
def test_equal_partitions_are_returned(n_clusters):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(100) ** 2 // 7 % n_clusters)
    renumbered = [rng.permutation(n_clusters)[y] for _ in range(3)]
    assert adjusted_rand_score(y, clusters(renumbered, n_clusters)) == 1


def test_many_partitions_that_err_in_different_samples_are_right_together():
    rng = np.random.default_rng(0)
    y_true = rng.integers(4, size=400)
    partitions = [partly_wrong(y_true, 4, 0.35, rng) for _ in range(7)]
    assert max(adjusted_rand_score(y_true, p) for p in partitions) < 0.6
    assert adjusted_rand_score(y_true, clusters(partitions, 4)) > 0.9


def test_views_that_are_too_noisy_alone_suffice_together():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=300)
    arrays = [np.eye(3)[y_true] + rng.normal(scale=0.4, size=(300, 3)) for _ in range(7)]
    log = RecordingLog()
    y_pred = LateFusion().fit_predict(Dataset.paired(arrays, n_clusters=3), seed=0, log=log)
    assert max(adjusted_rand_score(y_true, p) for p in log.last("view_assignments").values()) < 0.9
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_the_embedding_spans_that_of_the_bipartite_graph():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=60)
    partitions = [partly_wrong(y_true, 3, 0.3, rng) for _ in range(3)]
    members = np.hstack([np.eye(3)[p] for p in partitions])
    whole = np.zeros((69, 69))
    whole[:60, 60:], whole[60:, :60] = members, members.T
    degree = whole.sum(axis=1)
    _, vectors = np.linalg.eigh(whole / np.sqrt(np.outer(degree, degree)))
    expected = vectors[:60, -3:]
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    found = consensus(partitions, np.arange(60), 3)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-9)


def test_numbers_of_clusters_and_the_order_of_views_do_not_matter():
    rng = np.random.default_rng(0)
    partitions = [rng.integers(4, size=80) for _ in range(3)]
    other = [np.array([2, 0, 3, 1])[p] for p in partitions[::-1]]
    a, b = (consensus(p, np.arange(80), 4) for p in (partitions, other))
    np.testing.assert_allclose(a @ a.T, b @ b.T, atol=1e-9)


def test_held_out_samples_lie_where_their_like_do():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=60)
    partitions = [partly_wrong(y_true, 3, 0.3, rng) for _ in range(2)]
    twice = [np.concatenate([p, p]) for p in partitions]
    found = consensus(twice, np.arange(60), 3)
    np.testing.assert_allclose(found[60:], found[:60])
    np.testing.assert_allclose(found[:60], consensus(partitions, np.arange(60), 3))


def test_a_cluster_that_holds_held_out_samples_alone_breaks_nothing():
    y = np.array([0, 0, 1, 1, 2])
    found = consensus([y, y], np.arange(4), 3)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[4], 0)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        LateFusion().fit_predict(one_view_blobs[0], seed=0)
