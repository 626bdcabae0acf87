"""k-means of tensors, and the matching of two numberings of the same clusters."""

from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmbench.data import Dataset
from mmbench.nn.preprocessing import fitted_kmeans


class Clusters(NamedTuple):
    """Result of `kmeans`.

    Attributes:
        labels: (n_samples,) int64, in 0..n_clusters-1.
        centroids: (n_clusters, n_features) float32.
    """

    labels: Tensor
    centroids: Tensor


def kmeans(x: Tensor, n_clusters: int, *, seed: int, n_init: int) -> Clusters:
    """Return the best of `n_init` runs of k-means by inertia, on the device of `x`.

    scikit-learn computes it on the CPU (see `fitted_kmeans`). 100 starts on 5000 x 128 take a
    second or two on one core where clusters are clear, and ten times that on noise.

    Args:
        x: (n_samples, n_features) finite, at least `n_clusters` rows; taken as float32.
        n_clusters: how many clusters to find.
        seed: of the k-means++ starts.
        n_init: how many starts.
    """
    rows = x.detach().float().cpu().numpy()
    model = fitted_kmeans(rows, n_clusters, seed=seed, n_init=n_init)
    return Clusters(
        torch.as_tensor(model.labels_, dtype=torch.int64, device=x.device),
        torch.as_tensor(model.cluster_centers_, dtype=torch.float32, device=x.device),
    )


def assign_by_kmeans(z: Tensor, data: Dataset, *, seed: int, n_init: int) -> Tensor:
    """Return (n_samples,) int64, the nearest centroid by k-means of the training samples.

    Row i of z, (n_samples, n_latent), is sample i; at least `n_clusters` are in `fit_index`.
    """
    fitted = z[torch.as_tensor(data.fit_index, device=z.device)]
    return nearest(z, kmeans(fitted, data.n_clusters, seed=seed, n_init=n_init).centroids)


def nearest(x: Tensor, centroids: Tensor) -> Tensor:
    """Return the index of the nearest centroid of each row, (n_samples,) int64."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.cdist(x.float(), centroids.float()).argmin(dim=1)


def match(p: Tensor, q: Tensor, n_clusters: int) -> Tensor:
    """Return the renumbering of p, (n_clusters,) int64, that agrees best with q.

    `renumbering[p]` equals q in as many samples as possible. It is found by the Hungarian
    algorithm on the table of counts, and is a permutation of 0..n_clusters-1 also where p or q,
    (n_samples,) cluster numbers, have empty clusters.
    """
    cells = torch.bincount(p * n_clusters + q, minlength=n_clusters**2)
    counts = cells.reshape(n_clusters, n_clusters).cpu().numpy()
    _, renumbering = linear_sum_assignment(counts, maximize=True)
    return torch.as_tensor(renumbering, device=p.device)
