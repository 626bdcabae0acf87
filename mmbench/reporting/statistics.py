"""Comparison of methods over data sets: functions on arrays.

The data set is the unit. A claim is to hold on the next data set, not for the next seed, so the
seeds of a cell are averaged first, and ten seeds on one data set are one observation.

Sources: average ranks, Friedman's and Wilcoxon's tests with Holm's correction, Demšar, JMLR 7,
2006; all pairs by Wilcoxon instead of mean ranks, Benavoli, Corani & Mangili, JMLR 17, 2016; the
Bayesian signed-rank test, Benavoli et al., JMLR 18, 2017; the interquartile mean with a
stratified bootstrap, Agarwal et al., NeurIPS 2021. docs/statistics.md explains each number.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import baycomp
import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.spatial.distance import squareform
from statsmodels.stats.multitest import multipletests

from mmbench.reporting.formatting import DIGITS

Floats = NDArray[np.float64]

ALPHA = 0.05  # of a family of claims: those about the reference method, or those about pairs
CONFIDENCE = 0.95
TIE = 0.005  # mean scores at most this far apart are a tie, neither win nor loss
ROPE = 0.01  # differences up to this are of no practical consequence
MIN_POSTERIOR = 5  # data sets; with fewer, two that agree make the posterior certain
N_DRAWS = 10_000  # of the posterior: probabilities are good to about 0.01
N_RESAMPLES = 2_000  # of the bootstrap
_MAX_TIED = 13  # 2^13 signs are enumerated in an instant


@dataclass(frozen=True, eq=False)
class Comparison:
    """Statistics of methods that all have a score on the same data sets.

    Matrices are (n_methods, n_methods) and compare the row's method with the column's. Values
    against the reference method are NaN for itself, and for all without one.

    Attributes:
        scores: (n_datasets, n_methods), means over the seeds.
        reference_method: the position of the method that the others are compared with, or None.
        ranks: (n_methods,), average rank over data sets; 1 is best, ties share the average.
        friedman: p of "all methods rank alike"; NaN with fewer than 3 methods or 2 data sets.
        p: Wilcoxon's two-sided p of each pair, uncorrected.
        p_holm: the same, corrected for all pairs by Holm.
        p_reference: (n_methods,), p against the reference method, corrected for those alone.
        difference: mean over data sets of the row's score minus the column's.
        wins, ties, losses: the number of data sets on which the row is better by more than `TIE`,
            at most so far apart, or worse.
        better, equal: (n_methods,), see `signed_rank_posterior`; NaN with fewer than
            `MIN_POSTERIOR` data sets.
        iqm, iqm_low, iqm_high: (n_methods,), see `interquartile_mean`; over all data sets.
    """

    names: tuple[str, ...]
    scores: Floats
    reference_method: int | None
    ranks: Floats
    friedman: float
    p: Floats
    p_holm: Floats
    p_reference: Floats
    difference: Floats
    wins: NDArray[np.int64]
    ties: NDArray[np.int64]
    losses: NDArray[np.int64]
    better: Floats
    equal: Floats
    iqm: Floats
    iqm_low: Floats
    iqm_high: Floats

    @property
    def n_datasets(self) -> int:
        """The number of observations."""
        return len(self.scores)

    @property
    def n_pairs(self) -> int:
        """The number of pairs of methods."""
        return math.comb(len(self.names), 2)

    @property
    def is_feasible(self) -> bool:
        """Whether any claim about a pair is possible with so many data sets."""
        return self.n_pairs > 0 and self.n_datasets >= datasets_needed(self.n_pairs)

    @cached_property
    def cliques(self) -> tuple[tuple[int, ...], ...]:
        """The largest groups of two or more methods, best rank first, of which no pair differs.

        There is none where there are too few data sets for any claim about a pair.
        """
        graph = nx.from_numpy_array(np.triu(self.p_holm > ALPHA, 1) & self.is_feasible)
        places = {m: (rank, m) for m, rank in enumerate(self.ranks)}
        groups = [sorted(group, key=places.__getitem__) for group in nx.find_cliques(graph)]
        found = [tuple(group) for group in groups if len(group) > 1]
        return tuple(sorted(found, key=lambda group: [places[m] for m in group]))


def half_interval(values: Floats) -> float:
    """Return half the width of the 95 % t-interval of a mean; NaN for fewer than two values."""
    n = len(values)
    if n < 2:
        return math.nan
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    return quantile * float(values.std(ddof=1)) / math.sqrt(n)


def complete_block(present: ArrayLike) -> tuple[list[int], list[int]]:
    """Return the data sets and the methods to keep so that no score is missing among them.

    The data set or the method that lacks the largest share of its scores is left out, until none
    is missing. At equal shares it is the method, since data sets are the evidence; then the last
    in order. The scores themselves have no influence.

    Args:
        present: (n_datasets, n_methods) bool, where there is a score.
    """
    there = np.asarray(present, dtype=bool)
    rows, columns = list(range(there.shape[0])), list(range(there.shape[1]))
    while rows and columns and (missing := ~there[np.ix_(rows, columns)]).any():
        of_rows, of_columns = missing.mean(axis=1), missing.mean(axis=0)
        if of_columns.max() >= of_rows.max():
            del columns[int(np.flatnonzero(of_columns == of_columns.max())[-1])]
        else:
            del rows[int(np.flatnonzero(of_rows == of_rows.max())[-1])]
    return rows, columns


def datasets_needed(n_claims: int, alpha: float = ALPHA) -> int:
    """Return the number of data sets with which the first of `n_claims` claims is possible.

    When one method wins on all n data sets, the exact two-sided p of Wilcoxon's test is 2 / 2^n,
    its minimum. Holm's correction compares the smallest p with alpha / n_claims.
    """
    return next(n for n in itertools.count(1) if 2 / 2**n <= alpha / n_claims)


def wilcoxon_p(differences: ArrayLike) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of (n_datasets,) differences.

    It is exact for up to 50 data sets, and where differences tie for up to 13; beyond, it is the
    normal approximation. Differences of zero are left out; without any other, p is 1.
    """
    x = np.round(np.asarray(differences, dtype=np.float64), DIGITS)
    x = x[x != 0]
    if not len(x):
        return 1.0
    ranks = stats.rankdata(np.abs(x))
    if len(set(ranks)) == len(x) or len(x) > _MAX_TIED:
        return float(stats.wilcoxon(x).pvalue)

    # the same as `wilcoxon`, but for all signs at once, which is a hundred times as fast
    tested = stats.permutation_test(
        (x,),
        lambda signed, axis: (ranks * (signed > 0)).sum(axis=axis),
        permutation_type="samples",
        n_resamples=2**_MAX_TIED,
        vectorized=True,
    )
    return float(tested.pvalue)


