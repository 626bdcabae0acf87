"""Which differences between methods the scores support, by section of the leaderboard and metric.

docs/statistics.md explains each number.
"""

import math
from collections.abc import Iterator

import numpy as np

from mmbench.reporting import statistics
from mmbench.reporting.comparisons import SectionComparison
from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, PageSection, Section, Table, by_section
from mmbench.reporting.formatting import (
    MISSING,
    csv_number,
    format_count,
    format_gain,
    format_p,
    format_p_equation,
    format_score,
)
from mmbench.reporting.labels import metric_head
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.statistics import ALPHA, Comparison, datasets_needed

INTRODUCTION = (
    "The data set is the unit: the seeds of a cell are averaged first, and data sets that derive"
    " from the same one count as one. The first sentence of a table is its result."
)
EXPLAINED = (
    "Mean: the average over data sets.",
    "Rank: the average place among the methods; 1 is best, and equal scores share their places.",
    "IQM: the mean of the middle half of all seeds of all data sets (of all values, if there are"
    " three). Its interval holds 95 % of the IQMs when the seeds of each data set are resampled:"
    " how it would move with other seeds, not with other data sets. With three or five seeds it is"
    " narrower than a 95 % confidence interval.",
    "Difference: the mean over data sets of a method's score minus the baseline's.",
    "Win/tie/loss: the number of data sets on which a method is better than the baseline, at most"
    f" {statistics.TIE} apart from it, or worse.",
    "P(better), P(equal): there are three outcomes, a method is better than the baseline by more"
    f" than {statistics.ROPE}, at most so far apart from it, or worse. These are the probabilities"
    " that the first, and the second, is the likeliest of the three (Bayesian signed-rank test)."
    " They are not shares of data sets. The rest to 1 is the probability of worse. They are not"
    f" computed for fewer than {statistics.MIN_POSTERIOR} data sets.",
    "p: how often data without any difference would look at least this different from the"
    " baseline (Wilcoxon's signed-rank test), corrected by Holm for comparing every method with the"
    f" baseline. A difference is called one if p is at most {ALPHA}. The p is exact up"
    " to 50 data sets, where differences tie up to 13; beyond, it is the normal approximation.",
    "Groups: no test distinguishes methods that share a number (Wilcoxon's test of all pairs,"
    " corrected by Holm for all pairs). The comparisons with the baseline and those of all pairs"
    " are corrected separately, as are the tables: each has a chance of 5 % of a false claim.",
    "Friedman's test: how often methods that are all alike would give average ranks at least this"
    " far apart. Its approximation is rough below about ten data sets.",
    "Controls and oracles, which are chosen by label, are listed but not tested.",
)


def document(report: ReportContext) -> Document:
    """Return a table for each section and metric; the caption of a table is its result."""
    spec, comparisons = report.spec, report.comparisons
    sections = by_section((c.section, _table(spec, c)) for c in comparisons)
    # on the page stands the result of the first metric, with all tables folded
    firsts = [(section, section.tables[0]) for section in sections]
    return Document(
        f"Significance of differences in {spec.name}",
        [INTRODUCTION],
        [*sections, Section("What the columns mean", "\n\n".join(EXPLAINED))],
        "section metric datasets method other statistic value",
        [row for comparison in comparisons for row in _csv_rows(comparison)],
        [
            PageSection(f"Differences: {s.title}", f"{t.title}: {t.caption}.", folded=s.tables)
            for s, t in firsts
        ],
    )


def _table(spec: ReportSpec, compared: SectionComparison) -> Table:
    """Return the table of a comparison; its caption is the result, its notes are the rest."""
    found = compared.comparison
    result, *others = result_sentences(found)
    if not math.isnan(found.friedman):
        others.append(f"Friedman's test of all methods: {format_p_equation(found.friedman)}.")
    head = [
        Cell("method", note=" ".join(compared.left_out)),
        Cell("mean"),
        Cell("rank", note=" ".join(others)),
        *map(Cell, ["IQM [95 %]", "difference", "win/tie/loss", "P(better)", "P(equal)", "p"]),
        *([Cell("groups")] if found.is_feasible else []),
    ]
    rows = [_row(found, m) for m in range(len(found.names))]
    for row, mean in compared.outside:
        why = "imported" if row.method.name in compared.imported else "not tested"
        if row.method.fidelity == "control":
            why = "control"
        texts = [row.title if row.is_oracle else f"{row.title} ({why})", format_score(mean)]
        cells = [Cell(text, "oracle" if row.is_oracle else "") for text in texts]
        rows.append(cells + [Cell(MISSING)] * (len(head) - 2))
    name = f"{spec.name}-significance-{compared.section}-{compared.metric}"
    return Table(name, metric_head(compared.metric), result.removesuffix("."), head, rows)


