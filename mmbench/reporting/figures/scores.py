"""Scores of a data set: a row for each method, a dot for each seed, mean and deviation."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmbench.reporting.boards import Column, DatasetBoard, Row
from mmbench.reporting.figures.style import KINDS, explained, save, styled
from mmbench.reporting.labels import SECTIONS
from mmbench.reporting.spec import ReportSpec

ROW_INCHES = 0.3
NAME_WIDTH = 34


def write_scores(spec: ReportSpec, block: DatasetBoard, folder: Path) -> dict[str, str]:
    """Write scores-{dataset}.pdf and .png; return their name with its caption."""
    name = f"scores-{block.dataset.name}"
    with styled():
        save(_scores(spec, block), folder / name)
    caption = (
        f"Scores on {block.dataset.title}: the mean over seeds with its standard deviation, and"
        " below it each seed. Colour and shape tell what stands behind a row."
    )
    return {name: caption}


def _scores(spec: ReportSpec, block: DatasetBoard) -> Figure:
    """Return a panel per metric with a line per row, the first at the top."""
    if block.is_unavailable:
        return explained(_title(block), block.rows[0].note)
    columns = [Column(metric) for metric in spec.metrics]
    names = [textwrap.wrap(_name(spec, row), NAME_WIDTH) or [""] for row in block.rows]
    # a name of two lines needs more room
    heights = np.array([max(1.0, 0.62 * len(name)) for name in names])
    places = dict(zip(block.rows, np.cumsum(heights) - heights / 2, strict=True))
    figure = Figure(
        figsize=(2.4 + 2.3 * len(columns), 1.25 + ROW_INCHES * heights.sum()), layout="constrained"
    )
    panels: Sequence[Axes] = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        _draw(axes, column, places)
    for row, y in places.items():
        if not row.values:
            panels[0].annotate(
                block.scores.status_text(row.method.name),
                (0, y),
                va="center",
                color="#666666",
                style="italic",
            )
    panels[0].set_yticks(list(places.values()), ["\n".join(name) for name in names])
    panels[0].set_ylim(heights.sum(), 0)
    figure.suptitle(_title(block))
    kinds = [kind for kind in KINDS if any(_kind(row) == kind and row.values for row in places)]
    if kinds:
        figure.legend(handles=_legend(kinds), loc="outside lower center", ncols=3)
    return figure


def _draw(axes: Axes, column: Column, places: Mapping[Row, float]) -> None:
    """Draw every row that has the column, with few artists, since each takes its time."""
    low, high = 0.0, 1.0
    for kind, (colour, shape, _) in KINDS.items():
        shown = [r for r in places if _kind(r) == kind and column in r.values]
        if not shown:
            continue
        values = [row.values[column] for row in shown]
        y = np.array([places[row] for row in shown])
        # the mean above, the seeds below it and beside each other, so that equal ones can be told
        below = [np.linspace(0.08, 0.36, len(v)) if len(v) > 1 else np.array([0.2]) for v in values]
        seeds_y = np.concatenate([at + offset for at, offset in zip(y, below, strict=True)])
        seeds = np.concatenate(values)
        mean = np.array([v.mean() for v in values])
        sd = np.array([v.std(ddof=1) if len(v) > 1 else 0.0 for v in values])
        axes.hlines(y - 0.16, mean - sd, mean + sd, color=colour, lw=1.8)
        axes.plot(mean, y - 0.16, shape, ms=5.5, color=colour, mec="white", mew=0.5)
        axes.plot(seeds, seeds_y, "o", ms=2.6, mfc="none", mec=colour, mew=0.7)
        low, high = min(low, seeds.min()), max(high, seeds.max())
    axes.set_xlabel(column.head)
    axes.set_xlim(low - 0.02, high + 0.02)


def _name(spec: ReportSpec, row: Row) -> str:
    """Return the name of a row, with the seeds that ended ok where some did not."""
    n_ok = max((len(values) for values in row.values.values()), default=0)
    some = 0 < n_ok < len(spec.seeds)
    return f"{row.title} ({n_ok}/{len(spec.seeds)} seeds)" if some else row.title


def _title(block: DatasetBoard) -> str:
    about = textwrap.wrap(block.scores.description(), 110)
    return "\n".join([f"{block.dataset.title}: {SECTIONS[block.section][0].lower()}", *about])


def _kind(row: Row) -> str:
    return "oracle" if row.is_oracle else row.method.fidelity


def _legend(kinds: Sequence[str]) -> list[Line2D]:
    handles = [
        Line2D(
            [],
            [],
            color=KINDS[kind][0],
            marker=KINDS[kind][1],
            ms=6,
            lw=1.8,
            mec="white",
            label=KINDS[kind][2],
        )
        for kind in KINDS
        if kind in kinds
    ]
    seed = Line2D([], [], ls="", marker="o", ms=3, mfc="none", mec="#444444", label="one seed")
    interval = Line2D([], [], color="#444444", lw=1.8, label="mean ± standard deviation")
    return [*handles, seed, interval]
