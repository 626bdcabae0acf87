"""Comparison of the methods over the data sets of each section of the leaderboard, by metric.

Controls and oracles are listed beside the methods tested but take no part in any test. A control
would only make "some methods differ" true, and an oracle was chosen by label. docs/statistics.md
explains each number.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import unknown
from mmbench.reporting import statistics
from mmbench.reporting.boards import Column, DatasetBoard, Row
from mmbench.reporting.labels import SECTIONS, UNRANKED
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.statistics import Comparison, complete_block

BASELINE = "kmeans-concat"  # the reference method, unless the report names another


@dataclass(frozen=True, eq=False)
class SectionComparison:
    """The methods of one section of the leaderboard, compared by one metric.

    Attributes:
        section: a key of `labels.SECTIONS`.
        methods: those that were compared.
        outside: rows that were not tested (controls, oracles, imported ones), with their mean
            over the same data sets, NaN where a data set has no value.
        imported: the methods of which a seed was imported, on any data set of the section.
        left_out: which data sets, methods and seeds were left out and why; a sentence each.
    """

    section: str
    metric: str
    methods: tuple[MethodSpec, ...]
    comparison: Comparison
    outside: tuple[tuple[Row, float], ...]
    imported: frozenset[str]
    left_out: tuple[str, ...] = ()


def compare_sections(spec: ReportSpec, boards: Sequence[DatasetBoard]) -> list[SectionComparison]:
    """Return the comparisons of a report, section by section and metric by metric.

    Methods with a row for each view are not tested, since views differ between data sets; their
    best view is listed as an oracle. A section in which no method has a score is left out.

    Raises:
        InputError: the reference method is not among the methods of the report.
    """
    names = [method.name for method in spec.methods]
    if spec.reference_method and spec.reference_method not in names:
        raise unknown("method", spec.reference_method, names, where="reference_method")
    found = (
        _compare_section(spec, section, metric, [b for b in boards if b.section == section])
        for section in SECTIONS
        for metric in spec.metrics
        if metric not in UNRANKED
    )
    return [comparison for comparison in found if comparison]


def _compare_section(
    spec: ReportSpec, section: str, metric: str, boards: Sequence[DatasetBoard]
) -> SectionComparison | None:
    """Return the comparison of a section, or None where no method has a score."""
    column = Column(metric)
    imported = frozenset(
        m.name for m in spec.methods if any(b.scores.is_imported(m.name) for b in boards)
    )
    tested = [m for m in spec.methods if _is_tested(spec, m) and m.name not in imported]
    present = [[len(board.values(m.name, "all", column)) > 0 for m in tested] for board in boards]
    shape = (len(boards), len(tested))
    rows, columns = complete_block(np.array(present, dtype=bool).reshape(shape))
    if not rows or not columns:
        return None
    methods = [tested[j] for j in columns]
    units = _units([boards[i] for i in rows])
    comparison = statistics.compare(
        [[_by_seed(unit, m.name, metric) for m in methods] for unit in units],
        [m.printed for m in methods],
        reference_method=_reference_method(spec, methods),
    )
    outside: dict[tuple[str, str], Row] = {}
    for row in (row for unit in units for board in unit for row in board.rows):
        is_outside = row.is_oracle or (row.kind == "all" and row.method not in tested)
        if is_outside and column in row.values:
            outside.setdefault((row.method.name, row.kind), row)
    means = [float(np.mean([_mean(unit, *key, column) for unit in units])) for key in outside]
    return SectionComparison(
        section,
        metric,
        tuple(methods),
        comparison,
        tuple(zip(outside.values(), means, strict=True)),
        imported,
        tuple(_left_out(spec, boards, tested, units, methods)),
    )


def _is_tested(spec: ReportSpec, method: MethodSpec) -> bool:
    """Return whether a method is tested: no control, and with one row on every data set."""
    is_control = method.fidelity == "control" and method.name != spec.reference_method
    return not is_control and method.rows == "one"


def _units(boards: Sequence[DatasetBoard]) -> list[list[DatasetBoard]]:
    """Return the data sets, those with the same root together.

    Fewer samples or other views of one data set are no new evidence of what holds on the next.
    """
    units: dict[str, list[DatasetBoard]] = {}
    for board in boards:
        units.setdefault(board.dataset.root or board.dataset.name, []).append(board)
    return list(units.values())


def _by_seed(unit: Sequence[DatasetBoard], method: str, metric: str) -> NDArray[np.float64]:
    """Return (n_seeds,), for each seed the mean over the data sets of a unit.

    A seed counts where it ended ok on all of them. Where none did, the mean of their means is
    the only value.
    """
    found = [board.scores.by_seed(method, metric) for board in unit]
    seeds = sorted(set.intersection(*map(set, found)))
    if not seeds:
        return np.array([np.mean([np.mean(list(values.values())) for values in found])])
    return np.array([np.mean([values[seed] for values in found]) for seed in seeds])


def _mean(unit: Sequence[DatasetBoard], method: str, kind: str, column: Column) -> float:
    """Return the mean of a row that was not tested, NaN where a data set has no value of it."""
    values = [board.values(method, kind, column) for board in unit]
    return float(np.mean([x.mean() for x in values])) if all(map(len, values)) else math.nan


def _reference_method(spec: ReportSpec, methods: Sequence[MethodSpec]) -> int | None:
    """Return the position of the method to compare with: the one named, else a baseline."""
    names = [m.name for m in methods]
    wanted = spec.reference_method or BASELINE
    if wanted in names:
        return names.index(wanted)
    baselines = [i for i, m in enumerate(methods) if m.fidelity == "baseline"]
    return None if spec.reference_method or not baselines else baselines[0]


def _left_out(
    spec: ReportSpec,
    boards: Sequence[DatasetBoard],
    tested: Sequence[MethodSpec],
    units: Sequence[Sequence[DatasetBoard]],
    methods: Sequence[MethodSpec],
) -> Iterator[str]:
    """Yield which of `boards` and `tested` are not in `units` and `methods`, and which seeds."""
    kept, n_seeds = [board for unit in units for board in unit], len(spec.seeds)
    datasets = [board.dataset.title for board in boards if board not in kept]
    if datasets:
        yield f"Left out, since methods lack a score there: {'; '.join(datasets)}."
    absent = []
    for method in (m for m in tested if m not in methods):
        without = [board.scores for board in kept if not board.scores.ok_records(method.name)]
        statuses = dict.fromkeys(scores.status_text(method.name) for scores in without)
        absent.append(f"{method.printed} ({', '.join(statuses)})")
    if absent:
        yield f"Left out, since a score is missing: {'; '.join(absent)}."
    for unit in units:
        if len(unit) > 1:
            titles = "; ".join(board.dataset.title for board in unit)
            yield f"Counted as one data set, since they derive from the same one: {titles}."
    short = [
        f"{method.printed} on {board.dataset.title} ({n}/{n_seeds})"
        for board in kept
        for method in methods
        if (n := len(board.scores.ok_records(method.name))) < n_seeds
    ]
    if short:
        yield f"The mean is over the seeds that ended ok: {'; '.join(short)}."
