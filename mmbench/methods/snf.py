"""Similarity network fusion: the views' graphs pass messages until they tell the same story.

Each view has an affinity whose width follows the local density. Its rows, normalised, are the
full matrix P_v, and those to the nearest neighbours alone the local matrix S_v. In each round
every view takes in what the others hold, along its own neighbourhoods: P_v becomes S_v (the
mean of the other P_w) S_v^T. Edges that several views support, or strong ones of one view,
survive. The mean of the P_v is clustered by its leading eigenvectors and k-means.

Source: Wang et al., Similarity network fusion for aggregating data types on a genomic scale,
Nature Methods 11, 2014, equations 1 to 6; spectral clustering as in Ng, Jordan & Weiss, NIPS
2001.
Departures: the kernel is exp(-d² / 2 (μ ε)²), whose width has the units of a distance, as in
the authors' code and unlike equation 1, but without that code's factor 1 / (μ ε). After a round
the rows are normalised as the paper says, where older releases of the code add the identity.
Columns keep the scaling of the data set's entry; the paper standardises them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt
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
        n_neighbors: of a sample in the local matrix, itself among them; all where there are
            fewer samples.
        width: μ, of the kernel, relative to the distances around; 0.3 to 0.8 in the paper.
        n_rounds: of fusion; 10 to 20 in the paper.
        n_init: starts of k-means, of which the one of least inertia is kept.
        max_samples: data with more are refused: time grows with n², and memory with n² for
            each view (0.2 GB at 5000).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    n_neighbors: Annotated[int, Field(ge=2)] = 20
    width: PositiveFloat = 0.5
    n_rounds: NonNegativeInt = 20
    n_init: PositiveInt = 20
    max_samples: PositiveInt = 5000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels in [0, 1]).

        Args:
            data: at least two views, without held-out samples, since a new sample has no row
                in the graphs.
            seed: of the eigensolver's start and of the starts of k-means.
            device: unused.
            log: called once, with the rows of the eigenvectors.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, held-out
                samples, or more than `max_samples`.
        """
        views = data.paired_features(at_least=2, pixels=True)
        check_few_samples(data, self.max_samples)
        affinities = [local_affinity(distances(x), self.n_neighbors, self.width) for x in views]
        network = fused(affinities, self.n_neighbors, self.n_rounds)
        u = unit_rows(leading_eigenvectors(normalised(network), data.n_clusters, seed=seed))
        y_pred = kmeans_assignments(u, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=u)
        return y_pred


def local_affinity(d: Square, n_neighbors: int, width: float) -> Square:
    """Return W_ij = exp(-d_ij² / 2 (μ ε_ij)²), (n, n), symmetric, in [0, 1].

    ε_ij is the mean of three distances: d_ij, and the mean distance of i and of j to their
    nearest neighbours. So W depends on no unit, and a sample in a sparse region has neighbours
    as similar as one in a dense region.

    Args:
        d: (n, n) distances, symmetric.
        n_neighbors: that give the mean distance of a sample, itself not among them.
        width: μ.
    """
    nearest = np.sort(d, axis=1)[:, 1 : n_neighbors + 1]
    around = nearest.mean(axis=1) if nearest.size else np.zeros(len(d))
    scale = width * (around + around[:, None] + d) / 3
    # equal samples among their like have neither distance nor scale
    ratio = np.divide(d, scale, out=np.zeros_like(d), where=scale > 0)
    affinity: Square = np.exp(-np.square(ratio) / 2)
    return affinity


def fused(affinities: Sequence[Square], n_neighbors: int, n_rounds: int) -> Square:
    """Return the fused network, (n, n), symmetric, at least 0.

    Args:
        affinities: of each view, (n, n), symmetric, at least two.
        n_neighbors: of a sample in the local matrix, itself among them.
        n_rounds: of fusion; none leaves the mean of the views.
    """
    full = [with_half_to_itself(w) for w in affinities]
    local = [nearest_only(w, n_neighbors) for w in affinities]
    for _ in range(n_rounds):
        total = sum(full, np.zeros_like(full[0]))
        full = [
            with_half_to_itself(s @ ((total - p) / (len(full) - 1)) @ s.T)
            for p, s in zip(full, local, strict=True)
        ]
    mean = sum(full, np.zeros_like(full[0])) / len(full)
    return (mean + mean.T) / 2


def with_half_to_itself(w: Square) -> Square:
    """Return w with rows that sum to 1: 1/2 on the diagonal, 1/2 off it in proportion to w.

    So a sample remains most similar to itself, however its affinities compare. A row without
    others keeps its half alone.

    Args:
        w: (n, n), at least 0.
    """
    off = w.copy()
    np.fill_diagonal(off, 0)
    sums = off.sum(axis=1, keepdims=True)
    off /= np.where(sums > 0, 2 * sums, 1)
    np.fill_diagonal(off, 0.5)
    return off


def nearest_only(w: Square, n_neighbors: int) -> csr_array:
    """Return w with the largest entries of each row alone, divided by their sum, (n, n).

    Args:
        w: (n, n), with a positive entry in each row.
        n_neighbors: entries to keep; all where there are fewer.
    """
    n = len(w)
    n_neighbors = min(n_neighbors, n)
    columns = np.argsort(-w, axis=1, kind="stable")[:, :n_neighbors]
    kept = np.take_along_axis(w, columns, axis=1)
    kept /= kept.sum(axis=1, keepdims=True)
    starts = np.arange(0, n * n_neighbors + 1, n_neighbors)
    return csr_array((kept.ravel(), columns.ravel(), starts), shape=(n, n))


METHOD = SNF
