"""The claim of CMMC on its two levels: z keeps each view apart while h holds what views share.

The similarity of views is their linear centred kernel alignment (CKA), logged before and after
the joint phase, which should increase it for h and leave it for z.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Details
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import representatives

COLUMNS = 4
LEVELS = {"h": "h, high-level", "z": "z, low-level"}
TITLE = "Similarity of the views (CKA) before and after the joint phase"


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return claim-cmmc: a panel for each data set and method that logged the similarity."""
    found = [
        (scores.dataset, method)
        for method in representatives(report.spec)  # all data sets before the variants of a method
        for scores in report.datasets
        if report.details_of(scores.name).logged(method.name, "cka_h_after")
    ]
    if not found:
        reason = "No run that ended ok logged the similarity of views in z and in h."
        return style.empty(TITLE, reason)
    drawn, omitted = style.first(found, "pairs of a method and a data set")
    figure, grid = style.panels(TITLE, len(drawn), COLUMNS, (2.5, 2.4))
    width = int(12 * figure.get_figwidth() / min(len(drawn), COLUMNS))  # letters over a panel
    for axes, (dataset, method) in zip(grid, drawn, strict=True):
        _draw_levels(axes, report.details_of(dataset.name), method.name)
        names = (dataset.title, method.printed)
        axes.set_title("\n".join(style.wrapped(name, width) for name in names))
    grid[0].set_ylabel("CKA between views")
    style.legend(figure, grid[0].get_legend_handles_labels()[0], 2)
    return style.Drawing(figure, TITLE, (omitted,))


def _draw_levels(axes: Axes, details: Details, method: str) -> None:
    means_by_level = []
    for i, (level, label) in enumerate(LEVELS.items()):
        before, after = (
            [float(c[1, -1]) for c in details.logged(method, f"cka_{level}_{when}")]
            for when in ("before", "after")
        )
        line = style.look(i)
        for pair in zip(before, after, strict=False):
            axes.plot([0, 1], pair, **line | {"marker": ""}, lw=0.8, alpha=0.6)
        means = [float(np.mean(x)) if x else np.nan for x in (before, after)]
        axes.plot([0, 1], means, **line, label=label)
        means_by_level.append(means)
    for x, means_at_x in enumerate(zip(*means_by_level, strict=True)):
        _write_means(axes, x, means_at_x)
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_xlim(-0.45, 1.45)
    axes.set_ylim(-0.03, 1.05)
    axes.grid(visible=True, axis="y")


def _write_means(axes: Axes, x: int, means: Sequence[float]) -> None:
    """Write the mean of each level beside its mark, in its colour, the higher one above."""
    for place, i in enumerate(np.argsort(means, kind="stable")):
        axes.annotate(
            f"{means[i]:.2f}",
            (x, means[i]),
            xytext=(6 if x else -6, 5 if place else -5),
            textcoords="offset points",
            color=style.look(int(i))["color"],
            ha="left" if x else "right",
            va="center",
            fontsize=7.5,
        )
