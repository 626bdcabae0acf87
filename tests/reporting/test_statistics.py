"""Tests of significance against published examples, other libraries, hand counts, invariances."""

import itertools
import math

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mmbench.reporting.statistics import (
    compare,
    complete_block,
    datasets_needed,
    friedman_p,
    half_interval,
    holm,
    interquartile_mean,
    signed_rank_posterior,
    wilcoxon_p,
)
from mmbench.reporting.tables.significance import result_sentences

# Demšar 2006, table 6: AUC of C4.5 plain, with tuned m, with tuned cf, with both, on 14 data sets.
# On voting, third and fourth print alike and are ranked 2 and 3: another digit distinguishes them.
C45 = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def compared(scores, **arguments):
    """Compare a matrix of scores, each cell with a single seed."""
    scores = np.asarray(scores, dtype=float)
    names = arguments.pop("names", [f"m{i}" for i in range(scores.shape[1])])
    return compare([[[x] for x in row] for row in scores], names, **arguments)


@pytest.fixture
def clear():
    """12 data sets, 4 methods: the first two alike, the third better, the fourth worse."""
    rng = np.random.default_rng(0)
    first = rng.uniform(0.3, 0.8, size=12)
    alike = first + np.linspace(0.001, 0.004, 12) * np.tile([1, -1], 6)
    third, fourth = (first + by + rng.normal(scale=0.004, size=12) for by in (0.1, -0.1))
    return np.stack([first, alike, third, fourth], axis=1)


def test_average_ranks_are_those_of_demsar():
    ranks = compared(C45, names=NAMES).ranks
    np.testing.assert_allclose(ranks, [3.143, 2.000, 2.893, 1.964], atol=5e-4)


def test_friedman_is_that_of_demsar_with_the_correction_for_ties_that_he_leaves_out():
    # tied groups: three of 2 and one of 4 give 3 (2^3 - 2) + (4^3 - 4) = 78 of 14 (4^3 - 4)
    corrected = 9.28 / (1 - 78 / (14 * (4**3 - 4)))
    assert friedman_p(C45) == pytest.approx(stats.chi2.sf(corrected, 3), rel=0.01)


def test_wilcoxon_is_exact_by_enumeration_of_signs():
    differences = np.array([0.3, -0.1, 0.2, 0.5, 0.4])
    ranks = np.array([3, 1, 2, 5, 4])
    sums = [ranks[np.array(s) > 0].sum() for s in itertools.product([-1, 1], repeat=5)]
    at_least = np.mean(np.array(sums) >= ranks[differences > 0].sum())
    assert wilcoxon_p(differences) == pytest.approx(2 * at_least)
    assert wilcoxon_p(differences) == pytest.approx(4 / 32)


def test_wilcoxon_is_exact_where_differences_tie():
    differences = np.array([0.2, 0.2, -0.2, 0.1, 0.3, 0.4])
    ranks = stats.rankdata(np.abs(differences))
    sums = np.array([ranks[np.array(s) > 0].sum() for s in itertools.product([-1, 1], repeat=6)])
    expected = 2 * np.mean(sums >= ranks[differences > 0].sum())
    assert wilcoxon_p(differences) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 5, 13, 14, 51])
def test_wilcoxon_is_that_of_scipy_with_and_without_ties(n):
    differences = np.random.default_rng(n).integers(1, 6, size=n) * np.tile([1, -2, 3], n)[:n] / 100
    assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)
    with_zeros = [0.0, 0.0, *differences]  # tied, if they counted
    if n < 12:  # scipy counts the zeros before it decides whether to be exact
        assert wilcoxon_p(with_zeros) == pytest.approx(stats.wilcoxon(with_zeros).pvalue)
    differences += np.linspace(0, 0.001, n)
    assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)


def test_data_sets_without_a_difference_say_nothing():
    assert wilcoxon_p([0.0, 0.0, 0.0]) == 1
    assert wilcoxon_p([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.0]) == pytest.approx(2 / 2**6)
    # what differs in the last bits of a mean does not differ
    assert wilcoxon_p([0.1 + 0.2 - 0.3, 1e-16]) == 1


