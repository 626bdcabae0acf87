"""Diagnostics and clusters of mixed-modal data, where each sample has one modality; no torch.

The usual failure, clusters that follow the modality, shows in the figures of `mixing`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import NearestNeighbors

from mmbench.data import Dataset, Index, View
from mmbench.nn.preprocessing import (
    joint_features,
    kmeans_assignments,
    require_sample_per_cluster,
    training_rows,
)

# rows whose nearest neighbour is searched; more would take seconds
_NEIGHBOUR_ROWS = 1000


def modality_of(data: Dataset) -> NDArray[np.int64]:
    """Return the position of the view that describes each sample, (n_samples,)."""
    modality = np.empty(data.n_samples, np.int64)
    for position, view in enumerate(data.mixed_features(held_out=True)):
        modality[view.sample_index] = position
    return modality


def mixing(z: ArrayLike, y_pred: ArrayLike, modality: ArrayLike) -> dict[str, float]:
    """Return figures that show whether two modalities share one space and its clusters.

    The embedding z is (n_samples, n_latent); the clusters and the modality of each sample, 0 or 1,
    are (n_samples,). Both modalities occur.

    Returns:
        foreign_neighbours: how often the nearest neighbour has the other modality, among at most
            1000 samples, divided by the expectation by chance: 0 where the modalities lie
            apart, about 1 where they are mixed.
        shared_clusters: the fraction of non-empty clusters in which each modality has at least
            a tenth of its share of all samples.
        modality_nmi: NMI of cluster and modality, 1 where clusters are modalities.
        share_gap: half the sum over clusters of the absolute difference between the fractions
            of both modalities that the cluster holds, in [0, 1]: 0 where both fill the clusters
            alike.
    """
    z, y_pred, modality = np.asarray(z), np.asarray(y_pred), np.asarray(modality)
    counts = np.zeros((y_pred.max() + 1, 2))
    np.add.at(counts, (y_pred, modality), 1)
    counts = counts[counts.sum(axis=1) > 0]
    shares = counts / counts.sum(axis=0)
    within = counts / counts.sum(axis=1, keepdims=True)
    overall = counts.sum(axis=0) / counts.sum()
    return {
        "foreign_neighbours": _foreign_neighbours(z, modality),
        "shared_clusters": float((within >= overall / 10).all(axis=1).mean()),
        "modality_nmi": float(normalized_mutual_info_score(modality, y_pred)),
        "share_gap": float(np.abs(shares[:, 0] - shares[:, 1]).sum() / 2),
    }


def _foreign_neighbours(z: NDArray[np.floating], modality: NDArray[np.integer]) -> float:
    rows = np.unique(np.linspace(0, len(z) - 1, min(_NEIGHBOUR_ROWS, len(z)), dtype=np.int64))
    z, modality = z[rows], modality[rows]
    nearest = NearestNeighbors(n_neighbors=1).fit(z).kneighbors(return_distance=False)[:, 0]
    sizes = np.bincount(modality, minlength=2)
    by_chance = 2 * sizes[0] * sizes[1] / (len(z) * (len(z) - 1))
    return float((modality[nearest] != modality).mean() / by_chance) if by_chance else 0.0


def clusters_within(
    data: Dataset, view: View, *, max_features: int, n_init: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return principal components of one modality, (n_rows, at most max_features), and clusters.

    Axes and centroids are fitted on the samples to train on; all samples are assigned.

    Raises:
        IncompatibleDataError: fewer rows to train on than clusters.
    """
    require_sample_per_cluster(data, view)
    index: Index = np.arange(len(view.values))
    modality = View(view.values, index, view.name, view.modality)
    alone = Dataset((modality,), data.n_clusters, len(index), data.name, training_rows(data, view))
    z = joint_features(alone, max_features=max_features, seed=seed, held_out=True)
    return z, kmeans_assignments(z, alone, seed=seed, n_init=n_init)
