"""What soft assignments of paired samples tell about each other, in nats.

Two views of a sample get soft assignments p and q over the same clusters. The information
that they share is to be large; what one view tells beyond the other, the superfluous
information, is to be small.

All functions take leading dimensions, such as one for the heads of a network, and return one
value for each. They compute in float32, or in float64 where that comes in, whatever autocast
the caller has set: a logarithm of a cell rounded to bfloat16 is off by a percent.
"""

import torch
from torch import Tensor

# below it a probability counts as this, so that logarithms and their slopes stay finite
SMALLEST = 1e-8


def joint(p: Tensor, q: Tensor, *, symmetric: bool = True) -> Tensor:
    """Return the joint distribution of the clusters of two views.

    Args:
        p: (..., n_samples, n_clusters) soft assignments; rows sum to 1.
        q: (..., n_samples, n_clusters), of the same samples by the other view.
        symmetric: take the mean over both orders of the views, else rows are those of p.

    Returns:
        cells: (..., n_clusters, n_clusters); they sum to 1.
    """
    with torch.autocast(p.device.type, enabled=False):
        # one matrix product: the outer products of all samples are never held at once
        one_way = widened(p).mT @ widened(q) / p.shape[-2]
        return (one_way + one_way.mT) / 2 if symmetric else one_way


def shared_information(
    p: Tensor, q: Tensor, *, entropy_weight: float = 1.0, symmetric: bool = True
) -> Tensor:
    """Return I = Σ P (log P - λ log P_row - λ log P_column) of the joint P, in nats.

    With λ = 1 it is the mutual information of that joint, in [0, log(n_clusters)]: 0 where it
    is a product, the bound where the views determine each other and clusters are equally large.
    A larger λ adds λ - 1 times the entropies of the cluster sizes of both views, against
    collapse; the bound is then (2λ - 1) log(n_clusters).

    A symmetrised joint is right for two draws of one view, which IIC has. Views with encoders
    of their own can reach its bound with half the classes, one half of the clusters for the
    one view and the other half for the other: a sample then has cluster a in one order and
    b in the other, as if there were twice as many kinds of samples.

    It is biased upwards: independent hard assignments of n samples have about
    n_clusters (n_clusters - 1) / (4 n), so many clusters in a small batch reward noise.
    How both views number their clusters together does not matter.

    Source: Ji, Henriques & Vedaldi, ICCV 2019, equations 3 and 5 (λ in their section 3.1).

    Args:
        p: (..., n_samples, n_clusters) soft assignments; rows sum to 1.
        q: (..., n_samples, n_clusters), of the same samples by the other view.
        entropy_weight: λ.
        symmetric: of the joint, see there.

    Returns:
        information: (...,).
    """
    cells = joint(p, q, symmetric=symmetric)
    rows = cells.sum(dim=-1).clamp_min(SMALLEST).log()
    columns = rows if symmetric else cells.sum(dim=-2).clamp_min(SMALLEST).log()
    expected = entropy_weight * (rows[..., :, None] + columns[..., None, :])
    return (cells * (cells.clamp_min(SMALLEST).log() - expected)).sum(dim=(-2, -1))


def divergence(p: Tensor, r: Tensor) -> Tensor:
    """Return the mean over samples of KL(p || r), in nats, at least 0.

    It bounds what p tells beyond the other view, I(x_u; c_u | x_v), from above, for any r that
    is a function of the other view; the bound is tight where r is p averaged over the samples
    that the other view cannot tell apart.

    Args:
        p: (..., n_samples, n_clusters) soft assignments; rows sum to 1.
        r: (..., n_samples, n_clusters), likewise.

    Returns:
        kl: (...,).
    """
    with torch.autocast(p.device.type, enabled=False):
        p, r = widened(p), widened(r)
        logs = p.clamp_min(SMALLEST).log() - r.clamp_min(SMALLEST).log()
        return (p * logs).sum(dim=-1).mean(dim=-1)


def superfluous_information(p: Tensor, q: Tensor) -> Tensor:
    """Return the mean of KL(p || q) and KL(q || p), in nats, at least 0.

    Each view's assignments serve as the bound of the other's, see `divergence`. It is 0 where
    p and q are equal, and so for any constant output: never minimise it alone. Symmetric.

    Source: Federici et al., ICLR 2020, section 3 (there for Gaussian codes).

    Args:
        p: (..., n_samples, n_clusters) soft assignments; rows sum to 1.
        q: (..., n_samples, n_clusters), of the same samples by the other view.

    Returns:
        information: (...,).
    """
    return (divergence(p, q) + divergence(q, p)) / 2


def widened(p: Tensor) -> Tensor:
    """Return p in float32, or in float64 if that is what it is."""
    return p.to(torch.promote_types(p.dtype, torch.float32))
