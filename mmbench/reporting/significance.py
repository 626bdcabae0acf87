"""Which differences the scores can bear: tables/significance.{md,tex,csv} and intervals.csv.

Data sets are compared within their section of the leaderboard (paired, mixed, images, …, those
paired by label apart), metric by metric. Controls and oracles are shown and marked, but are no
part of any test: what knows nothing would only make "some methods differ" true, and what labels
chose may claim nothing. docs/statistics.md explains each number.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import unknown
from mmbench.files import write_text
from mmbench.reporting import statistics
from mmbench.reporting.leaderboard import (
    HEADS,
    SECTIONS,
    UNRANKED,
    Column,
    DatasetBoard,
    Row,
    leaderboard,
)
from mmbench.reporting.rounding import told_gain, told_score
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.statistics import Comparison, complete_block, summary, told_p
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import (
    Cell,
    Document,
    Emphasis,
    Section,
    Table,
    csv_text,
    latex,
    markdown,
)

BASELINE = "kmeans-concat"  # what others are compared with, unless the report names another

INTRODUCTION = (
    "The data set is the unit: the seeds of a cell are averaged first, and data sets that derive"
    " from the same one count as one. The first sentence of a table is its result."
)
EXPLAINED = (
    "Mean: the average over data sets.",
    "Rank: the average place among the methods, 1 is best; equal scores share their places.",
    "IQM: the mean of the middle half of all seeds of all data sets (of three values, of all). The"
    " interval holds it in 95 % of resamplings of the seeds of each data set: how it would move"
    " with other seeds, not with other data sets. With three or five seeds it is too narrow to be a"
    " 95 % confidence interval.",
    "Difference: the mean over data sets of a method's score minus the baseline's.",
    "Win/tie/loss: on how many data sets a method is better than the baseline, at most"
    f" {statistics.TIE} apart, worse.",
    "P(better), P(equal): a method is better than the baseline by more than"
    f" {statistics.ROPE}, at most so far apart from it, or worse. These are the probabilities, by"
    " a Bayesian signed-rank test, that the first, and the second, is the likeliest of the three:"
    " how sure that is, not on which share of data sets it will be so. What is missing to 1 is"
    f" that of worse. Not computed for fewer than {statistics.MIN_POSTERIOR} data sets.",
    "p: how often data without any difference would look at least this different from the"
    " baseline (Wilcoxon's signed-rank test), corrected by Holm for comparing every method with the"
    f" baseline. At most {statistics.ALPHA}, and the difference is called one. Exact up to 50 data"
    " sets, where differences tie up to 13; beyond, by the normal approximation.",
    "Groups: methods that share a number cannot be told apart (Wilcoxon's test of all pairs,"
    " corrected by Holm for all pairs). The comparisons with the baseline and those of all pairs"
    " are corrected apart, as are the tables: each keeps its own chance of 5 % of a false claim.",
    "Friedman's test: how often methods that are all alike would give average ranks at least this"
    " far apart. Its approximation is rough below about ten data sets.",
    "Controls know nothing and oracles are chosen by label: they are shown, and not tested.",
)


@dataclass(frozen=True, eq=False)
class Compared:
    """The methods of one section of the leaderboard, by one metric.

    Attributes:
        section: a key of `leaderboard.SECTIONS`.
        metric: as `score` names it.
        methods: those that were compared, in the order of `comparison.names`.
        comparison: what came of it.
        outside: rows that are shown beside them, with their mean over the same data sets, NaN
            where it is not on all of them: controls, oracles, and what else takes no part. A
            row that has a score on none of them is left out.
        imported: the methods of which a seed was imported, on any data set of the section.
    """

    section: str
    metric: str
    methods: tuple[MethodSpec, ...]
    comparison: Comparison
    outside: tuple[tuple[Row, float], ...]
    imported: frozenset[str]


def compare(spec: ReportSpec, stored: Sequence[Stored]) -> list[Compared]:
    """Compare the methods of a report, section by section and metric by metric.

    Methods with a row for each view are no part of it, since views differ between data sets;
    their best view is shown as the oracle that it is. A section in which no method has a score
    is left out.

    Raises:
        InputError: the report names a control that is none of its methods.
    """
    names = [method.name for method in spec.methods]
    if spec.reference_method and spec.reference_method not in names:
        raise unknown("method", spec.reference_method, names, where="reference_method")
    blocks = leaderboard(spec, stored)
    found = [
        _compared(spec, section, metric, [b for b in blocks if b.section == section])
        for section in SECTIONS
        for metric in spec.metrics
        if metric not in UNRANKED
    ]
    return [one for one in found if one]


def write_significance(spec: ReportSpec, stored: Sequence[Stored], folder: Path) -> Document:
    """Write significance.md, .tex and .csv, and intervals.csv, into a folder.

    Returns:
        What the first two show; the caption of each table is its result.

    Raises:
        InputError: as `compare` does.
    """
    found = compare(spec, stored)
    sections = [
        Section(title, text, [_table(spec, one) for one in found if one.section == key])
        for key, (title, text) in SECTIONS.items()
        if any(one.section == key for one in found)
    ]
    last = Section("What the columns say", "\n\n".join(EXPLAINED))
    title = f"Significance of differences in {spec.name}"
    write_text(folder / "significance.md", markdown(title, [INTRODUCTION], [*sections, last]))
    write_text(folder / "significance.tex", latex([INTRODUCTION, *EXPLAINED], sections))
    rows = [row for one in found for row in _csv_rows(spec, one)]
    write_text(folder / "significance.csv", csv_text(_CSV_COLUMNS, rows))
    intervals = csv_text(_INTERVAL_COLUMNS, _interval_rows(spec, leaderboard(spec, stored)))
    write_text(folder / "intervals.csv", intervals)
    return Document(title, [INTRODUCTION], [*sections, last])


def _compared(
    spec: ReportSpec, section: str, metric: str, blocks: Sequence[DatasetBoard]
) -> Compared | None:
    """Return the comparison of a section, or None where no method has a score."""
    column = Column(metric)
    imported = frozenset(
        m.name for m in spec.methods if any(b.stored.is_imported(m.name) for b in blocks)
    )
    tested = [m for m in spec.methods if _is_tested(spec, m) and m.name not in imported]
    cells = [[_values(block, (m.name, "all"), column) for m in tested] for block in blocks]
    present = np.array([[len(values) > 0 for values in row] for row in cells], dtype=bool)
    rows, columns = complete_block(present.reshape(len(blocks), len(tested)))
    if not rows or not columns:
        return None
    methods = [tested[j] for j in columns]
    units = _units([blocks[i] for i in rows])
    comparison = statistics.compare(
        [[_by_seed(unit, m.name, metric) for m in methods] for unit in units],
        [m.printed for m in methods],
        reference_method=_reference_method(spec, methods),
        left_out=[
            *_not_kept(blocks, rows, tested, columns),
            *_joined(units),
            *_short_of_seeds(spec, units, methods),
        ],
    )
    outside: dict[tuple[str, str], Row] = {}
    for row in (row for unit in units for block in unit for row in block.rows):
        is_shown = row.is_oracle or (row.kind == "all" and row.method not in tested)
        if is_shown and column in row.values:
            outside.setdefault((row.method.name, row.kind), row)
    means = [np.mean([_mean(unit, key, column) for unit in units]) for key in outside]
    beside = zip(outside.values(), map(float, means), strict=True)
    return Compared(section, metric, tuple(methods), comparison, tuple(beside), imported)


def _is_tested(spec: ReportSpec, method: MethodSpec) -> bool:
    """Return whether a method takes part: no control, and with one row on every data set."""
    is_control = method.fidelity == "control" and method.name != spec.reference_method
    return not is_control and method.rows == "one"


def _values(block: DatasetBoard, key: tuple[str, str], column: Column) -> NDArray[np.float64]:
    """Return (n_ok,), the values of the row with this method and kind; empty if none."""
    rows = [row for row in block.rows if (row.method.name, row.kind) == key]
    return rows[0].values.get(column, np.empty(0)) if rows else np.empty(0)


def _units(blocks: Sequence[DatasetBoard]) -> list[list[DatasetBoard]]:
    """Return the data sets, those together that go back to the same one, however far.

    Fewer samples or other views of one data set are no new evidence of what holds on the next.
    """
    units: dict[str, list[DatasetBoard]] = {}
    for block in blocks:
        units.setdefault(block.dataset.root or block.dataset.name, []).append(block)
    return list(units.values())


def _by_seed(unit: Sequence[DatasetBoard], method: str, metric: str) -> NDArray[np.float64]:
    """Return (n_seeds,), by seed the mean over the data sets that count as one observation.

    A seed counts where it ended ok on all of them. Where none did, the mean of their means is
    the only value.
    """
    found = [block.stored.scores[method, "last", "all", metric] for block in unit]
    seeds = sorted(set.intersection(*map(set, found)))
    if not seeds:
        return np.array([np.mean([np.mean(list(values.values())) for values in found])])
    return np.array([np.mean([values[seed] for values in found]) for seed in seeds])


def _mean(unit: Sequence[DatasetBoard], key: tuple[str, str], column: Column) -> float:
    """Return the mean of a row that was not tested, NaN where a data set has no value of it."""
    values = [_values(block, key, column) for block in unit]
    return float(np.mean([x.mean() for x in values])) if all(map(len, values)) else math.nan


def _reference_method(spec: ReportSpec, methods: Sequence[MethodSpec]) -> int | None:
    """Return which method the others are compared with: the named one, else a baseline."""
    names = [m.name for m in methods]
    wanted = spec.reference_method or BASELINE
    if wanted in names:
        return names.index(wanted)
    baselines = [i for i, m in enumerate(methods) if m.fidelity == "baseline"]
    return None if spec.reference_method or not baselines else baselines[0]


def _not_kept(
    blocks: Sequence[DatasetBoard],
    rows: Sequence[int],
    tested: Sequence[MethodSpec],
    columns: Sequence[int],
) -> Iterator[str]:
    """Tell which data sets and methods were left out, so that no score is missing."""
    datasets = [block.dataset.title for i, block in enumerate(blocks) if i not in rows]
    if datasets:
        yield f"Left out, since methods lack a score there: {'; '.join(datasets)}."
    methods = []
    for method in (m for j, m in enumerate(tested) if j not in columns):
        words = [_word(blocks[i], method) for i in rows]
        methods.append(f"{method.printed} ({', '.join(dict.fromkeys(filter(None, words)))})")
    if methods:
        yield f"Left out, since a score is missing: {'; '.join(methods)}."


def _word(block: DatasetBoard, method: MethodSpec) -> str:
    """Return how the seeds of a method without a score ended, or nothing."""
    rows = [row for row in block.rows if row.method == method and not row.values]
    return block.word(rows[0]) if rows else ""


def _joined(units: Sequence[Sequence[DatasetBoard]]) -> Iterator[str]:
    for unit in units:
        if len(unit) > 1:
            titles = "; ".join(block.dataset.title for block in unit)
            yield f"Counted as one data set, since they derive from the same one: {titles}."


def _short_of_seeds(
    spec: ReportSpec, units: Sequence[Sequence[DatasetBoard]], methods: Sequence[MethodSpec]
) -> Iterator[str]:
    """Tell whose mean is over fewer seeds than wanted."""
    short = []
    for block in (block for unit in units for block in unit):
        for method in methods:
            n = sum(r["status"] == "ok" for r in block.stored.records[method.name].values())
            if n < len(spec.seeds):
                short.append(f"{method.printed} on {block.dataset.title} ({n}/{len(spec.seeds)})")
    if short:
        yield f"The mean is over the seeds that ended ok: {'; '.join(short)}."


def _table(spec: ReportSpec, one: Compared) -> Table:
    """Return the table of a comparison; its caption is the result, its notes are the rest."""
    found = one.comparison
    name = HEADS.get(one.metric, one.metric.replace("_", " "))
    result, *others = found.sentences
    friedman = (
        f"Friedman's test of all methods: p {'' if found.friedman < 0.001 else '= '}"
        f"{told_p(found.friedman)}."
        if not math.isnan(found.friedman)
        else ""
    )
    about = " ".join(filter(None, [*others, friedman]))
    head = [
        Cell("method", note=" ".join(found.left_out)),
        Cell("mean"),
        Cell("rank", note=about),
        *map(Cell, ["IQM [95 %]", "difference", "win/tie/loss"]),
        *map(Cell, ["P(better)", "P(equal)", "p"]),
        *([Cell("groups")] if found.is_feasible else []),
    ]
    rows = [_row(one, m) for m in range(len(one.methods))]
    for row, mean in one.outside:
        title = row.title if row.is_oracle else f"{row.title} ({_outside(one, row.method)})"
        emphasis: Emphasis = "oracle" if row.is_oracle else ""
        cells = [Cell(title, emphasis), Cell(_score(mean), emphasis)]
        rows.append(cells + [Cell("–")] * (len(head) - 2))
    label = f"{spec.name}-significance-{one.section}-{one.metric}"
    return Table(label, name, result.removesuffix("."), head, rows)


def _outside(one: Compared, method: MethodSpec) -> str:
    """Return why a method that is shown takes no part."""
    if method.fidelity == "control":
        return "control"
    return "imported" if method.name in one.imported else "not tested"


def _row(one: Compared, m: int) -> list[Cell]:
    found, reference_method = one.comparison, one.comparison.reference_method
    interval = ""
    if not math.isnan(found.iqm_low[m]):
        interval = f" [{_score(found.iqm_low[m])}, {_score(found.iqm_high[m])}]"
    cells = [
        found.names[m] + (" (baseline)" if m == reference_method else ""),
        _score(found.scores[:, m].mean()),
        f"{found.ranks[m]:.2f}",
        _score(found.iqm[m]) + interval,
    ]
    if reference_method is None or m == reference_method:
        cells += ["–"] * 5
    else:
        cells.append(told_gain(found.difference[m, reference_method]))
        cells.append(
            "/".join(str(x[m, reference_method]) for x in (found.wins, found.ties, found.losses))
        )
        cells += [_probability(x[m]) for x in (found.better, found.equal)]
        cells.append(told_p(found.p_reference[m]))
    if found.is_feasible:
        groups = [str(i) for i, group in enumerate(found.cliques, 1) if m in group]
        cells.append(" ".join(groups) or "–")
    return [Cell(text) for text in cells]


def _score(value: float) -> str:
    return "–" if math.isnan(value) else told_score(value)


def _probability(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


_CSV_COLUMNS = (
    "benchmark",
    "section",
    "metric",
    "datasets",
    "method",
    "other",
    "statistic",
    "value",
)


def _csv_rows(spec: ReportSpec, one: Compared) -> Iterator[list[object]]:
    """Yield a row per figure; those that are not defined are left out."""
    found = one.comparison
    start = [spec.name, one.section, one.metric, found.n_datasets]
    names = [m.name for m in one.methods]
    figures: list[tuple[str, str, str, float]] = [("", "", "friedman_p", found.friedman)]
    for m, name in enumerate(names):
        figures += [
            (name, "", "mean", found.scores[:, m].mean()),
            (name, "", "rank", found.ranks[m]),
            (name, "", "iqm", found.iqm[m]),
            (name, "", "iqm_low", found.iqm_low[m]),
            (name, "", "iqm_high", found.iqm_high[m]),
        ]
        if found.reference_method is not None:
            against = names[found.reference_method]
            figures += [
                (name, against, "p_reference", found.p_reference[m]),
                (name, against, "better", found.better[m]),
                (name, against, "equal", found.equal[m]),
            ]
    pairs = {
        "difference": found.difference,
        "wins": found.wins,
        "ties": found.ties,
        "losses": found.losses,
        "p": found.p,
        "p_holm": found.p_holm,
    }
    for i, j in zip(*np.nonzero(~np.eye(len(names), dtype=bool)), strict=True):
        figures += [(names[i], names[j], key, float(x[i, j])) for key, x in pairs.items()]
    for method, other, statistic, value in figures:
        if not math.isnan(value):
            yield [*start, method, other, statistic, round(float(value), 6) + 0.0]


_INTERVAL_COLUMNS = (
    "benchmark",
    "dataset",
    "section",
    "method",
    "title",
    "fidelity",
    "row",
    "selection",
    "subset",
    "metric",
    "mean",
    "sd",
    "low",
    "high",
    "median",
    "min",
    "max",
    "seeds_ok",
    "seeds",
)


def _interval_rows(spec: ReportSpec, blocks: Sequence[DatasetBoard]) -> Iterator[list[object]]:
    """Yield a row per cell of the leaderboard, with the 95 % t-interval of its mean."""
    for block in blocks:
        for row in block.rows:
            method = row.method
            start = [spec.name, block.dataset.name, block.section, method.name, row.title]
            for column, values in row.values.items():
                is_oracle = row.is_oracle or column.metric == "acc_gap"
                told = summary(values, len(spec.seeds))
                figures = [told.mean, told.sd, told.low, told.high]
                figures += [told.median, told.min, told.max]
                yield [
                    *start,
                    method.fidelity,
                    row.kind,
                    "oracle" if is_oracle else "last",
                    column.subset,
                    column.metric,
                    *("" if math.isnan(x) else round(x, 6) + 0.0 for x in figures),
                    told.n,
                    told.n_all,
                ]