def test_differences_that_are_equal_up_to_rounding_tie():
    assert wilcoxon_p([0.3 - 0.2, 0.2 - 0.1, -0.1]) == wilcoxon_p([0.1, 0.1, -0.1])


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04, and none may fall below the last
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    assert len(holm([])) == 0


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(0).uniform(size=45) ** 4
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_pairs_are_those_of_scikit_posthocs(clear):
    found = compared(clear)
    for matrix, adjust in ((found.p, None), (found.p_holm, "holm")):
        theirs = scikit_posthocs.posthoc_wilcoxon(clear.T, p_adjust=adjust).to_numpy()
        np.testing.assert_allclose(matrix, theirs)


@pytest.mark.parametrize(
    ("n_methods", "alpha", "needed"),
    [
        (2, 0.1, 5),  # 2 / 2^5 = .0625
        (2, 0.05, 6),  # 2 / 2^6 = .03125; 2 / 2^5 is more than .05
        (10, 0.05, 11),  # 45 pairs: .05 / 45 = .00111; 2 / 2^11 = .00098, 2 / 2^10 = .00195
    ],
)
def test_the_fewest_data_sets_by_hand(n_methods, alpha, needed):
    n_pairs = math.comb(n_methods, 2)
    assert datasets_needed(n_pairs, alpha) == needed
    best_p = 2 / 2**needed
    assert best_p * n_pairs <= alpha < 2 * best_p * n_pairs


def test_no_claim_is_possible_below_the_threshold_even_where_one_always_wins():
    always = np.arange(10) / 10 + np.arange(8)[:, None] / 100
    found = compared(always, reference_method=0)
    assert not found.is_feasible
    assert found.cliques == ()
    assert found.p_holm.min() > 0.05
    assert result_sentences(found)[1] == (
        "With 8 data sets no pairwise claim among 10 methods is possible; at least 11 are needed."
    )
    # against one method there are 9 claims instead of 45, which 9 data sets would allow
    assert result_sentences(found)[0] == (
        "On 8 data sets, no claim about a difference from “m0” is possible for 9 methods; at"
        " least 9 data sets are needed. The highest mean difference is that of “m9”: +0.900"
        " (better on 8, tied on 0, worse on 0)."
    )


def test_claims_are_possible_at_the_threshold():
    scores = np.random.default_rng(0).uniform(size=(11, 10)) / 100
    scores[:, 0] += 0.5
    found = compared(scores, reference_method=0)
    assert found.is_feasible
    assert (found.p_holm[0, 1:] <= 0.05).all()


def test_the_first_sentence_tells_who_differs_from_the_control_and_by_how_much(clear):
    found = compared(clear, names=["a", "b", "c", "d"], reference_method=0)
    by = found.difference[:, 0]
    assert result_sentences(found) == (
        f"On 12 data sets, 2 of 3 methods differ from “a”: “c”: {by[2]:+.3f} (better on 12, tied"
        f" on 0, worse on 0), p = 0.001; “d”: {by[3]:+.3f} (better on 0, tied on 0, worse on 12),"
        " p = 0.001.",
        "5 of 6 pairs differ.",
    )


def test_the_control_is_compared_with_fewer_claims_than_all_pairs(clear):
    found = compared(clear, reference_method=0)
    np.testing.assert_allclose(found.p_reference[1:], holm(found.p[0, 1:]))
    assert np.isnan(found.p_reference[0])
    assert (found.p_reference[1:] <= found.p_holm[0, 1:]).all()


def test_cliques_are_the_methods_that_no_test_distinguishes(clear):
    found = compared(clear)
    assert found.cliques == (tuple(sorted([0, 1], key=lambda m: found.ranks[m])),)
    alike = np.random.default_rng(1).uniform(size=(12, 4))
    found = compared(alike)
    assert found.cliques == (tuple(np.argsort(found.ranks)),)


def test_a_clique_ends_at_five_percent():
    all_but_least = np.array([-0.01, 0.02, 0.03, 0.04, 0.05, 0.06])  # p = 4 / 2^6 = .0625
    for differences, cliques in ((all_but_least, ((1, 0),)), (abs(all_but_least), ())):
        assert compared(np.stack([0 * differences, differences], axis=1)).cliques == cliques


def test_win_tie_and_loss_by_hand():
    found = compared([[0.500, 0.505], [0.500, 0.506], [0.506, 0.500], [0.9, 0.1]])
    assert (found.wins[0, 1], found.ties[0, 1], found.losses[0, 1]) == (2, 1, 1)
    assert (found.wins[1, 0], found.ties[1, 0], found.losses[1, 0]) == (1, 1, 2)
    assert found.difference[0, 1] == pytest.approx((-0.005 - 0.006 + 0.006 + 0.8) / 4)


