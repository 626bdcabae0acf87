"""Losses that several methods share, and the entropy they are built from.

All are computed in float32, whatever autocast the caller has set: a similarity rounded to
the three digits of bfloat16 would drown the differences that a softmax is to tell apart.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

# below it a probability counts as this: the slope of p log p at 0 is infinite
_SMALLEST = 1e-12


def entropy(p: Tensor) -> Tensor:
    """Return the entropy in nats of a distribution of any shape, a scalar.

    It is in [0, log(p.numel())]: 0 where one cell has all the mass, the bound where all are
    equal. Its gradient is finite where cells are empty.
    """
    terms: Tensor = torch.special.entr(p.float().clamp_min(_SMALLEST))
    return terms.sum()


def imbalance(soft: Tensor) -> Tensor:
    """Return log(n_clusters) minus the entropy of the mean assignment, in nats, a scalar.

    It is 0 where all clusters are equally large and log(n_clusters) where one holds all.

    Args:
        soft: (n_samples, n_clusters) soft assignments.
    """
    sizes = soft.float().sum(dim=0)
    return math.log(soft.shape[1]) - entropy(sizes / sizes.sum())


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy of pairs, in nats, a scalar.

    Each of the 2n rows is an anchor; its positive is the row of the other array with the same
    index, its negatives are the remaining 2n - 2 rows of both arrays. Similarity is the
    cosine. The value is the mean over anchors of -log softmax of the positive, at least 0;
    it is log(2n - 1) where all rows are equal, and 0 for a single pair, which has no
    negatives. Symmetric in a and b.

    Source: Sohn, NIPS 2016; Chen et al., ICML 2020, equation 1.

    Args:
        a: (n, n_features), rows of any length; a row of zeros has cosine 0 with all.
        b: (n, n_features), row i is the partner of row i of a.
        temperature: divides the cosines.
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

    `nt_xent` of the columns (cluster j of one against cluster j of the other), plus the
    `imbalance` of both, which keeps a single cluster from swallowing all samples. Loss and
    gradient are finite where a cluster has no mass at all.

    Source: Li et al., Contrastive Clustering, AAAI 2021, equations 5 to 7; used alike by CMMC
    and SACC.

    Args:
        p: (n_samples, n_clusters) soft assignments; rows sum to 1.
        q: (n_samples, n_clusters), of the same samples by another view or augmentation.
        temperature: divides the cosines.
    """
    return nt_xent(p.T, q.T, temperature) + imbalance(p) + imbalance(q)
