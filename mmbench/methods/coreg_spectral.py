"""Co-regularised spectral clustering: the embedding of each view is drawn towards the others.

Every view has a Gaussian affinity of all samples, and its embedding U_v consists of the leading
eigenvectors of the normalised affinity L_v. The views are updated in turn: U_v becomes the leading
eigenvectors of L_v + λ Σ_w U_w U_w^T over the other views w. The embeddings, with rows scaled to
length 1, are concatenated and clustered by k-means.

Source: Kumar, Rai & Daumé, Co-regularized Multi-view Spectral Clustering, NIPS 2011, the
pairwise form, equations 4 to 6.
Departures: a fixed number of rounds replaces the convergence test; the embeddings of all views are
clustered, where the paper may use that of a view known to be the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

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
        agreement_weight: λ; 0 is spectral clustering of each view. The paper recommends 0.01 to
            0.05.
        n_rounds: number of updates of every view.
        n_init: number of k-means starts.
        max_samples: data with more are refused, since time and memory grow with n².
    """

    agreement_weight: NonNegativeFloat = 0.05
    n_rounds: NonNegativeInt = 10
    n_init: PositiveInt = 20
    max_samples: PositiveInt = 5000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, of features or images (as pixels).

        Logged are the embeddings of all views, side by side, and their `agreement`.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, more than
                `max_samples`, or held-out samples, which have no row in the affinities.
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

    The similarities are L_v, (n_samples, n_samples) symmetric each, at least two; `weight` is λ.
    """
    embeddings = [leading_eigenvectors(m, n_vectors, seed=seed) for m in similarities]
    for _ in range(n_rounds if weight else 0):
        for v, similarity in enumerate(similarities):
            others = np.hstack([u for w, u in enumerate(embeddings) if w != v])
            embeddings[v] = leading_eigenvectors(
                similarity, n_vectors, seed=seed, low_rank=weight**0.5 * others
            )
    return embeddings


def agreement(embeddings: Sequence[NDArray[np.float64]]) -> float:
    """Return the agreement of the embeddings' spans, in [0, 1].

    It is the mean over pairs of views of ‖U_v^T U_w‖² / n_vectors, the mean squared cosine of their
    principal angles: 1 if all span the same space, 0 if they are orthogonal. The U_v are
    (n_samples, n_vectors) with orthonormal columns, at least two.
    """
    shared = [np.square(a.T @ b).sum() / a.shape[1] for a, b in combinations(embeddings, 2)]
    return float(sum(shared) / len(shared))


METHOD = CoregSpectral
