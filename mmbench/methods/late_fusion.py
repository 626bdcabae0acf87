"""Late fusion: every view is clustered alone, then a consensus of the clusterings is computed.

The samples and the clusters of all views are the two sides of a bipartite graph, with an edge from
a sample to each of its clusters. The normalised cut groups samples that share clusters in most
views.

Source: Fern & Brodley, Solving cluster ensemble problems by bipartite graph partitioning, ICML
2004 (the graph, cut by the spectral algorithm of Ng, Jordan & Weiss); Strehl & Ghosh, Cluster
ensembles, JMLR 3, 2002 (the task).
Departures: the ensemble is one k-means of each view; only samples are clustered in the end, without
the views' clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from mmbench.data import Dataset, Index
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments
from mmbench.nn.spectral import unit_rows


@dataclass(frozen=True)
class LateFusion:
    """Hyperparameters of the method.

    Attributes:
        n_init: number of k-means starts, in each view and for the consensus.
    """

    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels).

        Logged are the `consensus` as embedding and the assignments by each view.

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

    Rows have length 1. The columns are the leading left singular vectors of the bipartite graph's
    normalised adjacency, without those of the singular value 0. The partitions are (n_samples,)
    each. The graph has the samples of `fit_rows`; the others are projected.
    """
    members = np.hstack([np.eye(n_clusters)[p] for p in partitions])
    sizes = members[fit_rows].sum(axis=0)
    # a cluster without a training sample has no edges; a sample has one edge per partition
    edges = members[:, sizes > 0] / np.sqrt(sizes[sizes > 0] * len(partitions))
    squares, vectors = np.linalg.eigh(edges[fit_rows].T @ edges[fit_rows])
    leading = np.argsort(squares)[::-1][:n_clusters]
    leading = leading[squares[leading] > 1e-9]
    return unit_rows(edges @ vectors[:, leading] / np.sqrt(squares[leading]))


METHOD = LateFusion