def test_the_posterior_follows_what_was_put_into_the_data(clear):
    found = compared(clear, reference_method=0)
    assert np.isnan([found.better[0], found.equal[0]]).all()
    assert found.equal[1] > 0.95
    assert found.better[2] > 0.99
    assert found.better[3] + found.equal[3] < 0.01


def test_the_posterior_of_one_data_set_by_its_formula():
    # weights of the prior's zero and of the one difference d > rope: Dirichlet(1/2, 1) here,
    # and "better" has the weight of d with d, and of d with 0 where d > 2 rope: 1 - w0^2
    better, equal = signed_rank_posterior(np.array([[0.2, 0.5]]), 0, seed=1)
    # better than equal in a draw where w0^2 < 1/2; w0 is Beta(1/2, 1), so P = (1/2)^(1/4)
    assert better[1] == pytest.approx(0.5**0.25, abs=0.02)
    assert better[1] + equal[1] == pytest.approx(1)


def test_the_posterior_says_what_is_likeliest_and_not_on_how_many_data_sets_it_holds():
    gains = np.tile([0.1, 0.1, 0.1, -0.05, -0.05], 20)  # better on 60 of 100
    better, equal = signed_rank_posterior(np.stack([np.full(100, 0.5), 0.5 + gains], axis=1), 0)
    assert better[1] > 0.99
    assert equal[1] < 0.01


def test_the_interquartile_mean_by_hand():
    # the middle four of eight: 2 3 4 5
    value, low, high = interquartile_mean([[0.0, 2.0, 4.0, 100.0], [1.0, 3.0, 5.0, 7.0]])
    assert value == pytest.approx(3.5)
    assert low <= value <= high


@pytest.mark.parametrize(
    ("values", "expected"), [([0.0, 0.3, 0.9], 0.4), ([0.0, 0.3, 0.5, 9.0], 0.4)]
)
def test_a_quarter_is_rounded_down_so_that_of_three_values_nothing_is_cut_off(values, expected):
    assert interquartile_mean([values])[0] == pytest.approx(expected)


def test_with_three_seeds_the_interval_holds_the_truth_less_often_than_it_seems():
    # as docs/statistics.md says: about 74 of 100
    rng = np.random.default_rng(0)
    ends = [interquartile_mean([rng.normal(size=3)])[1:] for _ in range(100)]
    assert 60 <= sum(low <= 0 <= high for low, high in ends) <= 88


def test_the_interval_resamples_seeds_within_their_data_set():
    # seeds agree, data sets differ: nothing can vary
    assert interquartile_mean([[0.1] * 3, [0.5] * 3, [0.9] * 3]) == pytest.approx((0.5, 0.5, 0.5))
    _, low, high = interquartile_mean([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]])
    # a loop over all 27 x 27 resamples gives the same ends, up to the draws
    draws = [
        stats.trim_mean([*a, *b], 0.25)
        for a in itertools.product([0.1, 0.2, 0.3], repeat=3)
        for b in itertools.product([0.5, 0.6, 0.7], repeat=3)
    ]
    np.testing.assert_allclose([low, high], np.quantile(draws, [0.025, 0.975]), atol=0.02)


def test_a_single_seed_has_no_bootstrap_interval():
    value, low, high = interquartile_mean([[0.1], [0.3]])
    assert value == pytest.approx(0.2)
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_interval_of_a_mean_by_hand():
    half = 4.302653 * math.sqrt((0.09 + 0.01 + 0.16) / 2) / math.sqrt(3)  # t from a table
    assert half_interval(np.array([0.2, 0.4, 0.9])) == pytest.approx(half, rel=1e-6)
    assert half_interval(np.array([0.5, 0.5])) == 0


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_seeds_have_no_interval(values):
    assert math.isnan(half_interval(np.array(values)))


def test_seeds_are_averaged_first_so_more_of_them_are_no_more_evidence(clear):
    once = compare([[[x] for x in row] for row in clear], "abcd", reference_method=0)
    often = compare(
        [[[x - 0.1, x + 0.1] * 10 for x in row] for row in clear], "abcd", reference_method=0
    )
    np.testing.assert_allclose(often.p, once.p)
    np.testing.assert_allclose(often.ranks, once.ranks)
    assert result_sentences(often) == result_sentences(once)


