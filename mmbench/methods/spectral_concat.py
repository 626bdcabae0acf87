"""Spectral clustering of the graph of nearest neighbours, on all views side by side.

Samples are joined to their 10 nearest neighbours; the leading eigenvectors of the symmetric
normalised Laplacian, their rows brought to length 1, are clustered by k-means. Clusters need
not be round, only be held together by the graph.

Source: Ng, Jordan & Weiss, NIPS 2001, algorithm 1, on the graph of neighbours that von
Luxburg, Statistics and Computing 17(4), 2007, section 2.2, recommends.
Departures: the graph has edges of weight 1 in place of the Gaussian affinity. Where it falls
into more pieces than there are clusters, the eigenvectors would be arbitrary; the number of
neighbours is doubled until it does not. Papers draw a subsample above 10 000 samples; none is
needed, since graph and eigenvectors are sparse or narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveInt
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.neighbors import kneighbors_graph

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import joint_features, kmeans_assignments


@dataclass(frozen=True)
class SpectralConcat:
    """Hyperparameters of the method.

    Attributes:
        n_neighbors: of each sample in the graph.
        max_features: principal components in which neighbours are sought, at most.
        n_init: starts of k-means, of which the one of least inertia is kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    n_neighbors: PositiveInt = 10
    max_features: PositiveInt = 100
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, images (as pixels) or mixed-modal features.

        Args:
            data: without held-out samples, since a new sample is not in the graph. Memory is
                linear in the samples; the search for neighbours takes n² time.
            seed: of PCA, of the eigensolver's start and of the starts of k-means.
            device: unused.
            log: called once, with the rows of the eigenvectors.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: some samples have several views and others lack some,
                mixed-modal images, or held-out samples.
        """
        z = joint_features(data, max_features=self.max_features, seed=seed)
        graph = neighbour_graph(z, self.n_neighbors, max_pieces=data.n_clusters)
        u = spectral_embedding(graph, data.n_clusters, seed=seed)
        y_pred = kmeans_assignments(u, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=u)
        return y_pred


def neighbour_graph(x: NDArray[np.float32], n_neighbors: int, *, max_pieces: int) -> csr_array:
    """Return the symmetric (n_samples, n_samples) graph of nearest neighbours, edges 1.

    Two samples are joined where either is among the nearest of the other. The number of
    neighbours is doubled while the graph has more than `max_pieces` connected components.

    Args:
        x: (n_samples, n_features), at least two samples.
        n_neighbors: to begin with; all others where there are fewer.
        max_pieces: at least 1.
    """
    most = len(x) - 1
    n_neighbors = min(n_neighbors, most)
    while True:
        nearest = csr_array(kneighbors_graph(x, n_neighbors))
        graph = nearest.maximum(nearest.T)
        n_pieces, _ = connected_components(graph, directed=False)
        if n_pieces <= max_pieces:
            return graph
        n_neighbors = min(2 * n_neighbors, most)  # the complete graph is one piece


def spectral_embedding(graph: csr_array, n_components: int, *, seed: int) -> NDArray[np.float64]:
    """Return the leading eigenvectors of D^(-1/2) W D^(-1/2), each row of length 1.

    They are those of the least eigenvalues of the symmetric normalised Laplacian. A graph in
    pieces has the eigenvectors of its pieces, each with the eigenvalue 1, which a Krylov
    solver would find once or not at all; so each piece is solved alone.

    Args:
        graph: W, (n_samples, n_samples), symmetric, each sample with an edge, with at most
            `n_components` connected components.
        n_components: at most n_samples.
        seed: of the solver's starting vector.

    Returns:
        u: (n_samples, n_components), in order of eigenvalues within what the pieces offer.
    """
    rng = np.random.default_rng(seed)
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1)))
    similarity = csr_array(scale @ graph @ scale)
    n_pieces, piece_of = connected_components(graph, directed=False)
    # every piece takes one eigenvector, so none can take more than what then remains
    n_each = n_components - n_pieces + 1
    values, columns = [], []
    for piece in range(n_pieces):
        rows = np.flatnonzero(piece_of == piece)
        start = rng.uniform(-1, 1, len(rows))
        for value, vector in _leading(similarity[rows][:, rows], n_each, start):
            column = np.zeros(graph.shape[0])
            column[rows] = vector
            values.append(value)
            columns.append(column)
    order = np.argsort(values, kind="stable")[::-1][:n_components]
    u = np.stack([columns[i] for i in order], axis=1)
    unit: NDArray[np.float64] = u / np.linalg.norm(u, axis=1, keepdims=True)
    return unit


def _leading(
    matrix: csr_array, n_components: int, start: NDArray[np.float64]
) -> list[tuple[float, NDArray[np.float64]]]:
    """Return the largest eigenvalues of a symmetric matrix with their eigenvectors."""
    n = len(start)
    n_components = min(n_components, n)
    if n_components >= n // 2:  # beyond what a Krylov space is good for
        values, vectors = eigh(matrix.toarray(), subset_by_index=[n - n_components, n - 1])
    else:
        values, vectors = eigsh(matrix, k=n_components, which="LA", v0=start)
    return list(zip(values.tolist(), vectors.T, strict=True))


METHOD = SpectralConcat
