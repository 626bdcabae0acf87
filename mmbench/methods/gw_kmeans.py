"""k-means in each modality of mixed-modal data, the clusters matched by optimal transport.

Gromov-Wasserstein transport finds the coupling of the clusters of two modalities that changes the
distances between centroids least, where the mass of a cluster is its share of the samples:

    min over T of the sum over i, j, k, l of (C_ij - D_kl)² T_ik T_jl,

where the rows of T sum to the shares of one modality, its columns to those of the other. The
clusters are then matched one to one such that the mass between matched clusters is largest.

Source: Mémoli, "Gromov-Wasserstein distances and the metric approach to object matching",
Found. Comput. Math. 11, 2011; solved by conditional gradients as in Vayer et al., "Optimal
transport for structured data", ICML 2019, with the POT library.
Departures: the problem is not convex, so the best of several starts is kept; distances are divided
by their mean; a coupling that splits clusters is rounded to a matching.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import ot
from numpy.typing import NDArray
from pydantic import PositiveInt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.modalities import clusters_within
from mmbench.nn.preprocessing import training_rows


@dataclass(frozen=True)
class GWKMeans:
    """Hyperparameters of the method.

    Attributes:
        max_features: maximum number of principal components of a modality.
        n_init: number of k-means starts.
        n_starts: number of starts of the transport; the one with the least distortion is kept.
    """

    max_features: PositiveInt = 100
    n_init: PositiveInt = 20
    n_starts: PositiveInt = 1000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features.

        The clusters of each modality are matched to those of the first. Logged is also the
        `distortion_{view}` of each other modality.

        Raises:
            IncompatibleDataError: not mixed-modal, images, or a modality with fewer samples to
                train on than clusters.
        """
        rng = np.random.default_rng(seed)
        y_pred = np.empty(data.n_samples, np.int64)
        distortions: dict[str, Any] = {}
        reference = None
        for view in data.mixed_features(held_out=True):
            z, clusters = clusters_within(
                data, view, max_features=self.max_features, n_init=self.n_init, seed=seed
            )
            rows = training_rows(data, view)
            geometry = cluster_geometry(z[rows], clusters[rows], data.n_clusters)
            if reference is None:
                reference = geometry
            else:
                renumbering, distortions[f"distortion_{view.name}"] = match_clusters(
                    geometry, reference, n_starts=self.n_starts, rng=rng
                )
                clusters = renumbering[clusters]
            y_pred[view.sample_index] = clusters
        log(0, y_pred=y_pred, **distortions)
        return y_pred


class ClusterGeometry(NamedTuple):
    """The properties of clusters that can be compared across modalities.

    The distances between centroids are divided by their mean over all pairs of samples, unless
    all are 0; the shares of the samples sum to 1.
    """

    distances: NDArray[np.float64]  # (n_clusters, n_clusters)
    shares: NDArray[np.float64]  # (n_clusters,)


def cluster_geometry(
    z: NDArray[np.floating], clusters: NDArray[np.integer], n_clusters: int
) -> ClusterGeometry:
    """Return the distances and shares of the clusters, (n_rows,), of z, (n_rows, n_features).

    An empty cluster has its centroid at the origin.
    """
    sizes = np.bincount(clusters, minlength=n_clusters)
    centroids = np.zeros((n_clusters, z.shape[1]))
    np.add.at(centroids, clusters, z)
    centroids /= np.maximum(sizes, 1)[:, None]
    shares = sizes / sizes.sum()
    distances = cdist(centroids, centroids)
    return ClusterGeometry(distances / (shares @ distances @ shares or 1.0), shares)


def match_clusters(
    geometry: ClusterGeometry,
    reference: ClusterGeometry,
    *,
    n_starts: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], float]:
    """Return the cluster of `reference` for each cluster of `geometry`, and the distortion.

    The former is a permutation, (n_clusters,); the latter the lowest value found of the
    transport's objective, at least 0. The first start is the product of the shares, the others
    are random couplings near it.
    """
    product = np.outer(geometry.shares, reference.shares)
    best, lowest = product, np.inf
    for start in range(n_starts):
        # near the product: starts further away end in poorer minima
        corner = ot.emd(geometry.shares, reference.shares, rng.random(product.shape))
        coupling, details = ot.gromov.gromov_wasserstein(
            geometry.distances,
            reference.distances,
            geometry.shares,
            reference.shares,
            "square_loss",
            symmetric=True,
            G0=0.9 * product + 0.1 * corner if start else product,
            log=True,
        )
        if details["gw_dist"] < lowest:
            best, lowest = coupling, float(details["gw_dist"])
    _, renumbering = linear_sum_assignment(best, maximize=True)
    return renumbering.astype(np.int64), max(lowest, 0.0)


METHOD = GWKMeans
