"""Scores of a data set: a row for each method, a dot for each seed, mean and deviation."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmbench.reporting.boards import Column, Row
from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.labels import SECTIONS

ROW_INCHES = 0.3
NAME_WIDTH = 34


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return scores-{dataset}: a panel per metric with a line per row, the first at the top."""
    spec = report.spec
    board = next(board for board in report.boards if board.dataset.name == key)
    title = f"Scores on {board.dataset.title}"
    about = textwrap.wrap(board.scores.description(), 110)
    heading = "\n".join([f"{board.dataset.title}: {SECTIONS[board.section][0].lower()}", *about])
    if board.is_unavailable:
        return style.empty(title, board.rows[0].note, heading=heading)
    names = [textwrap.wrap(_name(row, len(spec.seeds)), NAME_WIDTH) or [""] for row in board.rows]
    # a name of two lines needs more room
    heights = np.array([max(1.0, 0.62 * len(name)) for name in names])
    places = dict(zip(board.rows, np.cumsum(heights) - heights / 2, strict=True))
    size = (2.4 + 2.3 * len(spec.metrics), 1.25 + ROW_INCHES * heights.sum())
    figure = Figure(figsize=size, layout="constrained")
    grid: Sequence[Axes] = figure.subplots(1, len(spec.metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(grid, spec.metrics, strict=True):
        _draw_rows(axes, Column(metric), places)
    for row, y in places.items():
        if not row.values:
            status = board.scores.status_text(row.method.name)
            grid[0].annotate(status, (0, y), va="center", color=style.GREY, style="italic")
    grid[0].set_yticks(list(places.values()), ["\n".join(name) for name in names])
    grid[0].set_ylim(heights.sum(), 0)
    figure.suptitle(heading)
    if kinds := {_kind(row) for row in places if row.values}:
        seed = style.handle("one seed", ls="", marker="o", ms=3, mfc="none", mec="#444444")
        deviation = style.handle("mean ± standard deviation", color="#444444", lw=1.8)
        handles = [*style.kind_handles(kinds, ms=6, lw=1.8, mec="white"), seed, deviation]
        style.legend(figure, handles, 3)
    return style.Drawing(figure, title)


def _draw_rows(axes: Axes, column: Column, places: Mapping[Row, float]) -> None:
    """Draw every row that has the column, with few artists, since each takes time."""
    low, high = 0.0, 1.0
    for kind, (colour, marker, _) in style.KINDS.items():
        rows = [r for r in places if _kind(r) == kind and column in r.values]
        if not rows:
            continue
        values = [row.values[column] for row in rows]
        y = np.array([places[row] for row in rows])
        # the mean above, the seeds below it at different heights, so that equal ones are seen
        below = [np.linspace(0.08, 0.36, len(v)) if len(v) > 1 else np.array([0.2]) for v in values]
        seeds_y = np.concatenate([at + offset for at, offset in zip(y, below, strict=True)])
        seeds = np.concatenate(values)
        mean, sd = np.array([style.mean_sd(v) for v in values]).T
        axes.hlines(y - 0.16, mean - sd, mean + sd, color=colour, lw=1.8)
        axes.plot(mean, y - 0.16, marker, ms=5.5, color=colour, mec="white", mew=0.5)
        axes.plot(seeds, seeds_y, "o", ms=2.6, mfc="none", mec=colour, mew=0.7)
        low, high = min(low, seeds.min()), max(high, seeds.max())
    axes.set_xlabel(column.head)
    axes.set_xlim(low - 0.02, high + 0.02)


def _name(row: Row, n_seeds: int) -> str:
    """Return the name of a row, with the number of seeds that ended ok if some did not."""
    n_ok = max((len(values) for values in row.values.values()), default=0)
    return f"{row.title} ({n_ok}/{n_seeds} seeds)" if 0 < n_ok < n_seeds else row.title


def _kind(row: Row) -> str:
    return "oracle" if row.is_oracle else row.method.fidelity