def holm(p: ArrayLike) -> Floats:
    """Return (n_claims,) p values, corrected by Holm for making all of these claims at once."""
    raw = np.asarray(p, dtype=np.float64)
    return multipletests(raw, method="holm")[1] if len(raw) else raw


def friedman_p(scores: Floats) -> float:
    """Return the p of Friedman's test on (n_datasets, n_methods) scores, corrected for ties.

    The chi-square approximation is rough with fewer than about ten data sets. NaN where the
    test is not defined: fewer than three methods, or one data set.
    """
    n_datasets, n_methods = scores.shape
    if n_datasets < 2 or n_methods < 3:
        return math.nan
    if (scores == scores[:, :1]).all():
        return 1.0
    return float(stats.friedmanchisquare(*scores.T).pvalue)


def interquartile_mean(cells: Sequence[ArrayLike], *, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean of the middle half of all values, and its resampling interval.

    A quarter of the values, rounded down, is cut off at each end; of three values none.

    The interval holds 95 % of the means when the seeds of each data set are resampled among
    themselves (percentile bootstrap): how the mean would move with other seeds, not with other
    data sets. With few seeds it is narrower than a 95 % confidence interval.

    Args:
        cells: for each data set, (n_seeds,) values of a method.
        seed: of the resampling.

    Returns:
        (value, low, high); the ends are NaN where a data set has a single seed.
    """
    samples = [np.asarray(cell, dtype=np.float64) for cell in cells]

    def middle(*values: Floats, axis: int = -1) -> Floats:
        return np.asarray(stats.trim_mean(np.concatenate(values, axis=axis), 0.25, axis=axis))

    value = float(middle(*samples))
    if min(map(len, samples)) < 2:
        return value, math.nan, math.nan
    interval = stats.bootstrap(
        samples,
        middle,
        n_resamples=N_RESAMPLES,
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return value, float(interval.low), float(interval.high)


def signed_rank_posterior(
    scores: Floats, reference_method: int, *, rope: float = ROPE, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return the probabilities that better, and that equal, is the likeliest outcome.

    The outcomes are better than the reference method by more than `rope`, at most so far apart,
    and worse, for the mean difference on two data sets (signed ranks). The posterior is over
    their probabilities. As in `baycomp`, the share of its draws is returned in which an outcome
    has the largest probability, not the mean of that probability: 0.97 means that better is most
    probably the likeliest outcome, not that the method is better on 97 of 100 data sets.

    Args:
        scores: (n_datasets, n_methods).
        reference_method: the position of the method that the others are compared with.
        rope: differences up to this, either way, count as equal.
        seed: of the draws from the posterior.

    Returns:
        Two arrays (n_methods,), NaN for the reference method. The rest to 1 is that of "worse".
    """
    better, equal = np.full((2, scores.shape[1]), np.nan)
    for m in range(scores.shape[1]):
        if m != reference_method:
            _, equal[m], better[m] = baycomp.SignedRankTest.probs(
                scores[:, reference_method], scores[:, m], rope, nsamples=N_DRAWS, random_state=seed
            )
    return better, equal


def compare(
    cells: Sequence[Sequence[ArrayLike]],
    names: Sequence[str],
    *,
    reference_method: int | None = None,
    seed: int = 0,
) -> Comparison:
    """Return the comparison of methods over data sets; higher scores are better.

    Args:
        cells: for each data set and method, (n_seeds,) scores. There is at least one data set, one
            method, and one score in each cell.
        names: of the methods.
        reference_method: the position of the method that the others are compared with.
        seed: of the bootstrap and of the posterior's draws.
    """
    means = [[np.asarray(cell, dtype=np.float64).mean() for cell in row] for row in cells]
    scores = np.array(means).round(DIGITS)
    n_datasets, n_methods = scores.shape
    # (row, column, data set); + 0.0 turns minus zero into zero
    apart = (scores.T[:, None] - scores.T[None]).round(DIGITS) + 0.0
    upper = np.triu_indices(n_methods, 1)
    raw = np.array([wilcoxon_p(differences) for differences in apart[upper]])

    p, p_holm = (squareform(values) + np.eye(n_methods) for values in (raw, holm(raw)))
    p_reference, better, equal = np.full((3, n_methods), np.nan)
    if reference_method is not None:
        others = np.arange(n_methods) != reference_method
        p_reference[others] = holm(p[reference_method, others])
        if n_datasets >= MIN_POSTERIOR:
            better, equal = signed_rank_posterior(scores, reference_method, seed=seed)
    iqm = np.array([interquartile_mean(column, seed=seed) for column in zip(*cells, strict=True)]).T
    wins, losses = (apart > TIE).sum(axis=2), (apart < -TIE).sum(axis=2)
    return Comparison(
        names=tuple(names),
        scores=scores,
        reference_method=reference_method,
        ranks=stats.rankdata(-scores, axis=1).mean(axis=0),
        friedman=friedman_p(scores),
        p=p,
        p_holm=p_holm,
        p_reference=p_reference,
        difference=apart.mean(axis=2),
        wins=wins,
        ties=n_datasets - wins - losses,
        losses=losses,
        better=better,
        equal=equal,
        iqm=iqm[0],
        iqm_low=iqm[1],
        iqm_high=iqm[2],
    )
