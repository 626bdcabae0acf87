"""The information that soft assignments of paired samples contain about each other, in nats.

All functions accept leading dimensions, such as one for the heads of a network, and return one
value for each. They compute in float32, or in float64 for such input, regardless of autocast:
the logarithm of a value rounded to bfloat16 has an error of a percent.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from mmbench.nn.losses import entropy

# smaller probabilities are raised to it, so that logarithms and their gradients stay finite
SMALLEST = 1e-8


def joint(p: Tensor, q: Tensor, *, symmetric: bool = True) -> Tensor:
    """Return the joint distribution of the clusters of two views, (..., n_clusters, n_clusters).

    Args:
        p: (..., n_samples, n_clusters) soft assignments; rows sum to 1.
        q: likewise, of the same samples by the other view.
        symmetric: return the mean over both orders of the views; otherwise rows are those of p.
    """
    with torch.autocast(p.device.type, enabled=False):
        # one matrix product, without the outer products of all samples in memory
        one_way = widened(p).mT @ widened(q) / p.shape[-2]
        return (one_way + one_way.mT) / 2 if symmetric else one_way


def shared_information(
    p: Tensor, q: Tensor, *, entropy_weight: float = 1.0, symmetric: bool = True
) -> Tensor:
    """Return I = Σ P (log P - λ log P_row - λ log P_column) of the joint P, (...,), in nats.

    For λ = 1 it is the mutual information of that joint, in [0, log(n_clusters)]: 0 where P is a
    product, the bound where the views determine each other and clusters are equally large. A
    larger λ adds λ - 1 times the entropies of the cluster sizes of both views, against collapse;
    the bound is then (2λ - 1) log(n_clusters). Permuting the clusters of both views alike does
    not change it.

    A symmetric joint suits two augmentations of one view, as in IIC. Views with separate encoders
    can reach its bound with half the classes, if one view uses one half of the clusters and the
    other view the other half. Many clusters in a small batch reward noise: the estimate for
    independent hard assignments of n samples is about n_clusters (n_clusters - 1) / (4 n).

    The `entropy_weight` is λ, the other arguments are those of `joint`.

    Source: Ji, Henriques & Vedaldi, ICCV 2019, equations 3 and 5 (λ in their section 3.1).
    """
    cells = joint(p, q, symmetric=symmetric)
    rows = cells.sum(dim=-1).clamp_min(SMALLEST).log()
    columns = rows if symmetric else cells.sum(dim=-2).clamp_min(SMALLEST).log()
    expected = entropy_weight * (rows[..., :, None] + columns[..., None, :])
    return (cells * (cells.clamp_min(SMALLEST).log() - expected)).sum(dim=(-2, -1))


def divergence(p: Tensor, r: Tensor) -> Tensor:
    """Return the mean over samples of KL(p || r), (...,), in nats, at least 0.

    It is an upper bound of what p contains beyond the other view, I(x_u; c_u | x_v), for any r
    that is a function of the other view. The bound is tight if r is p averaged over the samples
    that the other view cannot distinguish. Both are (..., n_samples, n_clusters).
    """
    with torch.autocast(p.device.type, enabled=False):
        p, r = widened(p), widened(r)
        logs = p.clamp_min(SMALLEST).log() - r.clamp_min(SMALLEST).log()
        return (p * logs).sum(dim=-1).mean(dim=-1)


def widened(p: Tensor) -> Tensor:
    """Return p in float32, or unchanged if it is float64."""
    return p.to(torch.promote_types(p.dtype, torch.float32))


def mean_over_views(values: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Return the mean of each sample over the views that it has, (n_samples, n_columns).

    The values of each view are (n_rows_v, n_columns), the rows those of `row_numbers`.
    """
    total = values[0].new_zeros(rows.shape[1], values[0].shape[1])
    for x, row in zip(values, rows, strict=True):
        total[row >= 0] += x[row[row >= 0]]
    return total / (rows >= 0).sum(dim=0)[:, None]


def assignment_diagnostics(soft: Sequence[Tensor], mean: Tensor, rows: Tensor) -> dict[str, float]:
    """Return measures of the views' assignments that need no labels.

    The soft assignments of each view are (n_rows_v, n_clusters), `mean` is their
    `mean_over_views`, and rows are those of `row_numbers`.

    Returns:
        clusters_used: the number of clusters that have a sample.
        size_entropy: of the mean assignment, in nats, at most log(n_clusters).
        agreement: the mean fraction of samples for which two views choose the same cluster.
        information: shared by two views, a mean over pairs, in nats, at most log(n_clusters).
    """
    agreements, informations = [], []
    for u, v in combinations(range(len(soft)), 2):
        both = (rows[u] >= 0) & (rows[v] >= 0)
        if both.any():
            p, q = soft[u][rows[u][both]], soft[v][rows[v][both]]
            agreements.append((p.argmax(dim=1) == q.argmax(dim=1)).float().mean())
            informations.append(shared_information(p, q))
    return {
        "clusters_used": float(len(mean.argmax(dim=1).bincount().nonzero())),
        "size_entropy": entropy(mean.mean(dim=0)).item(),
        "agreement": torch.stack(agreements).mean().item(),
        "information": torch.stack(informations).mean().item(),
    }