def _row(found: Comparison, m: int) -> list[Cell]:
    reference = found.reference_method
    low, high = format_score(found.iqm_low[m]), format_score(found.iqm_high[m])
    interval = "" if low == MISSING else f" [{low}, {high}]"
    cells = [
        found.names[m] + " (baseline)" * (m == reference),
        format_score(found.scores[:, m].mean()),
        f"{found.ranks[m]:.2f}",
        format_score(found.iqm[m]) + interval,
    ]
    if reference is None or m == reference:
        cells += [MISSING] * 5
    else:
        counts = (x[m, reference] for x in (found.wins, found.ties, found.losses))
        cells += [format_gain(found.difference[m, reference]), "/".join(map(str, counts))]
        cells += [f"{p[m]:.2f}".replace("nan", MISSING) for p in (found.better, found.equal)]
        cells.append(format_p(found.p_reference[m]))
    if found.is_feasible:
        groups = [str(i) for i, group in enumerate(found.cliques, 1) if m in group]
        cells.append(" ".join(groups) or MISSING)
    return [Cell(text) for text in cells]


def _csv_rows(compared: SectionComparison) -> Iterator[list[object]]:
    """Yield a row per value; those that are not defined are left out."""
    found, names = compared.comparison, [m.name for m in compared.methods]
    reference = "" if found.reference_method is None else names[found.reference_method]
    values: list[tuple[str, str, str, float]] = [("", "", "friedman_p", found.friedman)]
    for m, name in enumerate(names):
        values.append((name, "", "mean", found.scores[:, m].mean()))
        values.append((name, "", "rank", found.ranks[m]))
        for key in ("iqm", "iqm_low", "iqm_high"):
            values.append((name, "", key, getattr(found, key)[m]))
        for key in ("p_reference", "better", "equal"):  # NaN without a reference method
            values.append((name, reference, key, getattr(found, key)[m]))
    for i, j in zip(*np.nonzero(~np.eye(len(names), dtype=bool)), strict=True):
        for key in ("difference", "wins", "ties", "losses", "p", "p_holm"):
            values.append((names[i], names[j], key, float(getattr(found, key)[i, j])))
    start = [compared.section, compared.metric, found.n_datasets]
    for method, other, statistic, value in values:
        if not math.isnan(value):
            yield [*start, method, other, statistic, csv_number(value)]


def result_sentences(found: Comparison) -> tuple[str, ...]:
    """Return the result: the reference method against the others first, then all pairs."""
    return (_against_reference(found), *([_all_pairs(found)] if found.n_pairs else []))


def _against_reference(found: Comparison) -> str:
    """Return which methods differ from the reference method, and by how much."""
    over, reference = f"On {format_count(found.n_datasets, 'data set')}", found.reference_method
    if reference is None:
        return f"{over}, nothing is compared with a baseline, since none has all scores."
    name = f"“{found.names[reference]}”"
    # the largest gain first
    ordered = np.argsort(-found.difference[:, reference], kind="stable")
    effects = {int(m): _effect(found, m, reference) for m in ordered if m != reference}
    if not effects:
        return f"{over}, there is nothing to compare {name} with."
    needed, among = datasets_needed(len(effects)), format_count(len(effects), "method")
    best = next(iter(effects))
    effect = f"The highest mean difference is that of {effects[best]}."
    if found.n_datasets < needed:
        return (
            f"{over}, no claim about a difference from {name} is possible for {among}; at least"
            f" {needed} data sets are needed. {effect}"
        )
    differ = [
        f"{text}, {format_p_equation(found.p_reference[m])}"
        for m, text in effects.items()
        if found.p_reference[m] <= ALPHA
    ]
    if not differ:
        return f"{over}, none of {among} differs from {name}. {effect}"
    n = len(differ)
    return f"{over}, {n} of {among} {_differ(n)} from {name}: {'; '.join(differ)}."


def _effect(found: Comparison, m: int, reference: int) -> str:
    """Return the mean difference of a method from the reference method, and its wins."""
    wins, ties, losses = (x[m, reference] for x in (found.wins, found.ties, found.losses))
    gain = format_gain(found.difference[m, reference])
    return f"“{found.names[m]}”: {gain} (better on {wins}, tied on {ties}, worse on {losses})"


def _all_pairs(found: Comparison) -> str:
    """Return how many pairs differ, or that no claim about a pair is possible."""
    n = format_count(found.n_datasets, "data set")
    if not found.is_feasible:
        among = format_count(len(found.names), "method")
        needed = datasets_needed(found.n_pairs)
        return (
            f"With {n} no pairwise claim among {among} is possible; at least {needed} are needed."
        )
    differ = int((found.p_holm[np.triu_indices(len(found.names), 1)] <= ALPHA).sum())
    return f"{differ} of {format_count(found.n_pairs, 'pair')} {_differ(differ)}."


def _differ(n: int) -> str:
    return "differs" if n == 1 else "differ"
