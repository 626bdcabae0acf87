"""Spectral clustering of the nearest-neighbour graph on the concatenation of all views.

Each sample is connected to its 10 nearest neighbours; the leading eigenvectors of the symmetric
normalised Laplacian, with rows scaled to length 1, are clustered by k-means.

Source: Ng, Jordan & Weiss, NIPS 2001, algorithm 1, on the neighbour graph that von Luxburg,
Statistics and Computing 17(4), 2007, section 2.2, recommends.
Departures: the graph has edges of weight 1 instead of a Gaussian affinity. If it has more connected
components than there are clusters, the number of neighbours is doubled until it has not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import kneighbors_graph

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import joint_features, kmeans_assignments
from mmbench.nn.spectral import eigenpairs, unit_rows


@dataclass(frozen=True)
class SpectralConcat:
    """Hyperparameters of the method.

    Attributes:
        n_neighbors: neighbours of each sample in the graph.
        max_features: maximum number of principal components in which neighbours are searched.
        n_init: number of k-means starts.
    """

    n_neighbors: PositiveInt = 10
    max_features: PositiveInt = 100
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, images (as pixels) or mixed-modal features.

        The search for neighbours takes n² time. The eigenvectors are logged as embedding.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or held-out samples, which
                are not in the graph.
        """
        z = joint_features(data, max_features=self.max_features, seed=seed)
        graph = neighbour_graph(z, self.n_neighbors, max_components=data.n_clusters)
        u = spectral_embedding(graph, data.n_clusters, seed=seed)
        y_pred = kmeans_assignments(u, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=u)
        return y_pred


def neighbour_graph(x: NDArray[np.float32], n_neighbors: int, *, max_components: int) -> csr_array:
    """Return the symmetric (n_samples, n_samples) graph of nearest neighbours, edges 1.

    Two samples, rows of x, are connected if either is among the nearest neighbours of the other.
    The number of neighbours is doubled until the graph has at most `max_components` components.
    """
    most = len(x) - 1
    n_neighbors = min(n_neighbors, most)
    while True:
        nearest = csr_array(kneighbors_graph(x, n_neighbors))
        graph = nearest.maximum(nearest.T)
        n_found, _ = connected_components(graph, directed=False)
        if n_found <= max_components:
            return graph
        n_neighbors = min(2 * n_neighbors, most)  # the complete graph is connected


def spectral_embedding(graph: csr_array, n_vectors: int, *, seed: int) -> NDArray[np.float64]:
    """Return the leading eigenvectors of D^(-1/2) W D^(-1/2), (n_samples, n_vectors).

    They are ordered by decreasing eigenvalue, and rows are scaled to length 1. Each connected
    component contributes the eigenvalue 1, a multiplicity that a Krylov solver does not find
    reliably; so the components are solved separately. The graph W is symmetric; it has an edge at
    each sample, and at most `n_vectors` connected components.
    """
    rng = np.random.default_rng(seed)
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1)))
    similarity = csr_array(scale @ graph @ scale)
    n_components, component_of = connected_components(graph, directed=False)
    # every component has a leading eigenvector, which leaves this many for each at most
    n_each = n_vectors - n_components + 1
    values, columns = [], []
    for component in range(n_components):
        rows = np.flatnonzero(component_of == component)
        start = rng.uniform(-1, 1, len(rows))
        found, vectors = eigenpairs(similarity[rows][:, rows], min(n_each, len(rows)), start)
        columns.append(np.zeros((graph.shape[0], len(found))))
        columns[-1][rows] = vectors
        values.append(found)
    order = np.argsort(np.concatenate(values), kind="stable")[::-1][:n_vectors]
    return unit_rows(np.hstack(columns).take(order, axis=1))


METHOD = SpectralConcat
