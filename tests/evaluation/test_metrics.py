"""Metrics against hand-counted tables, against scikit-learn, and by their properties."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.errors import InputError
from mmbench.evaluation.metrics import (
    METRICS,
    acc,
    ami,
    ari,
    clusters_used,
    contingency,
    matched,
    modality_mixing,
    nmi,
    pairwise_f,
    purity,
    size_entropy,
)

# classes (rows) and clusters (columns): [[3, 1, 0], [0, 2, 1], [0, 0, 3]]
Y_TRUE = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
Y_PRED = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]

# a busy machine may take long over an example
patient = settings(deadline=None, max_examples=50)


def labellings(n_classes=6, n_clusters=8):
    """Classes and clusters of the same 1 to 40 samples."""
    pairs = st.tuples(st.integers(0, n_classes - 1), st.integers(0, n_clusters - 1))
    return st.lists(pairs, min_size=1, max_size=40).map(lambda rows: tuple(zip(*rows, strict=True)))


def test_the_table_counts_classes_against_clusters():
    np.testing.assert_array_equal(contingency(Y_TRUE, Y_PRED), [[3, 1, 0], [0, 2, 1], [0, 0, 3]])


def test_labels_that_nobody_has_give_no_row_and_no_column():
    np.testing.assert_array_equal(contingency([1, 1, 7], [-3, 900_000, 900_000]), [[1, 1], [0, 1]])


def test_a_hand_counted_table_gives_the_hand_counted_scores():
    assert acc(Y_TRUE, Y_PRED) == 8 / 10
    assert purity(Y_TRUE, Y_PRED) == 8 / 10
    # pairs: 3 + 0 + 1 + 3 = 7 share both, 6 + 3 + 3 = 12 a class, 3 + 3 + 6 = 12 a cluster
    assert pairwise_f(Y_TRUE, Y_PRED) == pytest.approx(2 * 7 / (12 + 12))
    chance = 12 * 12 / 45
    assert ari(Y_TRUE, Y_PRED) == pytest.approx((7 - chance) / (12 - chance))
    assert clusters_used(Y_TRUE, Y_PRED) == 3
    assert size_entropy(Y_TRUE, Y_PRED) == pytest.approx(
        -2 * 0.3 * math.log(0.3) - 0.4 * math.log(0.4)
    )
    information = (
        0.3 * math.log(0.3 / (0.4 * 0.3))
        + 0.1 * math.log(0.1 / (0.4 * 0.3))
        + 0.2 * math.log(0.2 / (0.3 * 0.3))
        + 0.1 * math.log(0.1 / (0.3 * 0.4))
        + 0.3 * math.log(0.3 / (0.3 * 0.4))
    )
    # classes and clusters have the same sizes, hence the same entropy
    assert nmi(Y_TRUE, Y_PRED) == pytest.approx(information / size_entropy(Y_TRUE, Y_PRED))


def test_the_matching_is_the_best_one_and_not_the_greedy_one():
    # greedy takes the 5, and is left with 0; the best matching takes both 4s
    table = [[5, 4], [4, 0]]
    y_true = np.repeat([0, 0, 1, 1], np.ravel(table))
    y_pred = np.repeat([0, 1, 0, 1], np.ravel(table))
    assert acc(y_true, y_pred) == 8 / 13


@patient
@given(labellings(n_classes=4, n_clusters=4))
def test_acc_is_the_best_over_all_matchings(labels):
    y_true, y_pred = map(np.array, labels)
    right = [np.sum(np.array(matching)[y_pred] == y_true) for matching in permutations(range(4))]
    assert acc(y_true, y_pred) == max(right) / len(y_true)


@patient
@given(labellings())
def test_information_and_pair_metrics_are_those_of_scikit_learn(labels):
    y_true, y_pred = labels
    theirs = {
        nmi: sklearn.metrics.normalized_mutual_info_score,
        ari: sklearn.metrics.adjusted_rand_score,
    }
    for ours, reference in theirs.items():
        assert ours(y_true, y_pred) == pytest.approx(reference(y_true, y_pred), abs=1e-9)
    (_, only_cluster), (only_class, both) = sklearn.metrics.pair_confusion_matrix(y_true, y_pred)
    total = 2 * both + only_class + only_cluster
    assert pairwise_f(y_true, y_pred) == pytest.approx(2 * both / total if total else 1)


@pytest.mark.parametrize(("n", "n_classes", "n_clusters"), [(3000, 10, 10), (5000, 100, 40)])
def test_large_tables_agree_with_scikit_learn(n, n_classes, n_clusters):
    rng = np.random.default_rng(0)
    y_true = np.minimum(rng.geometric(0.1, n), n_classes)  # classes of very unequal size
    y_pred = np.where(rng.random(n) < 0.3, y_true % n_clusters, rng.integers(n_clusters, size=n))
    assert ari(y_true, y_pred) == pytest.approx(sklearn.metrics.adjusted_rand_score(y_true, y_pred))


@patient
@given(labellings(), st.permutations(range(8)), st.randoms(use_true_random=False))
def test_neither_the_numbers_of_clusters_nor_the_order_of_samples_matter(labels, numbers, random):
    y_true, y_pred = labels
    order = list(range(len(y_true)))
    random.shuffle(order)
    shuffled_true = [y_true[i] for i in order]
    renumbered = [numbers[y_pred[i]] for i in order]
    for name, metric in METRICS.items():
        expected = pytest.approx(metric(y_true, y_pred), abs=1e-9)
        assert metric(shuffled_true, renumbered) == expected, name


@patient
@given(labellings())
def test_scores_stay_within_their_range_and_purity_is_at_least_acc(labels):
    scores = {name: metric(*labels) for name, metric in METRICS.items()}
    for name in ("acc", "nmi", "purity", "pairwise_f"):
        assert 0 <= scores[name] <= 1, name
    assert -0.5 - 1e-9 <= scores["ari"] <= 1
    assert scores["ami"] <= 1 + 1e-9
    assert scores["purity"] >= scores["acc"]
    assert 0 <= scores["size_entropy"] <= math.log(scores["clusters_used"]) + 1e-9


@patient
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_the_classes_themselves_under_other_numbers_are_perfect(y_true):
    y_pred = [(y + 3) % 7 for y in y_true]
    for name in ("acc", "nmi", "ari", "ami", "purity", "pairwise_f"):
        assert METRICS[name](y_true, y_pred) == pytest.approx(1), name


def test_clusters_of_one_sample_each_agree_with_classes_of_one_sample_each():
    for n in range(1, 60):  # numerator and denominator of AMI are rounding errors here
        assert METRICS["ami"](range(n), range(n)) == 1


def test_one_cluster_knows_nothing_and_gets_the_share_of_the_largest_class():
    one = [0] * len(Y_TRUE)
    assert acc(Y_TRUE, one) == purity(Y_TRUE, one) == 0.4
    assert nmi(Y_TRUE, one) == ari(Y_TRUE, one) == ami(Y_TRUE, one) == 0
    assert size_entropy(Y_TRUE, one) == 0


def test_one_sample_per_cluster_is_pure_but_matches_one_sample_per_class():
    singles = list(range(len(Y_TRUE)))
    assert purity(Y_TRUE, singles) == 1
    assert acc(Y_TRUE, singles) == 0.3
    assert pairwise_f(Y_TRUE, singles) == 0
    assert ami(Y_TRUE, singles) == pytest.approx(0, abs=1e-9)
    assert size_entropy(Y_TRUE, singles) == pytest.approx(math.log(10))


def test_more_and_fewer_clusters_than_classes_are_both_scored():
    assert acc([0, 0, 1, 1], [0, 1, 2, 2]) == 0.75
    assert acc([0, 1, 2, 2], [0, 0, 1, 1]) == 0.75


def test_pairs_are_counted_one_by_one_in_a_slow_loop():
    pairs = list(combinations(range(len(Y_TRUE)), 2))
    together = [(Y_TRUE[i] == Y_TRUE[j], Y_PRED[i] == Y_PRED[j]) for i, j in pairs]
    both = sum(a and b for a, b in together)
    precision, recall = both / sum(b for _, b in together), both / sum(a for a, _ in together)
    expected = 2 * precision * recall / (precision + recall)
    assert pairwise_f(Y_TRUE, Y_PRED) == pytest.approx(expected)


def test_products_of_pairs_do_not_overflow():
    y_true = np.repeat([0, 1], 100_000)
    assert ari(y_true, y_true[::-1]) == 1
    assert ari(y_true, np.tile([0, 1], 100_000)) == pytest.approx(0, abs=1e-4)


def test_modalities_mix_by_the_least_share_that_one_has_in_each_cluster():
    modality = np.repeat([0, 1], [4, 8])
    assert modality_mixing(modality, modality) == 0
    assert modality_mixing(modality, np.zeros(12, int)) == 1
    # a quarter of both in each of four clusters, whatever their sizes
    assert modality_mixing(modality, [0, 1, 2, 3, 0, 0, 1, 1, 2, 2, 3, 3]) == 1
    # shares 1/2 1/4 1/4 0 and 0 1/2 1/4 1/4: 1/4 + 1/4
    y_pred = [0, 0, 1, 2, 1, 1, 1, 1, 2, 2, 3, 3]
    assert modality_mixing(modality, y_pred) == pytest.approx(0.5)
    # it is one minus half the distance of the shares, and of three modalities the least
    rng = np.random.default_rng(0)
    modality, y_pred = rng.integers(3, size=90), rng.integers(5, size=90)
    shares = np.array([np.bincount(y_pred[modality == m], minlength=5) for m in range(3)])
    shares = shares / shares.sum(axis=1, keepdims=True)
    assert modality_mixing(modality, y_pred) == pytest.approx(shares.min(axis=0).sum())
    two = modality < 2
    distance = np.abs(shares[0] - shares[1]).sum() / 2
    assert modality_mixing(modality[two], y_pred[two]) == pytest.approx(1 - distance)


def test_matched_puts_right_samples_on_the_diagonal_and_clusters_left_over_behind():
    y_true = [0, 0, 0, 1, 1, 1, 1]
    y_pred = [5, 5, 9, 2, 2, 7, 7]  # 2 and 7 tie for class 1, 9 is left over
    table = matched(y_true, y_pred, 2)
    assert table.shape == (2, 4)
    assert np.trace(table) / len(y_true) == acc(y_true, y_pred)
    np.testing.assert_array_equal(table[:, 2:].sum(axis=0), [2, 1])
    np.testing.assert_array_equal(table.sum(axis=1), [3, 4])


def test_matched_has_a_column_for_every_class_when_there_are_fewer_clusters():
    table = matched([0, 1, 2, 2], [0, 0, 0, 0], 3)
    np.testing.assert_array_equal(table, [[0, 0, 1], [0, 0, 1], [0, 0, 2]])


@pytest.mark.parametrize(
    ("y_true", "y_pred", "complaint"),
    [
        ([0, 1], [0, 1, 1], "for each sample, got 2 and 3"),
        ([], [], r"integer labels, got float64 of shape \(0,\)"),
        (np.empty(0, int), np.empty(0, int), "for each sample, got 0 and 0"),
        ([0, 1], [0.5, 1.0], "integer labels, got float64"),
        ([[0, 1]], [[0, 1]], r"of shape \(1, 2\)"),
    ],
)
def test_labels_of_the_wrong_form_are_refused(y_true, y_pred, complaint):
    for metric in METRICS.values():
        with pytest.raises(InputError, match=complaint):
            metric(y_true, y_pred)
