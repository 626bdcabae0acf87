"""What tests say of methods over data sets: average ranks, and each pair's p and difference."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from mmbench.reporting.comparisons import SectionComparison
from mmbench.reporting.figures.heat import MAX_NUMBERED, heat
from mmbench.reporting.figures.names import sections
from mmbench.reporting.figures.style import MIN_INCHES, QUIET, explained, save, styled, wrapped
from mmbench.reporting.labels import SECTIONS, metric_head
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.statistics import Comparison

LEVELS = (0.001, 0.01, 0.05)  # of p; a cell shows which one is reached
NOTHING = "Fewer than two methods have a score on the same data sets."
DARKEST = 0.5  # difference of scores from which on a cell grows no darker
MAX_CLIQUES = 12
LINE = 0.21  # inches from a name to the next
CLIQUE = 0.11  # inches from a bar to the next
HEAD = 0.65  # inches above the axis of ranks
LEADER = 0.07  # inches from the line to one name to that of the next
NAME_INCHES = 2.8


@styled()
def write_comparisons(
    spec: ReportSpec, compared: Sequence[SectionComparison], folder: Path
) -> dict[str, str]:
    """Write ranks-{section} and pairwise-{section} for each section of the leaderboard.

    Args:
        spec: the report.
        compared: the methods by section and metric; where one is missing, or has fewer than
            two methods, the figure says so. Pairs are shown by the first metric alone.
        folder: where the figures go.
    """
    captions = {}
    for section in sections(spec):
        found = {c.metric: c.comparison for c in compared if c.section == section}
        found = {metric: c for metric, c in found.items() if len(c.names) > 1}
        of_section = SECTIONS[section][0].lower()
        name = f"ranks-{section}"
        captions[name] = _write_ranks(spec, of_section, found, folder / name)
        name = f"pairwise-{section}"
        metric = spec.metrics[0]
        captions[name] = _write_pairs(of_section, metric, found.get(metric), folder / name)
    return captions


def _write_ranks(
    spec: ReportSpec, section: str, found: Mapping[str, Comparison], path: Path
) -> str:
    """Draw a panel for each metric; return the caption."""
    title = f"Average rank of the methods, {section}"
    shown = [(metric, found[metric]) for metric in spec.metrics if metric in found]
    if not shown:
        save(explained(title, NOTHING), path)
        return f"{title}. {NOTHING}"
    heights = [_height(comparison) for _, comparison in shown]
    figure = Figure(figsize=(10, sum(heights) + 0.4), layout="constrained")
    grid = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (metric, comparison), height in zip(grid, shown, heights, strict=True):
        draw_ranks(axes, comparison, height - HEAD)
        axes.set_title(f"{_head(metric)}, {_datasets(comparison)}", loc="left")
    figure.suptitle(title)
    save(figure, path)
    return (
        f"{title}, over data sets; 1 is best. A bar joins methods, its dots, that no test tells"
        " apart (Wilcoxon's signed-rank test of every pair, corrected by Holm, 5 %), at most"
        f" {MAX_CLIQUES} such groups. Where there are too few data sets for any claim, no bar is"
        " drawn, and the figure says so."
    )


def draw_ranks(axes: Axes, comparison: Comparison, depth: float) -> None:
    """Draw an axis of ranks, the better half of the methods named at its left.

    Args:
        axes: its y counts inches down from the axis of ranks.
        comparison: at least two methods.
        depth: of the panel below that axis, in inches.
    """
    order = np.argsort(comparison.ranks, kind="stable")
    n = len(order)
    left = (n + 1) // 2
    unit = (n - 1) / 4.4  # of rank, an inch of the axis
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
        is_left = place < left
        y = below + LINE * (place if is_left else n - 1 - place)
        end = 1 - 0.1 * unit if is_left else n + 0.1 * unit
        rank = comparison.ranks[i]
        # the dot is at the rank itself; from it a leader of its own goes to each name
        axes.plot([rank, leader, leader, end], [0, 0.08, y, y], color="#444444", lw=0.8)
        axes.plot([rank], [0], "o", ms=3.5, color="C0", clip_on=False)
        name = wrapped(comparison.names[i], 46, 1)
        text = f"{name}  {rank:.2f}" if is_left else f"{rank:.2f}  {name}"
        axes.text(
            end + (-0.05 if is_left else 0.05) * unit,
            y,
            text,
            ha="right" if is_left else "left",
            va="center",
            fontsize=7.5,
        )
    for level, clique in enumerate(cliques):
        # a bar may pass a method that is not of the group: dots tell its members
        members = comparison.ranks[list(clique)]
        axes.plot(members, [0.12 + CLIQUE * level] * len(members), "-o", color="C1", lw=2.5, ms=4.5)
    if not comparison.is_feasible:
        axes.text(
            (n + 1) / 2,
            depth - 0.08,
            f"No bar is drawn: with {_datasets(comparison)} no difference between two of"
            f" {n} methods can be significant.",
            ha="center",
            va="center",
            style="italic",
            color=QUIET,
            fontsize=8,
        )


def spread(ranks: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Return ranks moved as little as puts each at least `gap` above the one before it.

    Args:
        ranks: (n,), rising; equal ones are spread around their own place.
        gap: in ranks.
    """
    steps = gap * np.arange(len(ranks))
    moved: NDArray[np.float64] = isotonic_regression(ranks - steps).x + steps
    return moved


