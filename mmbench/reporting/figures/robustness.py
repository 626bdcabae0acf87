"""Curves of scores on data that are spoilt by degrees."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from mmbench.reporting.figures.names import ROBUSTNESS
from mmbench.reporting.figures.style import (
    MAX_PANELS,
    explained,
    first,
    look,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.leaderboard import HEADS
from mmbench.reporting.robustness import curve, sweeps
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import Stored

MAX_LINES = 10  # markers that can be told apart


@styled()
def write_robustness_figure(
    spec: ReportSpec, stored: Sequence[Stored], folder: Path
) -> dict[str, str]:
    """Write robustness.pdf and .png: a panel for each sweep, a line for each method."""
    metric = spec.metrics[0]
    head = HEADS.get(metric, metric.replace("_", " "))
    title = f"{head} on data that are spoilt by degrees"
    found = sweeps(spec)
    # controls know nothing that could be spoilt
    methods = [m for m in representatives(spec) if m.fidelity != "control"]
    drawn = [m for m in methods if any(any(curve(sweep, stored, m, metric)) for sweep in found)]
    if not drawn:
        reason = "No run that ended ok is on data that are spoilt by degrees."
        save(explained(title, reason), folder / ROBUSTNESS)
        return {ROBUSTNESS: f"{title}. {reason}"}
    shown, rest = first(found, "sweeps", MAX_PANELS)
    lines, rest_of_lines = first(drawn, "methods", MAX_LINES)
    figure, grid = panels(
        len(shown), columns=3, width=3.4, height=2.8, extra=0.8 + 0.17 * -(-len(lines) // 3)
    )
    for axes, sweep in zip(grid, shown, strict=True):
        for i, method in enumerate(lines):
            scores = curve(sweep, stored, method, metric)
            known = [(r, list(s.values())) for r, s in zip(sweep.rates, scores, strict=True) if s]
            if not known:
                continue
            rates = np.array([rate for rate, _ in known])
            mean = np.array([np.mean(values) for _, values in known])
            sd = np.array([np.std(v, ddof=1) if len(v) > 1 else 0.0 for _, v in known])
            style = look(i)
            axes.errorbar(
                rates,
                mean,
                sd,
                color=style.colour,
                marker=style.marker,
                ls=style.dash,
                ms=4.5,
                elinewidth=1,
                capsize=2,
            )
        axes.set_xlabel(sweep.label)
        axes.set_ylabel(head)
        axes.set_xticks(sweep.rates, [f"{rate:g}" for rate in sweep.rates])
        axes.set_ylim(-0.02, 1.02)
        axes.grid(visible=True, axis="y")
        axes.set_title(wrapped(sweep.title, 44), loc="left")
    handles = [
        Line2D(
            [],
            [],
            color=look(i).colour,
            marker=look(i).marker,
            ls=look(i).dash,
            ms=4.5,
            label=wrapped(m.printed, 40, 1),
        )
        for i, m in enumerate(lines)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=3)
    figure.suptitle(title)
    save(figure, folder / ROBUSTNESS)
    caption = (
        f"{title}: mean over seeds with its standard deviation. A method that holds has a flat"
        " line; where it is compared with a variant of itself, the gap between both lines says"
        " what the part left out is worth. Controls are not drawn; all methods, and the area"
        f" under each curve, are in the table of robustness.{rest}{rest_of_lines}"
    )
    return {ROBUSTNESS: caption}
