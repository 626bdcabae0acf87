"""Average ranks of the methods over the data sets of a section: critical-difference diagrams."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.labels import SECTIONS, metric_head
from mmbench.reporting.statistics import Comparison

NO_PAIRS = "Fewer than two methods have a score on the same data sets."
MAX_CLIQUES = 12
LINE = 0.21  # inches from a name to the next
CLIQUE = 0.11  # inches from a bar to the next
HEAD = 0.65  # inches above the axis of ranks
LEADER = 0.07  # inches from the line to one name to that of the next
NAME_INCHES = 2.8


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return ranks-{section}: a panel for each metric."""
    title = f"Average rank of the methods, {SECTIONS[key][0].lower()}"
    drawn = [
        (metric, comparison)
        for metric in report.spec.metrics
        if (comparison := comparison_of(report, key, metric))
    ]
    if not drawn:
        return style.empty(title, NO_PAIRS)
    heights = [_height(comparison) for _, comparison in drawn]
    figure = style.new_figure(title, 10, sum(heights) + 0.4)
    grid = figure.subplots(len(drawn), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (metric, comparison), height in zip(grid, drawn, heights, strict=True):
        draw_ranks(axes, comparison, height - HEAD)
        axes.set_title(f"{metric_head(metric)}, {n_datasets(comparison)}")
    is_cut = any(len(comparison.cliques) > MAX_CLIQUES for _, comparison in drawn)
    notes = (f"At most {MAX_CLIQUES} bars are drawn.",) if is_cut else ()
    return style.Drawing(figure, title, notes)


def comparison_of(report: ReportContext, section: str, metric: str) -> Comparison | None:
    """Return the comparison of at least two methods in a section, or None."""
    for found in report.comparisons:
        if (found.section, found.metric) == (section, metric) and len(found.comparison.names) > 1:
            return found.comparison
    return None


def n_datasets(comparison: Comparison) -> str:
    """Return the number of data sets of a comparison, in words."""
    n = comparison.n_datasets
    return "1 data set" if n == 1 else f"{n} data sets"


def no_difference(comparison: Comparison) -> str:
    """Return that a comparison has too few data sets for any significant difference."""
    n = len(comparison.names)
    return f"{n_datasets(comparison)} no difference between two of {n} methods can be significant"


def draw_ranks(axes: Axes, comparison: Comparison, depth: float) -> None:
    """Draw an axis of ranks with the better half of the methods named at its left.

    The y of the panel counts inches down from that axis, at most to `depth`.
    """
    order = np.argsort(comparison.ranks, kind="stable")
    n = len(order)
    n_left = (n + 1) // 2
    unit = (n - 1) / 4.4  # ranks that an inch of the axis spans
    axes.set_xlim(1 - NAME_INCHES * unit, n + NAME_INCHES * unit)
    axes.set_ylim(depth, -0.3)
    axes.set_axis_off()
    axes.plot([1, n], [0, 0], color="black", lw=1)
    for tick in np.unique(np.linspace(1, n, min(n, 11)).round()):
        axes.plot([tick, tick], [0, -0.06], color="black", lw=1)
        axes.text(tick, -0.08, f"{tick:g}", ha="center", va="bottom", fontsize=8)
    cliques = comparison.cliques[:MAX_CLIQUES]
    below = 0.16 + CLIQUE * len(cliques)
    leaders = spread(comparison.ranks[order], LEADER * unit)
    for place, (i, leader) in enumerate(zip(order, leaders, strict=True)):
        is_left = place < n_left
        side = -1 if is_left else 1
        y = below + LINE * (place if is_left else n - 1 - place)
        end = (1 if is_left else n) + side * 0.1 * unit
        rank = comparison.ranks[i]
        # the dot is at the rank itself; from it a leader of its own goes to each name
        axes.plot([rank, leader, leader, end], [0, 0.08, y, y], color="#444444", lw=0.8)
        axes.plot([rank], [0], "o", ms=3.5, color="C0", clip_on=False)
        name = style.wrapped(comparison.names[i], 46, 1)
        text = f"{name}  {rank:.2f}" if is_left else f"{rank:.2f}  {name}"
        align = "right" if is_left else "left"
        axes.text(end + side * 0.05 * unit, y, text, ha=align, va="center", fontsize=7.5)
    for level, clique in enumerate(cliques):
        # a bar may pass a method that is not in the group, so dots mark its members
        members = comparison.ranks[list(clique)]
        axes.plot(members, [0.12 + CLIQUE * level] * len(members), "-o", color="C1", lw=2.5, ms=4.5)
    if not comparison.is_feasible:
        axes.text(
            (n + 1) / 2,
            depth - 0.08,
            f"No bar is drawn: with {no_difference(comparison)}.",
            ha="center",
            va="center",
            style="italic",
            color=style.GREY,
            fontsize=8,
        )


def spread(ranks: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Return ascending ranks (n,), moved as little as possible to be at least `gap` apart.

    Equal ones are spread around their own place.
    """
    steps = gap * np.arange(len(ranks))
    return np.asarray(isotonic_regression(ranks - steps).x + steps)


def _height(comparison: Comparison) -> float:
    n_lines = (len(comparison.names) + 1) // 2
    n_cliques = min(len(comparison.cliques), MAX_CLIQUES)
    room = 0.0 if comparison.is_feasible else 0.22
    return HEAD + 0.16 + LINE * n_lines + CLIQUE * n_cliques + room