def _write_pairs(section: str, metric: str, comparison: Comparison | None, path: Path) -> str:
    """Draw p and difference of every pair; return the caption."""
    head = _head(metric)
    title = f"Pairs of methods by {head}, {section}"
    if comparison is None:
        save(explained(title, NOTHING), path)
        return f"{title}. {NOTHING}"
    n = len(comparison.names)
    side = 0.42 * min(n, 14)
    figure = Figure(figsize=(max(MIN_INCHES, 2 * side + 4.8), side + 2.2), layout="constrained")
    p_axes, difference_axes = figure.subplots(1, 2)
    off_diagonal = np.where(np.eye(n, dtype=bool), np.nan, 0.0)
    names: Sequence[str] = comparison.names
    heat(
        p_axes,
        comparison.p_holm + off_diagonal,
        names,
        names,
        _p,
        norm=BoundaryNorm([0, *LEVELS, 1.0001], 256),
        colours="Blues_r",
    )
    p_axes.set_title("p, corrected by Holm for all pairs", loc="left")
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
        max_side=40,  # a sign has room in a smaller cell, and tells grey readers which is which
    )
    difference_axes.set_yticks([])
    difference_axes.set_title(f"{head} of the row minus that of the column", loc="left")
    for axes in (p_axes, difference_axes):
        axes.set_box_aspect(1)
    scale = ScalarMappable(norm, colours)
    bar = figure.colorbar(scale, ax=difference_axes, extend="both", shrink=0.7)
    bar.ax.grid(visible=False)
    figure.suptitle(f"{title}, {_datasets(comparison)}")
    claim = (
        ""
        if comparison.is_feasible
        else f"With {_datasets(comparison)} no difference between two of {n} methods can be"
        " significant, so the p on the left can be no evidence."
    )
    figure.supxlabel(claim, style="italic", color=QUIET, fontsize=8)
    save(figure, path)
    return (
        f"{title} over {_datasets(comparison)}. Left: p of Wilcoxon's signed-rank test, the darker"
        " the smaller, in steps at 0.001, 0.01 and 0.05. Right: the mean difference, which tells"
        f" how much it matters; its colours mean the same in every such figure and go to"
        f" ±{DARKEST:g}, beyond which they grow no darker. {claim}".rstrip()
    )


def _height(comparison: Comparison) -> float:
    lines = (len(comparison.names) + 1) // 2
    cliques = min(len(comparison.cliques), MAX_CLIQUES)
    room = 0.0 if comparison.is_feasible else 0.22
    return HEAD + 0.16 + LINE * lines + CLIQUE * cliques + room


def _p(p: float) -> str:
    return "<.001" if p < 0.0005 else f"{p:.3f}"[1:] if p < 0.9995 else "1"


def _head(metric: str) -> str:
    return metric_head(metric)


def _datasets(comparison: Comparison) -> str:
    n = comparison.n_datasets
    return "1 data set" if n == 1 else f"{n} data sets"
