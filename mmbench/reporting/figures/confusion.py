"""Which classes a clustering takes for one another, after clusters are matched with classes."""

import math
from pathlib import Path

import numpy as np
from matplotlib.colors import Normalize

from mmbench.reporting.details import Details
from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.style import explained, first, panels, save, styled, wrapped
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.formatting import format_score
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec

MAX_NAMES = 25


@styled()
def write_confusion(
    spec: ReportSpec, stored: DatasetScores, details: Details, folder: Path
) -> dict[str, str]:
    """Write confusion-{dataset}: a panel for each method that is not a control."""
    name = f"confusion-{stored.dataset.name}"
    title = f"{stored.dataset.title}: classes against matched clusters"
    found = [
        (m, table.astype(np.float64))
        for m in representatives(spec)
        if m.fidelity != "control" and (table := details.confusion(m.name)) is not None
    ]
    if not found:
        reason = "No method but the controls ended ok here."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    shown, rest = first(found, "methods")
    classes = [wrapped(c, 14, 1) for c in details.classes]
    side = 2.4 if len(classes) <= 6 else 3.1
    figure, grid = panels(len(shown), columns=4, width=side, height=side, extra=0.6)
    for axes, (method, counts) in zip(grid, shown, strict=True):
        # classes without a sample stay blank
        sizes = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, sizes, out=np.full_like(counts, np.nan), where=sizes > 0)
        n_rows, n_columns = counts.shape
        rows = classes if len(classes) == n_rows else [str(i) for i in range(n_rows)]
        few = max(n_rows, n_columns) <= MAX_NAMES
        # matching puts the cluster of a class in its column; those left over follow
        columns = [*rows[:n_columns], *(f"+{i + 1}" for i in range(n_columns - n_rows))]
        heat(
            axes,
            shares,
            rows if few else [],
            columns if few else [],
            percent,
            norm=Normalize(0, 1),
            size=6.5,
        )
        accuracy = np.trace(counts) / counts.sum()
        axes.set_title(f"{wrapped(method.printed, 26, 1)}  {format_score(accuracy)}", loc="left")
        axes.set_xlabel("matched cluster")
        axes.set_ylabel("class")
        axes.set_box_aspect(1)
    figure.suptitle(title)
    save(figure, folder / name)
    caption = (
        f"{title}: of each class, a row, the percentage in each cluster, a column, after clusters"
        " are matched with classes. The figure beside a name is the ACC of this first seed, the"
        " share on the diagonal. Percentages are rounded, so a row need not add up to 100."
        f" Clusters named + are more than there are classes. Controls are left out.{rest}"
    )
    return {name: caption}


def percent(share: float) -> str:
    """Return a share in per cent, half a per cent rounded up.

    Formatting rounds half to even: of classes of 200, every second figure would be drawn to it.
    """
    return f"{math.floor(100 * share + 0.5 + 1e-9)}"  # 0.145 is stored as a little less
