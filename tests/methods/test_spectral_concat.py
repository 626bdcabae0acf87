"""The embedding against dense eigenvectors; clusters that are not round; graphs in pieces."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.spectral_concat import (
    SpectralConcat,
    neighbour_graph,
    spectral_embedding,
)


def far_blobs(n_samples, n_blobs):
    rng = np.random.default_rng(0)
    y_true = rng.permutation(np.arange(n_samples) % n_blobs)
    centres = 100 * rng.normal(size=(n_blobs, 10))
    x = centres[y_true] + rng.normal(size=(n_samples, 10))
    return x.astype(np.float32), y_true


@pytest.mark.parametrize(
    "data_setting", ["paired_blobs", "three_view_blobs", "one_view_blobs", "image_blobs"]
)
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, SpectralConcat().fit_predict(data, seed=0)) > 0.95


def test_concentric_rings_are_separated():
    rng = np.random.default_rng(0)
    y_true = rng.integers(2, size=400)
    angle = rng.uniform(0, 2 * np.pi, size=400)
    radius = 1 + y_true + rng.normal(scale=0.05, size=400)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    y_pred = SpectralConcat().fit_predict(Dataset.paired([x], n_clusters=2), seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_a_graph_with_as_many_components_as_clusters_is_clustered_by_them():
    x, y_true = far_blobs(2000, 20)
    data = Dataset.paired([x], n_clusters=20)
    assert adjusted_rand_score(y_true, SpectralConcat().fit_predict(data, seed=0)) == 1


@pytest.mark.parametrize("n_blobs", [1, 3])
def test_the_embedding_spans_the_leading_dense_eigenvectors(n_blobs):
    x, _ = far_blobs(150, n_blobs)
    graph = neighbour_graph(x, 6, max_components=n_blobs)
    w = graph.toarray()
    degree = w.sum(axis=1)
    _, vectors = np.linalg.eigh(w / np.sqrt(np.outer(degree, degree)))
    dense = vectors[:, -5:]
    dense = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    u = spectral_embedding(graph, 5, seed=0)
    # rows are compared by their angles, which no rotation of the eigenvectors changes
    np.testing.assert_allclose(u @ u.T, dense @ dense.T, atol=1e-6)


def test_neighbours_of_either_side_are_joined():
    x = np.array([[0.0], [1], [3], [7]], np.float32)
    expected = [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]
    assert neighbour_graph(x, 1, max_components=1).toarray().tolist() == expected


def test_neighbours_are_added_until_the_components_are_few_enough():
    x = np.array([[0.0], [1], [10], [11], [30], [31]], np.float32)
    for max_components, expected in [(3, 3), (2, 1), (1, 1)]:
        graph = neighbour_graph(x, 1, max_components=max_components)
        assert connected_components(graph, directed=False)[0] == expected


def test_fewer_samples_than_neighbours_are_all_joined():
    x = np.arange(4, dtype=np.float32)[:, None]
    graph = neighbour_graph(x, 10, max_components=1)
    np.testing.assert_array_equal(graph.toarray(), 1 - np.eye(4))


def test_the_path_of_three_has_its_known_embedding():
    path = csr_array(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    u = spectral_embedding(path, 2, seed=0)
    # eigenvectors (1, √2, 1) / 2 for 1 and (1, 0, -1) / √2 for 0
    expected = np.array([[1 / 2, np.sqrt(1 / 2)], [np.sqrt(1 / 2), 0], [1 / 2, -np.sqrt(1 / 2)]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(u @ u.T, expected @ expected.T, atol=1e-9)


def test_eigenvalues_at_the_other_end_are_not_taken_for_leading_ones():
    path = np.diag(np.ones(59), 1)  # its neighbours alternate, so -1 is an eigenvalue like 1
    path += path.T
    degree = path.sum(axis=1)
    _, vectors = np.linalg.eigh(path / np.sqrt(np.outer(degree, degree)))
    dense = vectors[:, -3:] / np.linalg.norm(vectors[:, -3:], axis=1, keepdims=True)
    u = spectral_embedding(csr_array(path), 3, seed=0)
    np.testing.assert_allclose(u @ u.T, dense @ dense.T, atol=1e-6)


def test_the_embedding_is_the_same_to_the_bit_for_the_same_seed():
    graph = neighbour_graph(far_blobs(300, 2)[0], 6, max_components=2)
    first, again = (spectral_embedding(graph, 4, seed=5).tobytes() for _ in range(2))
    assert first == again


def test_held_out_samples_are_refused(split_paired_blobs):
    data, _ = split_paired_blobs
    with pytest.raises(IncompatibleDataError, match="60 of 180 are held out"):
        SpectralConcat().fit_predict(data, seed=0)
