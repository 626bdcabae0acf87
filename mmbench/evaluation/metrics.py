"""Metrics that compare a clustering with the classes: f(y_true, y_pred) -> float.

They are computed from the contingency table, whose entry (i, j) counts the samples of class i
in cluster j. They therefore do not depend on the numbering of clusters or the order of samples,
and allow more or fewer clusters than classes. A new metric is one function here with an entry in
`METRICS`; stored runs are scored with it without training.

Labels are integers. Every function raises InputError if the arrays are empty, are not
one-dimensional integers, or differ in length.

Sources: ACC, Kuhn 1955 (the assignment problem); NMI with the arithmetic mean and AMI, Vinh,
Epps & Bailey, JMLR 2010; ARI, Hubert & Arabie, J. Classification 1985. Special cases (one
class, one cluster) are those of scikit-learn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr, xlogy

from mmbench.errors import InputError

Table = NDArray[np.int64]
Metric = Callable[[ArrayLike, ArrayLike], float]


def acc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of correct samples after matching clusters with classes, in [0, 1].

    The matching is one-to-one and maximises the result. Where there are more clusters than
    classes, all samples of unmatched clusters count as wrong.
    """
    table = contingency(y_true, y_pred)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def nmi(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mutual information divided by the arithmetic mean of the entropies, in [0, 1].

    It is 1 for one class and one cluster, and 0 for one of them and several of the other.
    """
    table = contingency(y_true, y_pred)
    if table.size == 1:
        return 1.0
    mean = (_entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))) / 2
    return min(max(_mutual_information(table) / mean, 0.0), 1.0)


def ari(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the Rand index adjusted for chance, in [-0.5, 1]; 0 is expected at random."""
    both, only_class, only_cluster, neither = _pairs(contingency(y_true, y_pred))
    if only_class == only_cluster == 0:
        return 1.0
    chance = (both + only_class) * (only_class + neither)
    chance += (both + only_cluster) * (only_cluster + neither)
    return 2 * (both * neither - only_class * only_cluster) / chance


def ami(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mutual information adjusted for chance, with the arithmetic mean; at most 1."""
    from sklearn.metrics import adjusted_mutual_info_score  # slow to import

    contingency(y_true, y_pred)  # raises
    return float(adjusted_mutual_info_score(np.asarray(y_true), np.asarray(y_pred)))


def purity(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of samples in the largest class of their cluster, in (0, 1].

    It is at least ACC, and 1 if every sample is a cluster of its own.
    """
    table = contingency(y_true, y_pred)
    return float(table.max(axis=0).sum() / table.sum())


def pairwise_f(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the F1 score over pairs of samples, in [0, 1].

    Precision is the share of pairs in one cluster that are of one class, recall the reverse. If
    no pair shares a class or a cluster, both partitions are the same and the score is 1.
    """
    both, only_class, only_cluster, _ = _pairs(contingency(y_true, y_pred))
    total = 2 * both + only_class + only_cluster
    return 2 * both / total if total else 1.0


def clusters_used(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return how many clusters have a sample."""
    return float(contingency(y_true, y_pred).shape[1])


def size_entropy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the entropy of the cluster sizes in nats, in [0, log(clusters used)].

    Its exponential is the effective number of clusters. It is 0 for a single cluster and reaches
    the upper bound for clusters of equal size.
    """
    return _entropy(contingency(y_true, y_pred).sum(axis=0))


def modality_mixing(modality: ArrayLike, y_pred: ArrayLike) -> float:
    """Return how similarly the modalities are distributed over clusters, in [0, 1].

    It is the sum over clusters of the smallest share of its samples that a modality has there.
    It is 1 if all modalities have the same distribution over clusters, and 0 if no cluster
    contains samples of all modalities. It uses no labels.
    """
    table = contingency(modality, y_pred)
    shares = table / table.sum(axis=1, keepdims=True)
    return float(shares.min(axis=0).sum())


METRICS: dict[str, Metric] = {
    "acc": acc,
    "nmi": nmi,
    "ari": ari,
    "ami": ami,
    "purity": purity,
    "pairwise_f": pairwise_f,
    "clusters_used": clusters_used,
    "size_entropy": size_entropy,
}


def contingency(y_true: ArrayLike, y_pred: ArrayLike) -> Table:
    """Return (n_classes, n_clusters) counts; classes and clusters without samples are left out.

    Raises:
        InputError: the labels are empty, not one-dimensional integers, or differ in length.
    """
    a, b = np.asarray(y_true), np.asarray(y_pred)
    for labels in (a, b):
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise InputError(
                f"expected (n_samples,) integer labels, got {labels.dtype} of shape {labels.shape}"
            )
    if not len(a) == len(b) > 0:
        raise InputError(
            f"expected a class and a cluster for each sample, got {len(a)} and {len(b)} of them"
        )
    a, b = _from_zero(a), _from_zero(b)
    n_classes, n_clusters = int(a.max()) + 1, int(b.max()) + 1
    table = np.bincount(a * n_clusters + b, minlength=n_classes * n_clusters)
    table = table.reshape(n_classes, n_clusters)
    return table[table.any(axis=1)][:, table.any(axis=0)]


def matched(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> Table:
    """Return the (n_classes, n_columns) confusion matrix after the matching of `acc`.

    Column i is the cluster matched with class i. Unmatched clusters follow, largest first, so
    n_columns is at least n_classes.

    Args:
        y_true: (n_samples,) in 0..n_classes-1.
        y_pred: (n_samples,) clusters.
        n_classes: the number of classes, including those without samples.
    """
    a, b = np.asarray(y_true), np.unique(np.asarray(y_pred), return_inverse=True)[1]
    n_clusters = max(int(b.max()) + 1, n_classes)
    table = np.bincount(a * n_clusters + b, minlength=n_classes * n_clusters)
    table = table.reshape(n_classes, n_clusters)
    _, columns = linear_sum_assignment(table, maximize=True)
    over = np.setdiff1d(np.arange(n_clusters), columns)
    over = over[np.argsort(-table[:, over].sum(axis=0), kind="stable")]
    return table[:, np.concatenate([columns, over])]


def _from_zero(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels as int64, renumbered if a table over their range would be too large."""
    if labels.min() < 0 or labels.max() > 1000 + labels.shape[-1]:
        labels = np.unique(labels, return_inverse=True)[1]
    return labels.astype(np.int64)


def _entropy(sizes: NDArray[np.int64]) -> float:
    """Return the entropy in nats of a partition with parts of these sizes."""
    return float(entr(sizes / sizes.sum()).sum())


def _mutual_information(table: Table) -> float:
    """Return the mutual information of classes and clusters, in nats."""
    joint = table / table.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return float((xlogy(joint, joint) - xlogy(joint, independent)).sum())


def _pairs(table: Table) -> tuple[int, int, int, int]:
    """Return how many pairs share class and cluster, only class, only cluster, neither."""
    # Python integers, since products of these counts exceed 64 bits for some 10 000 samples
    both, same_class, same_cluster, total = (
        int((sizes * (sizes - 1) // 2).sum())
        for sizes in (table, table.sum(axis=1), table.sum(axis=0), table.sum(keepdims=True))
    )
    only_class, only_cluster = same_class - both, same_cluster - both
    return both, only_class, only_cluster, total - both - only_class - only_cluster
