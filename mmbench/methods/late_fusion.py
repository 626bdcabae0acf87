"""Late fusion: every view is clustered alone, and a consensus of the clusterings is sought.

Samples and the clusters of all views are the two sides of a graph, with an edge from a sample
to each cluster that it is in. Its normalised cut puts samples together that share clusters in
most views, however the views number them.

Source: Fern & Brodley, Solving cluster ensemble problems by bipartite graph partitioning, ICML
2004 (the graph, cut by the spectral algorithm of Ng, Jordan & Weiss); Strehl & Ghosh, Cluster
ensembles, JMLR 3, 2002 (the task).
Departures: the ensemble is one k-means of each view; samples alone are clustered in the end,
not their clusters with them. The eigenvectors are those of the small matrix of clusters, so
the cost is linear in the samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveInt

from mmbench.data import Dataset, Index
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments
from mmbench.nn.spectral import unit_rows


@dataclass(frozen=True)
class LateFusion:
    """Hyperparameters of the method.

    Attributes:
        n_init: starts of k-means, in each view and in the end, of which the one of least
            inertia is kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels in [0, 1]).

        Args:
            data: at least two views. Held-out samples go to the nearest centroids, in the
                views and then in the consensus. Memory is linear in the samples.
            seed: of the starts of k-means.
            device: unused.
            log: called once, with the assignments by each view and the embedding of the
                consensus.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, or fewer
                samples to train on than clusters.
        """
        views = data.paired_features(at_least=2, pixels=True, held_out=True)
        view_assignments = {
            view.name: kmeans_assignments(x, data, seed=seed, n_init=self.n_init)
            for view, x in zip(data.views, views, strict=True)
        }
        z = consensus(list(view_assignments.values()), data.fit_index, data.n_clusters)
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z, view_assignments=view_assignments)
        return y_pred


def consensus(
    partitions: Sequence[NDArray[np.int64]], fit_rows: Index, n_clusters: int
) -> NDArray[np.float64]:
    """Return the spectral embedding of the samples, (n_samples, at most n_clusters).

    Rows have length 1, and are equal where samples share their clusters in all partitions.
    The columns are the leading left singular vectors of the bipartite graph's normalised
    adjacency; those of the singular value 0 are left out.

    Args:
        partitions: (n_samples,) each, in 0..n_clusters-1.
        fit_rows: the samples that make the graph; the others are projected.
        n_clusters: how many singular vectors, at most.
    """
    members = np.hstack([np.eye(n_clusters)[p] for p in partitions])
    sizes = members[fit_rows].sum(axis=0)
    # a cluster without a training sample has no edge; every sample has one for each partition
    edges = members[:, sizes > 0] / np.sqrt(sizes[sizes > 0] * len(partitions))
    squares, vectors = np.linalg.eigh(edges[fit_rows].T @ edges[fit_rows])
    leading = np.argsort(squares)[::-1][:n_clusters]
    leading = leading[squares[leading] > 1e-9]
    return unit_rows(edges @ vectors[:, leading] / np.sqrt(squares[leading]))


METHOD = LateFusion
