"""k-means in each modality of mixed-modal data, the clusters matched by optimal transport.

Distances between centroids can be compared across modalities where the centroids themselves
cannot. Gromov-Wasserstein transport finds the coupling of the clusters of two modalities that
changes these distances least, each cluster having the mass of its share of the samples:

    min over T of the sum over i, j, k, l of (C_ij - D_kl)² T_ik T_jl,

where the rows of T sum to the shares of one modality, its columns to those of the other. Each
cluster then takes the number of the one that the largest mass goes to, one to one.

Source: Mémoli, "Gromov-Wasserstein distances and the metric approach to object matching",
Found. Comput. Math. 11, 2011; solved by conditional gradients as in Vayer et al., "Optimal
transport for structured data", ICML 2019, with the POT library.
Departures: the problem is not convex, so the best of several starts is kept; distances are
divided by their mean, since the units of the modalities mean nothing to each other; a coupling
that splits clusters is rounded to a matching.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import ot
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveInt
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
        max_features: principal components of a modality to keep at most.
        n_init: starts of k-means, of which the one of least inertia is kept.
        n_starts: of the transport, of which the one of least distortion is kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    max_features: PositiveInt = 100
    n_init: PositiveInt = 20
    n_starts: PositiveInt = 1000

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features.

        Args:
            data: two modalities or more; the clusters of each are matched to those of the
                first. Held-out samples go to the nearest centroid.
            seed: of k-means and of the starts of the transport.
            device: unused.
            log: called once, with the assignments and `distortion_{view}`, the minimum found.

        Returns:
            y_pred: (n_samples,), in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: not mixed-modal, images, or a modality with fewer samples
                to train on than clusters.
        """
        rng = np.random.default_rng(seed)
        first, *others = data.mixed_features(held_out=True)
        y_pred = np.empty(data.n_samples, np.int64)
        distortions: dict[str, Any] = {}
        anchor = None
        for view in (first, *others):
            z, clusters = clusters_within(
                data, view, max_features=self.max_features, n_init=self.n_init, seed=seed
            )
            rows = training_rows(data, view)
            shape = shape_of(z[rows], clusters[rows], data.n_clusters)
            if anchor is None:
                anchor = shape
            else:
                renumbering, distortions[f"distortion_{view.name}"] = matching(
                    shape, anchor, n_starts=self.n_starts, rng=rng
                )
                clusters = renumbering[clusters]
            y_pred[view.sample_index] = clusters
        log(0, y_pred=y_pred, **distortions)
        return y_pred


@dataclass(frozen=True, eq=False)
class Shape:
    """What can be compared across modalities.

    Attributes:
        distances: (n_clusters, n_clusters) between centroids; the mean distance of two
            samples that are moved to their centroids is 1, unless all are 0.
        shares: (n_clusters,) of the samples; they sum to 1.
    """

    distances: NDArray[np.float64]
    shares: NDArray[np.float64]


def shape_of(z: NDArray[np.floating], clusters: NDArray[np.integer], n_clusters: int) -> Shape:
    """Return the distances and shares of the clusters of one modality.

    Args:
        z: (n_rows, n_features).
        clusters: (n_rows,), in 0..n_clusters-1; one that is empty lies at the origin and has
            no share.
        n_clusters: how many there are.
    """
    sizes = np.bincount(clusters, minlength=n_clusters)
    centroids = np.zeros((n_clusters, z.shape[1]))
    np.add.at(centroids, clusters, z)
    centroids /= np.maximum(sizes, 1)[:, None]
    shares = sizes / sizes.sum()
    distances = cdist(centroids, centroids)
    return Shape(distances / (shares @ distances @ shares or 1.0), shares)


def matching(
    shape: Shape, anchor: Shape, *, n_starts: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], float]:
    """Return for each cluster of `shape` the one of `anchor` that it corresponds to.

    Args:
        shape: of the modality whose clusters get new numbers.
        anchor: of the modality whose numbers they get, with as many clusters.
        n_starts: of the transport; the first is the product of the shares, the others lie
            near it in random directions.
        rng: of these.

    Returns:
        renumbering: (n_clusters,), a permutation.
        distortion: the least value of the transport's objective that was found, at least 0.
    """
    product = np.outer(shape.shares, anchor.shares)
    best, least = product, np.inf
    for start in range(n_starts):
        # a step off the product: starts further out end in poorer minima
        corner = ot.emd(shape.shares, anchor.shares, rng.random(product.shape))
        coupling = 0.9 * product + 0.1 * corner if start else product
        found, told = ot.gromov.gromov_wasserstein(
            shape.distances,
            anchor.distances,
            shape.shares,
            anchor.shares,
            "square_loss",
            symmetric=True,
            G0=coupling,
            log=True,
        )
        if told["gw_dist"] < least:
            best, least = found, float(told["gw_dist"])
    _, renumbering = linear_sum_assignment(best, maximize=True)
    return renumbering.astype(np.int64), max(least, 0.0)


METHOD = GWKMeans
