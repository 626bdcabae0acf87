"""What CMMC claims of its two levels: z keeps each view apart while h is what views share.

The similarity of views is their linear centred kernel alignment (CKA), logged before and
after the joint phase, the phase that should make h alike and leave z alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mmbench.reporting.details import Details
from mmbench.reporting.figures.names import SHARED
from mmbench.reporting.figures.style import explained, first, look, panels, save, styled, wrapped
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec

COLUMNS = 4
LEVELS = {"h": "h, high-level", "z": "z, low-level"}
TITLE = "Similarity of the views (CKA) before and after the joint phase"


@styled()
def write_shared(
    spec: ReportSpec, stored: Sequence[DatasetScores], details: Mapping[str, Details], folder: Path
) -> dict[str, str]:
    """Write claim-cmmc: a panel for each data set and method that logged the similarity."""
    found = [
        (one, method)
        for method in representatives(spec)  # all data sets before the variants of a method
        for one in stored
        if one.dataset.name in details
        and details[one.dataset.name].logged(method.name, "cka_h_after")
    ]
    if not found:
        reason = "No run that ended ok logged the similarity of views in z and in h."
        save(explained(TITLE, reason), folder / SHARED)
        return {SHARED: f"{TITLE}. {reason}"}
    shown, rest = first(found, "pairs of a method and a data set")
    figure, grid = panels(len(shown), columns=COLUMNS, width=2.5, height=2.4)
    width = int(12 * figure.get_figwidth() / min(len(shown), COLUMNS))  # letters over a panel
    for axes, (one, method) in zip(grid, shown, strict=True):
        arrays = details[one.dataset.name]
        by_level: list[list[float]] = []
        for i, (level, label) in enumerate(LEVELS.items()):
            before, after = (
                [float(c[1, -1]) for c in arrays.logged(method.name, f"cka_{level}_{when}")]
                for when in ("before", "after")
            )
            style = look(i)
            for pair in zip(before, after, strict=False):
                axes.plot([0, 1], pair, color=style.colour, ls=style.dash, lw=0.8, alpha=0.6)
            means = [float(np.mean(x)) if x else np.nan for x in (before, after)]
            axes.plot(
                [0, 1], means, style.dash, color=style.colour, marker=style.marker, label=label
            )
            by_level.append(means)
        for x, means_at in enumerate(zip(*by_level, strict=True)):
            _write_means(axes, x, means_at)
        axes.set_xticks([0, 1], ["before", "after"])
        axes.set_xlim(-0.45, 1.45)
        axes.set_ylim(-0.03, 1.05)
        axes.grid(visible=True, axis="y")
        axes.set_title(
            f"{wrapped(one.dataset.title, width)}\n{wrapped(method.printed, width)}", loc="left"
        )
    grid[0].set_ylabel("CKA between views")
    handles, _ = grid[0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(TITLE)
    save(figure, folder / SHARED)
    caption = (
        "How alike the views of a sample are, before and after the joint phase: 1 where one is"
        " a rotation of the other, near 0 where they share nothing. The paper claims that the"
        " high-level h comes to hold what views share while the low-level z keeps their"
        f" diversity: h should rise above z. Thin lines are seeds.{rest}"
    )
    return {SHARED: caption}


def _write_means(axes: Axes, x: int, means: Sequence[float]) -> None:
    """Write the mean of each level beside its mark, in its colour, the higher one above."""
    order = np.argsort(means, kind="stable")
    for place, i in enumerate(order):
        axes.annotate(
            f"{means[i]:.2f}",
            (x, means[i]),
            xytext=(6 if x else -6, 5 if place else -5),
            textcoords="offset points",
            color=look(int(i)).colour,
            ha="left" if x else "right",
            va="center",
            fontsize=7.5,
        )
