"""The information that soft assignments of paired samples contain about each other, in nats.

All functions accept leading dimensions, such as one for the heads of a network, and return one
value for each. They compute in float32, or in float64 for such input, regardless of autocast:
the logarithm of a value rounded to bfloat16 has an error of a percent.
"""

import torch
from torch import Tensor

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
