"""Every pair of methods over the data sets of a section: its p value and its difference."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Normalize

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import ranks, style
from mmbench.reporting.figures.heat import MAX_NUMBERED, heat
from mmbench.reporting.labels import SECTIONS, metric_head

LEVELS = (0.001, 0.01, 0.05)  # of p; the colour of a cell shows which one is reached
DARKEST = 0.5  # difference of scores from which on a cell grows no darker


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return pairwise-{section}: p values and differences by the first metric."""
    metric = report.spec.metrics[0]
    head = metric_head(metric)
    title = f"Pairs of methods by {head}, {SECTIONS[key][0].lower()}"
    comparison = ranks.comparison_of(report, key, metric)
    if comparison is None:
        return style.empty(title, ranks.NO_PAIRS)
    names = comparison.names
    n = len(names)
    side = 0.42 * min(n, 14)
    title += f", {ranks.n_datasets(comparison)}"
    figure = style.new_figure(title, 2 * side + 4.8, side + 2.2)
    p_axes, difference_axes = figure.subplots(1, 2)
    off_diagonal = np.where(np.eye(n, dtype=bool), np.nan, 0.0)
    p_norm = BoundaryNorm([0, *LEVELS, 1.0001], 256)
    p_values = comparison.p_holm + off_diagonal
    heat(p_axes, p_values, names, names, _short_p, norm=p_norm, colours="Blues_r")
    p_axes.set_title("p, corrected by Holm for all pairs")
    # one scale for all figures: a dark cell is a large difference wherever it stands
    norm, colours = Normalize(-DARKEST, DARKEST), "PuOr"
    heat(
        difference_axes,
        comparison.difference + off_diagonal,
        names,
        names,
        (lambda x: f"{x:+.2f}") if n <= MAX_NUMBERED else lambda x: "+" if x > 0 else "–",
        norm=norm,
        colours=colours,
        max_side=40,  # a sign has room in a smaller cell, and shows the direction in a grey print
    )
    difference_axes.set_yticks([])
    difference_axes.set_title(f"{head} of the row minus that of the column")
    for axes in (p_axes, difference_axes):
        axes.set_box_aspect(1)
    scale = ScalarMappable(norm, colours)
    bar = figure.colorbar(scale, ax=difference_axes, extend="both", shrink=0.7)
    bar.ax.grid(visible=False)
    warning = ""
    if not comparison.is_feasible:
        cause = ranks.no_difference(comparison)
        warning = f"With {cause}, so the p values on the left are no evidence."
    figure.supxlabel(warning, style="italic", color=style.GREY, fontsize=8)
    return style.Drawing(figure, title, (warning,))


def _short_p(p: float) -> str:
    return "<.001" if p < 0.0005 else f"{p:.3f}"[1:] if p < 0.9995 else "1"
