"""How a score depends on one or two parameters of a method."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.style import explained, first, panels, save, styled, wrapped
from mmbench.reporting.figures.variants import Grid, by_seed, grids, setting
from mmbench.reporting.formatting import format_score
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec

# by the values of the parameters, the scores of the seeds that ended ok
Points = dict[tuple[float, ...], NDArray[np.float64]]


@styled()
def write_sensitivity(
    spec: ReportSpec, stored: Sequence[DatasetScores], folder: Path
) -> dict[str, str]:
    """Write sensitivity-{method} for each entry of which the report has a sweep."""
    captions: dict[str, str] = {}
    found = grids(spec)
    for base in dict.fromkeys(grid.base for grid in found):
        captions |= _write(spec, stored, [g for g in found if g.base == base], folder)
    return captions


def _write(
    spec: ReportSpec, stored: Sequence[DatasetScores], found: Sequence[Grid], folder: Path
) -> dict[str, str]:
    base = next(m for m in spec.methods if m.name == found[0].base)
    name = f"sensitivity-{base.name}"
    metric = spec.metrics[0]
    head = metric_head(metric)
    title = f"{base.printed}: {head} by parameters"
    cells = [
        (grid, one, points)
        for grid in found
        for one in stored
        if (points := surface(stored, one, grid, metric))
    ]
    if not cells:
        reason = "No run of the sweep ended ok."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    shown, rest = first(cells, "panels")
    figure, grid_of_axes = panels(len(shown), columns=3, width=3.3, height=2.7, extra=0.5)
    values = np.concatenate([np.concatenate(list(points.values())) for _, _, points in shown])
    # differences of less than a tenth are not to look like mountains
    norm = Normalize(min(values.min(), values.max() - 0.1), values.max())
    for axes, (grid, one, points) in zip(grid_of_axes, shown, strict=True):
        if len(grid.keys) == 1:
            _draw_line(axes, points)
            axes.set_ylabel(head)
        else:
            _draw_surface(axes, points, norm)
            axes.set_ylabel(grid.keys[0].replace("_", " "))
        axes.set_xlabel(grid.keys[-1].replace("_", " "))
        axes.set_title(wrapped(one.dataset.title, 40), loc="left")
    figure.suptitle(title)
    save(figure, folder / name)
    caption = (
        f"{title}: mean over seeds; lines have the standard deviation. Values are evenly spaced,"
        " whatever lies between them. No value was chosen by these scores, which know the"
        f" labels.{rest}"
    )
    return {name: caption}


def surface(stored: Sequence[DatasetScores], one: DatasetScores, grid: Grid, metric: str) -> Points:
    """Return, by the values of the parameters, the scores of the seeds that ended ok."""
    points = {}
    for method in [grid.base, *(m.name for m in grid.members)]:
        values = setting(stored, grid, method)
        scores = by_seed(one, method, metric)
        if values is not None and scores:
            points[values] = np.array(list(scores.values()))
    return dict(sorted(points.items()))


def _draw_line(axes: Axes, points: Points) -> None:
    mean = np.array([scores.mean() for scores in points.values()])
    sd = np.array([scores.std(ddof=1) if len(scores) > 1 else 0.0 for scores in points.values()])
    axes.errorbar(np.arange(len(points)), mean, sd, color="C0", marker="o", ms=4.5, capsize=2)
    axes.set_xticks(range(len(points)), [f"{value:g}" for (value,) in points])
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, axis="y")


def _draw_surface(axes: Axes, points: Points, norm: Normalize) -> None:
    rows, columns = (sorted({key[i] for key in points}) for i in (0, 1))
    table = np.full((len(rows), len(columns)), np.nan)
    for (row, column), scores in points.items():
        table[rows.index(row), columns.index(column)] = scores.mean()
    heat(
        axes,
        table,
        [f"{value:g}" for value in rows],
        [f"{value:g}" for value in columns],
        format_score,
        norm=norm,
    )
