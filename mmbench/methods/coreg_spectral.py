"""Spectral clustering of each view, each drawn towards the embeddings of the others.

Every view has a Gaussian affinity of all samples, and its embedding is spanned by the leading
eigenvectors U_v of the normalised affinity L_v. The views take turns: U_v becomes the leading
eigenvectors of L_v + λ Σ_w U_w U_w^T over the other views w, which raises what they agree on.
The embeddings, their rows brought to length 1, stand side by side and are clustered by k-means.

Source: Kumar, Rai & Daumé, Co-regularized Multi-view Spectral Clustering, NIPS 2011, the
pairwise form, equations 4 to 6.
Departures: a fixed number of rounds in place of a test of convergence; the embeddings of all
views are clustered, where the paper may take the one of a view known to be the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.preprocessing import kmeans_assignments
from mmbench.nn.spectral import (
    Square,
    check_few_samples,
    gaussian_affinity,
    leading_eigenvectors,
    normalised,
    unit_rows,
)


@dataclass(frozen=True)
class CoregSpectral:
    """Hyperparameters of the method.

    Attributes:
        agreement_weight: λ; 0 is spectral clustering of each view. The paper finds 0.01 to
            0.05 to do well.
        n_rounds: turns of every view.
        n_init: starts of k-means, of which the one of least inertia is kept.
        max_samples: data with more are refused: time grows with n², and memory with n² for
            each view (0.2 GB at 5000).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    agreement_weight: NonNegativeFloat = 0.05
    n_rounds: NonNegativeInt = 10
    n_init: PositiveInt = 20
    max_samples: PositiveInt = 5000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels in [0, 1]).

        Args:
            data: at least two views, without held-out samples, since a new sample has no row
                in the affinities.
            seed: of the eigensolver's start and of the starts of k-means.
            device: unused.
            log: called once, with the embeddings side by side, and `agreement`, the mean over
                pairs of views of ‖U_v^T U_w‖² / n_clusters, in [0, 1].

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, held-out
                samples, or more than `max_samples`.
        """
        views = data.paired_features(at_least=2, pixels=True)
        check_few_samples(data, self.max_samples)
        similarities = [normalised(gaussian_affinity(x)) for x in views]
        embeddings = coregularised(
            similarities, data.n_clusters, self.agreement_weight, self.n_rounds, seed=seed
        )
        z = np.hstack([unit_rows(u) for u in embeddings])
        y_pred = kmeans_assignments(z, data, seed=seed, n_init=self.n_init)
        log(0, y_pred=y_pred, embedding=z, agreement=agreement(embeddings))
        return y_pred


def coregularised(
    similarities: Sequence[Square], n_vectors: int, weight: float, n_rounds: int, *, seed: int
) -> list[NDArray[np.float64]]:
    """Return the embedding of each view, (n_samples, n_vectors), its columns orthonormal.

    Args:
        similarities: L_v, (n_samples, n_samples) symmetric each, at least two.
        n_vectors: at most n_samples.
        weight: λ, of what the views agree on.
        n_rounds: turns of every view; none, or λ = 0, leaves every view alone.
        seed: of the eigensolver's start.
    """
    embeddings = [leading_eigenvectors(m, n_vectors, seed=seed) for m in similarities]
    for _ in range(n_rounds if weight else 0):
        for v, similarity in enumerate(similarities):
            others = np.hstack([u for w, u in enumerate(embeddings) if w != v])
            embeddings[v] = leading_eigenvectors(
                similarity, n_vectors, seed=seed, pulled_to=weight**0.5 * others
            )
    return embeddings


def agreement(embeddings: Sequence[NDArray[np.float64]]) -> float:
    """Return how much the spans of the embeddings have in common, in [0, 1].

    It is the mean over pairs of views of the mean squared cosine of their principal angles:
    1 where all span the same space, 0 where they are orthogonal.

    Args:
        embeddings: (n_samples, n_vectors) each, with orthonormal columns, at least two.
    """
    n_views, n_vectors = len(embeddings), embeddings[0].shape[1]
    shared = [
        np.square(a.T @ b).sum() / n_vectors
        for v, a in enumerate(embeddings)
        for b in embeddings[v + 1 :]
    ]
    return float(sum(shared) / (n_views * (n_views - 1) / 2))


METHOD = CoregSpectral
