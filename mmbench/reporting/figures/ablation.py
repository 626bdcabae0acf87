"""What each part of a method is worth: its variants beside it, with the difference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mmbench.reporting.figures.style import (
    QUIET,
    explained,
    first,
    look,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import ablations, by_seed
from mmbench.reporting.formatting import format_gain, format_score
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

MAX_VARIANTS = 15
BAR_INCHES = 0.34


@styled()
def write_ablations(
    spec: ReportSpec, stored: Sequence[DatasetScores], folder: Path
) -> dict[str, str]:
    """Write ablation-{method} for each entry of which the report has variants."""
    captions = {}
    for name, members in ablations(spec).items():
        base = next(m for m in spec.methods if m.name == name)
        captions[f"ablation-{name}"] = _write(
            spec, stored, base, members, folder / f"ablation-{name}"
        )
    return captions


def _write(
    spec: ReportSpec,
    stored: Sequence[DatasetScores],
    base: MethodSpec,
    members: Sequence[MethodSpec],
    path: Path,
) -> str:
    """Draw a panel for each data set; return the caption."""
    metric = spec.metrics[0]
    head = metric_head(metric)
    title = f"{base.printed} and its variants: {head}"
    members, rest_of_rows = first(members, "variants", MAX_VARIANTS)
    rows = [base, *members]
    with_scores = [one for one in stored if any(by_seed(one, m.name, metric) for m in rows)]
    if not with_scores:
        reason = "No run of the method or of a variant ended ok."
        save(explained(title, reason), path)
        return f"{title}. {reason}"
    shown, rest = first(with_scores, "data sets")
    height = 0.75 + BAR_INCHES * len(rows)
    figure, grid = panels(len(shown), columns=3, width=3.6, height=height, extra=0.4)
    for i, (axes, one) in enumerate(zip(grid, shown, strict=True)):
        _draw(axes, one, rows, metric)
        names = [wrapped(m.printed, 30, 1) for m in rows] if i % 3 == 0 else []
        axes.set_yticks(range(len(rows)) if names else [], names)
        axes.set_xlabel(head)
        axes.set_title(wrapped(one.dataset.title, 44, 1), loc="left")
    figure.suptitle(title)
    save(figure, path)
    return (
        f"{title}: mean over seeds with its standard deviation; the figure in a row is the mean"
        " difference to the entry itself, over the seeds that both ended ok. Few seeds and one"
        f" data set are no proof that a part helps.{rest_of_rows}{rest}"
    )


def _draw(axes: Axes, stored: DatasetScores, rows: Sequence[MethodSpec], metric: str) -> None:
    base = by_seed(stored, rows[0].name, metric)
    for y, method in enumerate(rows):
        scores = by_seed(stored, method.name, metric)
        style = look(min(y, 1))
        if not scores:
            axes.text(0.01, y, "no score", va="center", color=QUIET, style="italic", fontsize=8)
            continue
        values = np.array(list(scores.values()))
        sd = values.std(ddof=1) if len(values) > 1 else 0.0
        axes.barh(
            y,
            values.mean(),
            height=0.62,
            xerr=sd,
            facecolor="#9FC5E0" if y else style.colour,
            hatch=style.hatch,
            edgecolor="#37607A" if y else style.colour,
            linewidth=0.6,
            error_kw={"lw": 1, "capsize": 2},
        )
        text = format_score(values.mean())
        both = sorted(set(base) & set(scores))
        if y and both:
            text += f" ({format_gain(float(np.mean([scores[s] - base[s] for s in both])))})"
        axes.text(max(values.mean() + sd, 0) + 0.02, y, text, va="center", fontsize=7.5)
    axes.set_xlim(0, 1.45)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylim(len(rows) - 0.4, -0.6)
