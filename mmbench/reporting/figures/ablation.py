"""The effect of each part of a method: its variants beside it, with the difference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import ablations
from mmbench.reporting.formatting import format_gain, format_score
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec

MAX_VARIANTS = 15
BAR_INCHES = 0.34
COLUMNS = 3
_VARIANT: dict[str, Any] = {"facecolor": "#9FC5E0", "edgecolor": "#37607A", "hatch": "///"}


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return ablation-{method}: a panel for each data set with a bar for each variant."""
    base = next(m for m in report.spec.methods if m.name == key)
    metric = report.spec.metrics[0]
    head = metric_head(metric)
    title = f"{base.printed} and its variants: {head}"
    members, omitted_rows = style.first(ablations(report.spec)[key], "variants", MAX_VARIANTS)
    rows = [base, *members]
    found = [d for d in report.datasets if any(d.by_seed(m.name, metric) for m in rows)]
    if not found:
        return style.empty(title, "No run of the method or of a variant ended ok.")
    drawn, omitted = style.first(found, "data sets")
    height = 0.75 + BAR_INCHES * len(rows)
    figure, grid = style.panels(title, len(drawn), COLUMNS, (3.6, height), extra=0.4)
    for i, (axes, scores) in enumerate(zip(grid, drawn, strict=True)):
        _draw_bars(axes, scores, rows, metric)
        names = [style.wrapped(m.printed, 30, 1) for m in rows] if i % COLUMNS == 0 else []
        axes.set_yticks(range(len(rows)) if names else [], names)
        axes.set_xlabel(head)
        axes.set_title(style.wrapped(scores.dataset.title, 44, 1))
    return style.Drawing(figure, title, (omitted_rows, omitted))


def _draw_bars(axes: Axes, scores: DatasetScores, rows: Sequence[MethodSpec], metric: str) -> None:
    base = scores.by_seed(rows[0].name, metric)
    for y, method in enumerate(rows):
        by_seed = scores.by_seed(method.name, metric)
        if not by_seed:
            axes.text(
                0.01, y, "no score", va="center", color=style.GREY, style="italic", fontsize=8
            )
            continue
        mean, sd = style.mean_sd(np.array(list(by_seed.values())))
        look = _VARIANT if y else {"facecolor": "C0", "edgecolor": "C0"}
        axes.barh(y, mean, 0.62, xerr=sd, lw=0.6, error_kw={"lw": 1, "capsize": 2}, **look)
        text = format_score(mean)
        both = sorted(set(base) & set(by_seed))
        if y and both:
            text += f" ({format_gain(float(np.mean([by_seed[s] - base[s] for s in both])))})"
        axes.text(max(mean + sd, 0) + 0.02, y, text, va="center", fontsize=7.5)
    axes.set_xlim(0, 1.45)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylim(len(rows) - 0.4, -0.6)
