"""k-means of embeddings, and the matching of two numberings of the same clusters."""

from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from torch import Tensor

from mmbench.data import IncompatibleDataError


class Clusters(NamedTuple):
    """What k-means found.

    Attributes:
        labels: (n_samples,) int64, in 0..n_clusters-1.
        centroids: (n_clusters, n_features) float32.
        inertia: the sum of squared distances to the nearest centroid.
    """

    labels: Tensor
    centroids: Tensor
    inertia: float


def kmeans(x: Tensor, n_clusters: int, *, seed: int, n_init: int = 100) -> Clusters:
    """Return the best of `n_init` runs of k-means by inertia, on the device of `x`.

    scikit-learn computes it on the CPU. 100 starts on 5000 x 128 take a second or two on one
    core where clusters are clear, ten times that on noise, which converges late.

    Args:
        x: (n_samples, n_features) finite; taken as float32.
        n_clusters: how many clusters to find.
        seed: of the k-means++ starts.
        n_init: how many starts.

    Raises:
        IncompatibleDataError: fewer samples than clusters.
    """
    if len(x) < n_clusters:
        raise IncompatibleDataError(
            f"k-means: needs {n_clusters} samples for as many clusters, has {len(x)}"
        )
    rows = x.detach().float().cpu().numpy()
    found = KMeans(n_clusters, n_init=n_init, random_state=seed).fit(rows)
    return Clusters(
        torch.as_tensor(found.labels_, dtype=torch.int64, device=x.device),
        torch.as_tensor(found.cluster_centers_, dtype=torch.float32, device=x.device),
        float(found.inertia_),
    )


def nearest(x: Tensor, centroids: Tensor) -> Tensor:
    """Return the index of the nearest centroid of each row, (n_samples,) int64.

    Args:
        x: (n_samples, n_features).
        centroids: (n_clusters, n_features).
    """
    with torch.autocast(x.device.type, enabled=False):
        return torch.cdist(x.float(), centroids.float()).argmin(dim=1)


def match(p: Tensor, q: Tensor, n_clusters: int) -> Tensor:
    """Return the renumbering of p that agrees with q in as many samples as possible.

    The Hungarian algorithm on the (n_clusters, n_clusters) table of counts. The result is
    always a permutation of 0..n_clusters-1, also where p or q leave a cluster empty.

    Args:
        p: (n_samples,) cluster numbers in 0..n_clusters-1.
        q: (n_samples,), likewise.
        n_clusters: of both.

    Returns:
        renumbering: (n_clusters,) int64, so that `renumbering[p]` is p in the numbers of q.
    """
    cells = torch.bincount(p * n_clusters + q, minlength=n_clusters**2)
    counts = cells.reshape(n_clusters, n_clusters).cpu().numpy()
    _, renumbering = linear_sum_assignment(counts, maximize=True)
    return torch.as_tensor(renumbering, device=p.device)
