"""Losses that several methods share, and the entropy on which they are based.

All are computed in float32, also under autocast: similarities in bfloat16 have three digits,
which is too coarse for a softmax.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

# smallest probability, since the slope of p log p at 0 is infinite
_SMALLEST = 1e-12


def entropy(p: Tensor) -> Tensor:
    """Return the entropy in nats of a distribution of any shape, a scalar.

    It is in [0, log(p.numel())]: 0 where one cell has all the mass, maximal where all cells are
    equal. Its gradient is finite also where cells are empty.
    """
    terms: Tensor = torch.special.entr(p.float().clamp_min(_SMALLEST))
    return terms.sum()


def imbalance(soft: Tensor) -> Tensor:
    """Return log(n_clusters) minus the entropy of the mean assignment, in nats, a scalar.

    It is 0 where all clusters of `soft`, (n_samples, n_clusters), are equally large, and
    log(n_clusters) where one has all samples.
    """
    sizes = soft.float().sum(dim=0)
    return math.log(soft.shape[1]) - entropy(sizes / sizes.sum())


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy of pairs, in nats, a scalar.

    Each of the 2n rows is an anchor; its positive is the row of the other array with the same
    index, its negatives are the remaining 2n - 2 rows of both arrays. Similarity is the
    cosine. The value is the mean over anchors of -log softmax of the positive. It is
    non-negative, symmetric in a and b, log(2n - 1) where all rows are equal, and 0 for a single
    pair, which has no negatives.

    Source: Sohn, NIPS 2016; Chen et al., ICML 2020, equation 1.

    Args:
        a: (n, n_features), rows of any length; a row of zeros has cosine 0 with all others.
        b: (n, n_features), row i is the partner of row i of a.
        temperature: divisor of the cosines.
    """
    n = len(a)
    with torch.autocast(a.device.type, enabled=False):
        rows = functional.normalize(torch.cat([a, b]).float(), eps=1e-8)
        similarity = rows @ rows.T / temperature
        similarity.fill_diagonal_(-math.inf)  # an anchor is not its own negative
        anchors = torch.arange(2 * n, device=a.device)
        return functional.cross_entropy(similarity, anchors.roll(n))


def cluster_contrast(p: Tensor, q: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the contrast of clusters between two soft assignments, in nats, a scalar.

    This is `nt_xent` of the columns (cluster j of one is the partner of cluster j of the
    other), plus the `imbalance` of both, which prevents the collapse to one cluster. Loss and
    gradient are finite also where a cluster has no mass.

    Source: Li et al., Contrastive Clustering, AAAI 2021, equations 5 to 7; also used by CMMC and
    SACC.

    Args:
        p: (n_samples, n_clusters) soft assignments; rows sum to 1.
        q: (n_samples, n_clusters), of the same samples by another view or augmentation.
        temperature: divisor of the cosines.
    """
    return nt_xent(p.T, q.T, temperature) + imbalance(p) + imbalance(q)
