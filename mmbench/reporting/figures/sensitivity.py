"""The score as a function of one or two parameters of a method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.variants import Grid, grids, parameter_values
from mmbench.reporting.formatting import format_score
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores

# by the values of the parameters, the scores of the seeds that ended ok
Surface = dict[tuple[float, ...], NDArray[np.float64]]


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return sensitivity-{method}: a panel for each sweep of the method and data set."""
    metric = report.spec.metrics[0]
    head = metric_head(metric)
    title = f"{next(m for m in report.spec.methods if m.name == key).printed}: {head} by parameters"
    found = [
        (sweep, scores, surface)
        for sweep in grids(report.spec)
        if sweep.base == key
        for scores in report.datasets
        if (surface := surface_of(report.datasets, scores, sweep, metric))
    ]
    if not found:
        return style.empty(title, "No run of the sweep ended ok.")
    drawn, omitted = style.first(found, "panels")
    figure, grid = style.panels(title, len(drawn), 3, (3.3, 2.7), extra=0.5)
    values = np.concatenate([x for _, _, surface in drawn for x in surface.values()])
    # differences of less than a tenth should not look large
    norm = Normalize(min(values.min(), values.max() - 0.1), values.max())
    for axes, (sweep, scores, surface) in zip(grid, drawn, strict=True):
        if len(sweep.keys) == 1:
            _draw_line(axes, surface)
            axes.set_ylabel(head)
        else:
            _draw_surface(axes, surface, norm)
            axes.set_ylabel(sweep.keys[0].replace("_", " "))
        axes.set_xlabel(sweep.keys[-1].replace("_", " "))
        axes.set_title(style.wrapped(scores.dataset.title, 40))
    return style.Drawing(figure, title, (omitted,))


def surface_of(
    datasets: Sequence[DatasetScores], scores: DatasetScores, sweep: Grid, metric: str
) -> Surface:
    """Return the scores on one data set by the values of the parameters, in ascending order."""
    surface = {}
    for method in [sweep.base, *(m.name for m in sweep.members)]:
        values = parameter_values(datasets, sweep, method)
        by_seed = scores.by_seed(method, metric)
        if values is not None and by_seed:
            surface[values] = np.array(list(by_seed.values()))
    return dict(sorted(surface.items()))


def _draw_line(axes: Axes, surface: Surface) -> None:
    mean, sd = np.array([style.mean_sd(scores) for scores in surface.values()]).T
    axes.errorbar(np.arange(len(surface)), mean, sd, color="C0", marker="o", ms=4.5, capsize=2)
    axes.set_xticks(range(len(surface)), [f"{value:g}" for (value,) in surface])
    style.unit_axis(axes)


def _draw_surface(axes: Axes, surface: Surface, norm: Normalize) -> None:
    rows, columns = (sorted(set(values)) for values in zip(*surface, strict=True))
    table = np.full((len(rows), len(columns)), np.nan)
    for (row, column), scores in surface.items():
        table[rows.index(row), columns.index(column)] = scores.mean()
    row_names, column_names = ([f"{value:g}" for value in x] for x in (rows, columns))
    heat(axes, table, row_names, column_names, format_score, norm=norm)
