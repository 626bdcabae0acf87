"""Similarity network fusion: the views' graphs are diffused into each other until they agree.

Each view has an affinity whose width follows the local density. P_v is the row-normalised affinity,
and the local matrix S_v its restriction to nearest neighbours. In each round, P_v becomes S_v (the
mean of the other P_w) S_v^T. The mean of the P_v is clustered by its leading eigenvectors and
k-means.

Source: Wang et al., Similarity network fusion for aggregating data types on a genomic scale,
Nature Methods 11, 2014, equations 1 to 6; spectral clustering as in Ng, Jordan & Weiss, NIPS
2001.
Departures: the kernel is exp(-d² / 2 (μ ε)²), whose width has the units of a distance, as in the
authors' code and unlike equation 1, but without that code's factor 1 / (μ ε). Columns keep the
scaling of the data set's entry; the paper standardises them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from scipy.sparse import csr_array

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments
from mmbench.nn.spectral import (
    Square,
    check_few_samples,
    distances,
    leading_eigenvectors,
    normalised,
    unit_rows,
)


@dataclass(frozen=True)
class SNF:
    """Hyperparameters of the method; the paper's defaults.

    Attributes:
        n_neighbors: neighbours of a sample in the local matrix, including itself.
        width: μ of the kernel, relative to the local distances; 0.3 to 0.8 in the paper.
        n_rounds: rounds of fusion; 10 to 20 in the paper.
        n_init: number of k-means starts.
        max_samples: data with more are refused, since time and memory grow with n².
    """

    n_neighbors: Annotated[int, Field(ge=2)] = 20
    width: PositiveFloat = 0.5
    n_rounds: NonNegativeInt = 20
    n_init: PositiveInt = 20
    max_samples: PositiveInt = 5000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels).

        The eigenvectors, with rows scaled to length 1, are logged as embedding.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, more than
                `max_samples`, or held-out samples, which have no row in the graphs.
        """
        views = data.paired_features(at_least=2, pixels=True)
        check_few_samples(data, self.max_samples)
        affinities = [local_affinity(distances(x), self.n_neighbors, self.width) for x in views]
        network = fused_network(affinities, self.n_neighbors, self.n_rounds)
        u = unit_rows(leading_eigenvectors(normalised(network), data.n_clusters, seed=seed))
        y_pred = kmeans_assignments(u, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=u)
        return y_pred


def local_affinity(d: Square, n_neighbors: int, width: float) -> Square:
    """Return W_ij = exp(-d_ij² / 2 (μ ε_ij)²), (n, n), symmetric, in [0, 1].

    ε_ij is the mean of three distances: d_ij, and the mean distances of i and of j to their nearest
    neighbours, themselves excluded; `width` is μ. So W does not depend on units, and similarities
    in sparse and in dense regions are comparable.
    """
    nearest = np.sort(d, axis=1)[:, 1 : n_neighbors + 1]
    local = nearest.mean(axis=1) if nearest.size else np.zeros(len(d))
    scale = width * (local + local[:, None] + d) / 3
    # both are 0 between samples that equal all their neighbours
    ratio = np.divide(d, scale, out=np.zeros_like(d), where=scale > 0)
    affinity: Square = np.exp(-np.square(ratio) / 2)
    return affinity


def fused_network(affinities: Sequence[Square], n_neighbors: int, n_rounds: int) -> Square:
    """Return the fused network, (n, n), symmetric, at least 0.

    The affinities are (n, n) for each view, symmetric, at least two. The mean of the views is
    returned where `n_rounds` is 0.
    """
    full = [row_normalised(w) for w in affinities]
    local = [nearest_only(w, n_neighbors) for w in affinities]
    for _ in range(n_rounds):
        total = sum(full, np.zeros_like(full[0]))
        full = [
            row_normalised(s @ ((total - p) / (len(full) - 1)) @ s.T)
            for p, s in zip(full, local, strict=True)
        ]
    mean = sum(full, np.zeros_like(full[0])) / len(full)
    return (mean + mean.T) / 2


def row_normalised(w: Square) -> Square:
    """Return w with rows that sum to 1: 1/2 on the diagonal, 1/2 off it in proportion to w.

    So a sample remains most similar to itself. The rest of a row without other entries is 0.
    """
    off = w.copy()
    np.fill_diagonal(off, 0)
    sums = off.sum(axis=1, keepdims=True)
    off /= np.where(sums > 0, 2 * sums, 1)
    np.fill_diagonal(off, 0.5)
    return off


def nearest_only(w: Square, n_neighbors: int) -> csr_array:
    """Return the largest entries of each row of w, at most `n_neighbors`, divided by their sum."""
    n = len(w)
    n_neighbors = min(n_neighbors, n)
    columns = np.argsort(-w, axis=1, kind="stable")[:, :n_neighbors]
    kept = np.take_along_axis(w, columns, axis=1)
    kept /= kept.sum(axis=1, keepdims=True)
    starts = np.arange(0, n * n_neighbors + 1, n_neighbors)
    return csr_array((kept.ravel(), columns.ravel(), starts), shape=(n, n))


METHOD = SNF