def test_nothing_depends_on_the_order_of_data_sets_or_methods(clear):
    found = compared(clear, reference_method=0)
    rows, columns = [5, 0, 11, 1, 2, 10, 3, 4, 9, 6, 8, 7], [2, 0, 3, 1]
    other = compared(clear[rows][:, columns], reference_method=1)
    back = np.argsort(columns)
    for name in ("ranks", "p_reference", "iqm"):
        np.testing.assert_allclose(getattr(other, name)[back], getattr(found, name))
    for name in ("p", "p_holm", "difference", "wins", "ties", "losses"):
        matrix = getattr(other, name)[np.ix_(back, back)]
        np.testing.assert_allclose(matrix, getattr(found, name), err_msg=name)
    for name in ("better", "equal"):  # other draws
        there = getattr(other, name)[back]
        np.testing.assert_allclose(there, getattr(found, name), atol=0.03, err_msg=name)
    assert other.friedman == pytest.approx(found.friedman)
    assert [{columns[m] for m in group} for group in other.cliques] == [
        set(group) for group in found.cliques
    ]


def test_the_same_input_gives_the_same_numbers(clear):
    first, second = compared(clear, reference_method=0), compared(clear, reference_method=0)
    for name in ("better", "equal", "iqm_low", "iqm_high"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_methods_that_always_tie_differ_nowhere():
    found = compared(np.full((12, 3), 0.5), reference_method=0)
    assert found.friedman == 1
    assert (found.p == 1).all()
    assert (found.ranks == 2).all()
    assert found.cliques == ((0, 1, 2),)
    assert found.ties[0, 1] == 12
    assert found.equal[1] == 1
    assert "none of 2 methods differs from “m0”" in result_sentences(found)[0]


def test_so_few_data_sets_that_two_would_seem_sure_have_no_posterior():
    always = [[0.1, 0.2], [0.3, 0.5], [0.2, 0.4], [0.5, 0.7], [0.1, 0.3]]
    assert compared(always, reference_method=0).better[1] > 0.9
    assert np.isnan(compared(always[:4], reference_method=0).better).all()
    assert np.isnan(compared(always[:4], reference_method=0).equal).all()


def test_one_data_set_allows_no_test():
    found = compared([[0.1, 0.2, 0.3]], reference_method=0)
    assert math.isnan(found.friedman)
    assert np.isnan(found.better).all()
    assert (found.p[np.triu_indices(3, 1)] == 1).all()
    assert result_sentences(found)[0].startswith("On 1 data set, no claim")


def test_one_method_has_nothing_to_be_compared_with():
    found = compared([[0.1], [0.2]], names=["alone"], reference_method=0)
    assert result_sentences(found) == ("On 2 data sets, there is nothing to compare “alone” with.",)
    assert found.cliques == ()
    assert result_sentences(compared([[0.1, 0.2]]))[0] == (
        "On 1 data set, nothing is compared with a baseline, since none has all scores."
    )


def test_methods_that_are_not_made_for_such_data_go_and_so_do_sets_too_large_for_most():
    there = np.ones((4, 4), dtype=bool)
    assert complete_block(there) == ([0, 1, 2, 3], [0, 1, 2, 3])
    there[:, 2] = False
    assert complete_block(there) == ([0, 1, 2, 3], [0, 1, 3])
    there[3, :2] = False  # only the last method can do the last data set
    assert complete_block(there) == ([0, 1, 2], [0, 1, 3])


def test_one_gap_takes_the_smaller_share_and_at_equal_shares_the_method():
    wide, tall, square = (np.ones(shape, dtype=bool) for shape in ((3, 8), (8, 3), (4, 4)))
    for there in (wide, tall, square):
        there[1, 1] = False
    assert complete_block(wide) == ([0, 1, 2], [0, 2, 3, 4, 5, 6, 7])
    assert complete_block(tall) == ([0, 2, 3, 4, 5, 6, 7], [0, 1, 2])
    assert complete_block(square) == ([0, 1, 2, 3], [0, 2, 3])


def test_where_nothing_ran_nothing_is_kept():
    rows, columns = complete_block(np.zeros((3, 2), dtype=bool))
    assert not (rows and columns)
    assert complete_block(np.zeros((0, 0), dtype=bool)) == ([], [])
