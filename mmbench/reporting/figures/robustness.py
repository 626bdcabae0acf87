"""Curves of scores on data that are spoilt by degrees."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mmbench.reporting.figures.names import ROBUSTNESS
from mmbench.reporting.figures.style import (
    MAX_PANELS,
    MIN_INCHES,
    QUIET,
    Look,
    explained,
    first,
    look,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.sweeps import Sweep, curve, sweeps

MAX_LINES = 10  # of a panel: markers that can be told apart
MAX_METHODS = 4 * MAX_LINES
COLUMNS = 3

# how the methods of other rows look
_OTHER: dict[str, Any] = {"color": "#D0D0D0", "lw": 0.9, "zorder": 1}

# by method and sweep, the rates that have a score, its mean and its standard deviation there
Curves = dict[tuple[str, str], NDArray[np.float64]]


@styled()
def write_robustness_figure(
    spec: ReportSpec, stored: Sequence[DatasetScores], folder: Path
) -> dict[str, str]:
    """Write robustness.pdf and .png: a panel for each sweep, a line for each method.

    More methods than a panel has room for are dealt out to groups, each with a row of panels
    and a legend of its own.
    """
    metric = spec.metrics[0]
    head = metric_head(metric)
    title = f"{head} on data that are spoilt by degrees"
    found = sweeps(spec)
    # controls know nothing that could be spoilt
    methods = [m for m in representatives(spec) if m.fidelity != "control"]
    curves = {
        (m.name, sweep.name): known
        for m in methods
        for sweep in found
        if (known := _curve(sweep, stored, m, metric)) is not None
    }
    drawn = [m for m in methods if any((m.name, sweep.name) in curves for sweep in found)]
    if not drawn:
        reason = "No run that ended ok is on data that are spoilt by degrees."
        save(explained(title, reason), folder / ROBUSTNESS)
        return {ROBUSTNESS: f"{title}. {reason}"}
    lines, rest_of_methods = first(drawn, "methods", MAX_METHODS)
    groups = grouped(lines, found, curves)
    shown, rest = first(found, "sweeps", MAX_PANELS // len(groups))
    save(_figure(title, head, shown, groups, curves), folder / ROBUSTNESS)
    caption = (
        f"{title}: mean over seeds with its standard deviation. A method that holds has a flat"
        " line; where it is compared with a variant of itself, the gap between both lines says"
        f" what the part left out is worth.{_where(groups)}{_missing(methods, shown, curves)}"
        " Controls are not drawn; all methods, and the area under each curve, are in the table of"
        f" robustness.{rest}{rest_of_methods}"
    )
    return {ROBUSTNESS: caption}


def grouped(
    methods: Sequence[MethodSpec], found: Sequence[Sweep], curves: Curves
) -> list[list[MethodSpec]]:
    """Return the methods in groups of at most `MAX_LINES`.

    Those with curves in the same sweeps come together, those with the most curves first, so
    that a group leaves few panels empty. A method and its variants are compared, so they stay
    together. Groups, and methods in a group, keep the order of the report as far as that
    allows.
    """
    if len(methods) <= MAX_LINES:
        return [list(methods)]
    names = {m.name for m in methods}
    families: dict[str, list[MethodSpec]] = {}
    for method in methods:
        families.setdefault(method.base if method.base in names else method.name, []).append(method)

    def absent(family: list[MethodSpec]) -> tuple[int, list[bool]]:
        missing = [all((m.name, sweep.name) not in curves for m in family) for sweep in found]
        return sum(missing), missing

    groups: list[list[MethodSpec]] = [[]]
    for family in sorted(families.values(), key=absent):
        for start in range(0, len(family), MAX_LINES):
            part = family[start : start + MAX_LINES]
            if len(groups[-1]) + len(part) > MAX_LINES:
                groups.append([])
            groups[-1] += part
    return [[m for m in methods if m in group] for group in groups]


def _curve(
    sweep: Sweep, stored: Sequence[DatasetScores], method: MethodSpec, metric: str
) -> NDArray[np.float64] | None:
    """Return (3, n), rates, means and deviations; None where no spoilt data have a score.

    A score on the base alone is no curve: most methods that cannot be applied have it.
    """
    scores = curve(sweep, stored, method, metric)
    if not any(s for s, name in zip(scores, sweep.datasets, strict=True) if name != sweep.base):
        return None
    known = [(r, list(s.values())) for r, s in zip(sweep.rates, scores, strict=True) if s]
    return np.array([[r, np.mean(v), np.std(v, ddof=1) if len(v) > 1 else 0.0] for r, v in known]).T


def _figure(
    title: str,
    head: str,
    shown: Sequence[Sweep],
    groups: Sequence[Sequence[MethodSpec]],
    curves: Curves,
) -> Figure:
    """Return a figure with a part for each group: panels of all sweeps, and a legend."""
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    heights = [2.8 * rows + 0.4 + 0.17 * math.ceil(len(group) / 3) for group in groups]
    figure = Figure(
        figsize=(max(MIN_INCHES, 3.4 * columns), sum(heights) + 0.4), layout="constrained"
    )
    parts = figure.subfigures(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for g, (part, group) in enumerate(zip(parts, groups, strict=True)):
        grid = list(part.subplots(rows, columns, squeeze=False).flat)
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        others = [m for other in groups if other is not group for m in other]
        for axes, sweep in zip(grid, shown, strict=False):
            _draw(axes, sweep, group, others, curves)
            axes.set_ylabel(head)
        handles = [
            Line2D([], [], **_line(look(i)), label=wrapped(m.printed, 40, 1))
            for i, m in enumerate(group)
        ]
        if others:
            handles.append(Line2D([], [], **_OTHER, label="methods of other rows"))
        name = f"methods, row {g + 1}" if others else None
        part.legend(
            handles=handles, loc="outside lower center", ncols=3, handlelength=3, title=name
        )
    figure.suptitle(title)
    return figure


def _draw(
    axes: Axes,
    sweep: Sweep,
    group: Sequence[MethodSpec],
    others: Sequence[MethodSpec],
    curves: Curves,
) -> None:
    for method in others:  # to be compared with, whatever row they have
        if (method.name, sweep.name) in curves:
            rates, mean, _ = curves[method.name, sweep.name]
            axes.plot(rates, mean, **_OTHER)
    is_empty = True
    for i, method in enumerate(group):
        if (method.name, sweep.name) in curves:
            is_empty = False
            rates, mean, sd = curves[method.name, sweep.name]
            axes.errorbar(rates, mean, sd, **_line(look(i)), elinewidth=1, capsize=2)
    if is_empty:
        text = "no score of these methods\non such data"
        axes.text(
            0.5,
            0.93,
            text,
            ha="center",
            va="top",
            color=QUIET,
            bbox={"fc": "white", "ec": "none", "pad": 2},
            transform=axes.transAxes,
        )
    axes.set_xlabel(sweep.label)
    axes.set_xticks(sweep.rates, [f"{rate:g}" for rate in sweep.rates])
    margin = 0.045 * (sweep.rates[-1] - sweep.rates[0])
    axes.set_xlim(sweep.rates[0] - margin, sweep.rates[-1] + margin)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, axis="y")
    axes.set_title(wrapped(sweep.title, 44), loc="left")


def _line(style: Look) -> dict[str, Any]:
    return {"color": style.colour, "marker": style.marker, "ls": style.dash, "ms": 4.5}


def _where(groups: Sequence[Sequence[MethodSpec]]) -> str:
    """Return a sentence on which methods are in which row of panels, or none."""
    if len(groups) == 1:
        return ""
    rows = [f" Row {i + 1}: {_listed(group)}." for i, group in enumerate(groups)]
    return (
        f" The methods have {len(groups)} rows of panels, each with its legend, and are grey in"
        f" the others.{''.join(rows)}"
    )


def _missing(methods: Sequence[MethodSpec], shown: Sequence[Sweep], curves: Curves) -> str:
    """Return a sentence on which methods have no line in which sweep, or none."""
    told = []
    for sweep in shown:
        names = [m for m in methods if (m.name, sweep.name) not in curves]
        if names:
            told.append(f" None on {sweep.title} by {sweep.label}: {_listed(names)}.")
    return f" No line means no score on spoilt data.{''.join(told)}" if told else ""


def _listed(methods: Sequence[MethodSpec]) -> str:
    return "; ".join(m.printed for m in methods)  # a name may well have a comma
