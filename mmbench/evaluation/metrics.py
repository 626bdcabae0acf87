"""Metrics that compare a clustering with the classes: f(y_true, y_pred) -> float.

All are computed from the contingency table, whose entry (i, j) counts the samples of class i
in cluster j. So none depends on how clusters are numbered or samples are ordered, and each
works when there are more or fewer clusters than classes. A new metric is one function here
and one entry of `METRICS`; it costs no training.

Labels are integers. Every function raises InputError when the two arrays are empty, are not
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
from scipy.special import entr, gammaln, xlogy

from mmbench.errors import InputError

Table = NDArray[np.int64]
Metric = Callable[[ArrayLike, ArrayLike], float]


def acc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of samples that are right when clusters are matched with classes.

    In [0, 1]; the matching is one-to-one and the best there is. Where there are more clusters
    than classes, those left over are wrong throughout.
    """
    table = contingency(y_true, y_pred)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def nmi(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mutual information over the arithmetic mean of both entropies, in [0, 1].

    One class and one cluster: 1. Only one of both is divided: 0.
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
    """Return the mutual information adjusted for chance, arithmetic mean, at most 1."""
    table = contingency(y_true, y_pred)
    if table.size == 1:
        return 1.0
    if 1 in table.shape:
        return 0.0
    mean = (_entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))) / 2
    expected = _expected_information(table)
    room = mean - expected
    if room < 1e-12 * mean:  # such sizes, as n clusters of one sample, agree however matched
        return 1.0
    return float((_mutual_information(table) - expected) / room)


def purity(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of samples in the largest class of their cluster, in (0, 1].

    At least ACC; 1 when every sample is a cluster of its own.
    """
    table = contingency(y_true, y_pred)
    return float(table.max(axis=0).sum() / table.sum())


def pairwise_f(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the F1 score of the pairs of samples put together, in [0, 1].

    Precision: pairs in one cluster that are of one class; recall: the reverse. Where no pair
    shares a class or a cluster, both partitions are the same: 1.
    """
    both, only_class, only_cluster, _ = _pairs(contingency(y_true, y_pred))
    total = 2 * both + only_class + only_cluster
    return 2 * both / total if total else 1.0


def clusters_used(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return how many clusters have a sample."""
    return float(contingency(y_true, y_pred).shape[1])


def size_entropy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the entropy of the cluster sizes in nats, in [0, log(clusters used)].

    Its exponential is the effective number of clusters: 0 is a collapse into one cluster, the
    upper bound is reached when all are equally large.
    """
    return _entropy(contingency(y_true, y_pred).sum(axis=0))


def modality_mixing(modality: ArrayLike, y_pred: ArrayLike) -> float:
    """Return how alike modalities fill the clusters, in [0, 1]; it knows no class.

    The sum over clusters of the smallest share that a modality has of its samples there. 1:
    every modality is spread over the clusters alike, as it is where the clusters are classes
    and a blind coin chose the modality; 0: no cluster holds all modalities.
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


def accuracies(y_true: ArrayLike, history: ArrayLike) -> NDArray[np.float64]:
    """Return (n_checkpoints,), the ACC of each row of (n_checkpoints, n_samples) assignments.

    The same as `acc` row by row, with the tables of all rows counted at once.
    """
    a, b = _from_zero(np.asarray(y_true)), _from_zero(np.asarray(history))
    n_classes, n_clusters = int(a.max()) + 1, int(b.max()) + 1
    start = np.arange(len(b))[:, None] * n_classes * n_clusters
    tables = np.bincount(
        (start + a * n_clusters + b).ravel(), minlength=len(b) * n_classes * n_clusters
    ).reshape(len(b), n_classes, n_clusters)
    right = [table[linear_sum_assignment(table, maximize=True)].sum() for table in tables]
    return np.array(right) / len(a)


def matched(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> Table:
    """Return the (n_classes, n_columns) confusion matrix after the matching of `acc`.

    Column i holds the cluster matched with class i; clusters left over follow, largest first,
    so n_columns is at least n_classes.

    Args:
        y_true: (n_samples,) in 0..n_classes-1.
        y_pred: (n_samples,) clusters.
        n_classes: how many classes there are, those without samples included.
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
    """Return labels as int64, renumbered where a table over their range would be wasteful."""
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


def _expected_information(table: Table) -> float:
    """Return the mean mutual information, in nats, of random tables with these margins.

    Equation 24 of Vinh et al. 2010: over all cells, the mean of n_ij/n log(n n_ij / (a_i b_j))
    where n_ij is hypergeometric. scikit-learn has the same sum, but over every n_ij up to
    min(a_i, b_j); by Bernstein's inequality those further than `reach` from the mean weigh less
    than exp(-40), and leaving them out is what makes this some ten times as fast.
    """
    n = int(table.sum())
    # cells with equal margins have equal terms
    classes, n_classes = np.unique(table.sum(axis=1), return_counts=True)
    clusters, n_clusters = np.unique(table.sum(axis=0), return_counts=True)
    a, b = np.repeat(classes, len(clusters)), np.tile(clusters, len(classes))
    times = np.outer(n_classes, n_clusters).ravel()
    mean = a * b / n
    reach = 40 / 3 + np.sqrt((40 / 3) ** 2 + 80 * mean)
    low = np.maximum(np.maximum(1, a + b - n), np.floor(mean - reach)).astype(np.int64)
    high = np.minimum(np.minimum(a, b), np.ceil(mean + reach)).astype(np.int64)

    # one entry per cell and n_ij, those of a cell next to each other
    length = high - low + 1
    cell = np.repeat(np.arange(len(a)), length)
    both = np.arange(len(cell)) + (low - np.cumsum(length) + length)[cell]
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    of_margins = log_factorial[a] + log_factorial[n - a] + log_factorial[b] + log_factorial[n - b]
    log_chance = (
        (of_margins - log_factorial[n])[cell]
        - log_factorial[both]
        - log_factorial[a[cell] - both]
        - log_factorial[b[cell] - both]
        - log_factorial[(n - a - b)[cell] + both]
    )
    information = both / n * np.log(both * (n / (a * b))[cell])
    return float((times[cell] * np.exp(log_chance) * information).sum())


def _pairs(table: Table) -> tuple[int, int, int, int]:
    """Return how many pairs share class and cluster, only class, only cluster, neither."""
    # Python's integers: products of these counts leave 64 bits at a few ten thousand samples
    both, same_class, same_cluster, total = (
        int((sizes * (sizes - 1) // 2).sum())
        for sizes in (table, table.sum(axis=1), table.sum(axis=0), table.sum(keepdims=True))
    )
    only_class, only_cluster = same_class - both, same_cluster - both
    return both, only_class, only_cluster, total - both - only_class - only_cluster
