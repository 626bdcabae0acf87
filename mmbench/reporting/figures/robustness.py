"""Scores on increasingly corrupted data."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.labels import metric_head
from mmbench.reporting.spec import MethodSpec
from mmbench.reporting.sweeps import Sweep

MAX_LINES = 10  # of a panel: markers that can be distinguished
MAX_METHODS = 4 * MAX_LINES
COLUMNS = 3

# the look of the methods of other rows
_OTHER: dict[str, Any] = {"color": "#D0D0D0", "lw": 0.9, "zorder": 1}

# by method and sweep, (3, n): the rates that have a score, with its mean and its deviation
Curves = dict[tuple[str, str], NDArray[np.float64]]


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return the figure of robustness: a panel for each sweep, a line for each method.

    Methods that have no room in one panel are divided into groups, each with a row of panels and
    a legend of its own.
    """
    head = metric_head(report.spec.metrics[0])
    title = f"{head} on increasingly corrupted data"
    # controls do not depend on the data
    methods = [m for m in representatives(report.spec) if m.fidelity != "control"]
    curves = {
        (m.name, sweep.name): curve
        for m in methods
        for sweep in report.sweeps
        if (curve := _curve(report, sweep, m)) is not None
    }
    present = [m for m in methods if any((m.name, s.name) in curves for s in report.sweeps)]
    if not present:
        return style.empty(title, "No run that ended ok is on corrupted data.")
    drawn, omitted_methods = style.first(present, "methods", MAX_METHODS)
    groups = grouped(drawn, report.sweeps, curves)
    sweeps, omitted = style.first(report.sweeps, "sweeps", style.MAX_PANELS // len(groups))
    columns = min(COLUMNS, len(sweeps))
    rows = math.ceil(len(sweeps) / columns)
    heights = [2.8 * rows + 0.4 + 0.17 * math.ceil(len(group) / 3) for group in groups]
    figure = style.new_figure(title, 3.4 * columns, sum(heights) + 0.4)
    parts = figure.subfigures(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for g, (part, group) in enumerate(zip(parts, groups, strict=True)):
        others = [m for other in groups if other is not group for m in other]
        for axes, sweep in zip(style.grid(part, rows, columns, len(sweeps)), sweeps, strict=True):
            _draw_sweep(axes, sweep, group, others, curves)
            axes.set_ylabel(head)
        handles = [
            style.handle(style.wrapped(m.printed, 40, 1), **style.look(i), ms=4.5)
            for i, m in enumerate(group)
        ]
        if others:
            handles.append(style.handle("methods of other rows", **_OTHER))
        name = f"methods, row {g + 1}" if others else None
        style.legend(part, handles, 3, handlelength=3, title=name)
    notes = [*_rows(groups), *_missing(methods, sweeps, curves), omitted, omitted_methods]
    return style.Drawing(figure, title, tuple(notes))


def grouped(
    methods: Sequence[MethodSpec], sweeps: Sequence[Sweep], curves: Curves
) -> list[list[MethodSpec]]:
    """Return the methods in groups of at most `MAX_LINES`.

    Methods with curves in the same sweeps share a group, those with the most curves first, so
    that few panels of a group are empty. A method and its variants are compared, so they stay
    together. Groups, and methods in a group, keep the order of the report as far as possible.
    """
    if len(methods) <= MAX_LINES:
        return [list(methods)]
    names = {m.name for m in methods}
    families: dict[str, list[MethodSpec]] = {}
    for method in methods:
        families.setdefault(method.base if method.base in names else method.name, []).append(method)

    def absent(family: list[MethodSpec]) -> tuple[int, list[bool]]:
        missing = [all((m.name, sweep.name) not in curves for m in family) for sweep in sweeps]
        return sum(missing), missing

    groups: list[list[MethodSpec]] = [[]]
    for family in sorted(families.values(), key=absent):
        for start in range(0, len(family), MAX_LINES):
            part = family[start : start + MAX_LINES]
            if len(groups[-1]) + len(part) > MAX_LINES:
                groups.append([])
            groups[-1] += part
    return [[m for m in methods if m in group] for group in groups]


def _curve(report: ReportContext, sweep: Sweep, method: MethodSpec) -> NDArray[np.float64] | None:
    """Return (3, n), rates, means and deviations; None where no corrupted data have a score.

    A score on the base alone is no curve: most methods that are not applicable to corrupted data
    have one.
    """
    scores = report.curve(sweep, method, report.spec.metrics[0])
    if not any(s for s, name in zip(scores, sweep.datasets, strict=True) if name != sweep.base):
        return None
    known = [(rate, s) for rate, s in zip(sweep.rates, scores, strict=True) if s]
    return np.array([[rate, *style.mean_sd(np.array(list(s.values())))] for rate, s in known]).T


def _draw_sweep(
    axes: Axes,
    sweep: Sweep,
    group: Sequence[MethodSpec],
    others: Sequence[MethodSpec],
    curves: Curves,
) -> None:
    for method in others:
        if (curve := curves.get((method.name, sweep.name))) is not None:
            axes.plot(*curve[:2], **_OTHER)
    for i, method in enumerate(group):
        if (curve := curves.get((method.name, sweep.name))) is not None:
            axes.errorbar(*curve, **style.look(i), ms=4.5, elinewidth=1, capsize=2)
    if not axes.containers:
        box = {"fc": "white", "ec": "none", "pad": 2}
        style.remark(axes, "no score of these methods\non such data", 0.93, va="top", bbox=box)
    axes.set_xlabel(sweep.label)
    axes.set_xticks(sweep.rates, [f"{rate:g}" for rate in sweep.rates])
    margin = 0.045 * (sweep.rates[-1] - sweep.rates[0])
    axes.set_xlim(sweep.rates[0] - margin, sweep.rates[-1] + margin)
    style.unit_axis(axes)
    axes.set_title(style.wrapped(sweep.title, 44))


def _rows(groups: Sequence[Sequence[MethodSpec]]) -> Iterator[str]:
    if len(groups) > 1:
        yield f"The methods have {len(groups)} rows of panels, each with its own legend."
        yield "They are grey in the other rows."
        for i, group in enumerate(groups):
            yield f"Row {i + 1}: {_listed(group)}."


def _missing(
    methods: Sequence[MethodSpec], sweeps: Sequence[Sweep], curves: Curves
) -> Iterator[str]:
    for sweep in sweeps:
        if absent := [m for m in methods if (m.name, sweep.name) not in curves]:
            yield f"No score and no line on {sweep.title} by {sweep.label}: {_listed(absent)}."


def _listed(methods: Sequence[MethodSpec]) -> str:
    return "; ".join(m.printed for m in methods)  # a name may contain a comma
