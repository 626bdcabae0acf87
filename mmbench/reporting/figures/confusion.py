"""Classes against clusters, after clusters are matched with classes."""

import math

import numpy as np
from matplotlib.colors import Normalize

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.formatting import format_score

MAX_NAMES = 25


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return confusion-{dataset}: a panel for each method that is not a control."""
    details = report.details_of(key)
    title = f"{report.by_name[key].dataset.title}: classes against matched clusters"
    found = [
        (m, table.astype(np.float64))
        for m in representatives(report.spec)
        if m.fidelity != "control" and (table := details.confusion(m.name)) is not None
    ]
    if not found:
        return style.empty(title, "No method except the controls ended ok here.")
    drawn, omitted = style.first(found, "methods")
    classes = [style.wrapped(c, 14, 1) for c in details.classes]
    side = 2.4 if len(classes) <= 6 else 3.1
    figure, grid = style.panels(title, len(drawn), 4, (side, side), extra=0.6)
    for axes, (method, counts) in zip(grid, drawn, strict=True):
        # classes without a sample stay blank
        sizes = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, sizes, out=np.full_like(counts, np.nan), where=sizes > 0)
        n_rows, n_columns = counts.shape
        rows = classes if len(classes) == n_rows else [str(i) for i in range(n_rows)]
        # matching puts the cluster of a class in its column; unmatched clusters follow
        columns = [*rows[:n_columns], *(f"+{i + 1}" for i in range(n_columns - n_rows))]
        if max(n_rows, n_columns) > MAX_NAMES:
            rows, columns = [], []
        heat(axes, shares, rows, columns, percent, norm=Normalize(0, 1), size=6.5)
        accuracy = np.trace(counts) / counts.sum()
        axes.set_title(f"{style.wrapped(method.printed, 26, 1)}  {format_score(accuracy)}")
        axes.set_xlabel("matched cluster")
        axes.set_ylabel("class")
        axes.set_box_aspect(1)
    return style.Drawing(figure, title, (omitted,))


def percent(share: float) -> str:
    """Return a share in per cent, half a per cent rounded up.

    Formatting would round half to even, which affects every second share of a class of 200.
    """
    return f"{math.floor(100 * share + 0.5 + 1e-9)}"  # 0.145 is stored as a little less
