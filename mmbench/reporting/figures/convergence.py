"""How training went: the loss and, beside it, ACC by epoch, with the phases of the schedule."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from mmbench.reporting.details import Curve, Details, over_seeds
from mmbench.reporting.figures.style import (
    KINDS,
    MAX_PANELS,
    QUIET,
    explained,
    first,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec

ORACLE_COLOUR, ORACLE_MARKER, _ = KINDS["oracle"]


@styled()
def write_convergence(
    spec: ReportSpec, stored: DatasetScores, details: Details, folder: Path
) -> dict[str, str]:
    """Write convergence-{dataset}; return its name with its caption.

    A method is shown where it logged a loss, or stored checkpoints, at two epochs or more.
    """
    name = f"convergence-{stored.dataset.name}"
    title = f"{stored.dataset.title}: training by epoch"
    trained = [
        m
        for m in representatives(spec)
        if _epochs(details.logged(m.name, "loss")) > 1 or _epochs(details.accuracy(m.name)) > 1
    ]
    if not trained:
        reason = "No method that ended ok here is trained over epochs."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    shown, rest = first(trained, "methods with epochs", MAX_PANELS // 2)
    figure, grid = panels(2 * len(shown), columns=4, width=2.7, height=2.1)
    for i, method in enumerate(shown):
        losses, acc = details.logged(method.name, "loss"), details.accuracy(method.name)
        last = stored.values(method.name, "acc")
        bounds = phases(details, method.name)
        _draw_loss(grid[2 * i], losses)
        _draw_acc(grid[2 * i + 1], acc, last)
        if losses and acc:
            grid[2 * i + 1].set_xlim(grid[2 * i].get_xlim())
        grid[2 * i].set_title(wrapped(method.printed), loc="left")
        for axes in grid[2 * i : 2 * i + 2]:
            axes.set_xlabel("epoch")
            for bound in bounds:
                axes.axvline(bound - 0.5, color="#999999", lw=0.8, ls=":")
    figure.suptitle(title)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=5)
    save(figure, folder / name)
    caption = (
        f"{title}: the loss, and the ACC of the checkpoints, mean and range over seeds. Dotted"
        " lines part the phases of a schedule. The last epoch, a square, is what is scored;"
        " crosses are the best epoch of each seed, chosen by label (oracle), which nobody may"
        f" claim.{rest}"
    )
    return {name: caption}


def phases(details: Details, method: str) -> list[int]:
    """Return the epochs at which another phase of the schedule begins.

    A phase is told by what is logged: each figure that is logged at every epoch of a stretch
    begins and ends with one.
    """
    stretches = []
    for term in details.terms(method):
        at = np.unique(np.concatenate([curve[0] for curve in details.logged(method, term)]))
        if len(at) > 1 and len(at) == at[-1] - at[0] + 1:
            stretches.append((int(at[0]), int(at[-1]) + 1))
    ends = {bound for stretch in stretches for bound in stretch}
    return sorted(ends - {min(ends), max(ends)}) if ends else []


def draw_range(axes: Axes, curves: list[Curve], colour: str, **line: Any) -> None:
    """Draw the mean over seeds and, as a band, their range."""
    epochs, values = over_seeds(curves)
    if not len(epochs):
        return
    axes.plot(epochs, np.nanmean(values, axis=0), color=colour, **line)
    if len(values) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        axes.fill_between(epochs, low, high, color=colour, alpha=0.25, lw=0)


def scale(axes: Axes, curves: list[Curve]) -> None:
    """Make the values logarithmic where they are positive and span two orders of magnitude."""
    _, values = over_seeds(curves)
    if values.size and np.nanmin(values) > 0 and np.nanmax(values) > 100 * np.nanmin(values):
        axes.set_yscale("log")
        # the formatter of matplotlib writes powers in mathematics, which the style turns off
        axes.yaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes.yaxis.set_minor_formatter(lambda _x, _: "")
    axes.grid(visible=True, axis="y")


def _draw_loss(axes: Axes, curves: list[Curve]) -> None:
    axes.set_ylabel("loss")
    if not curves:
        axes.text(0.5, 0.5, "no loss logged", ha="center", color=QUIET, transform=axes.transAxes)
        return
    draw_range(axes, curves, "C0")
    scale(axes, curves)


def _draw_acc(axes: Axes, curves: list[Curve], last: NDArray[np.float64]) -> None:
    axes.set_ylabel("ACC")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, axis="y")
    if not curves:
        text = "no checkpoints stored"
        axes.text(0.5, 0.5, text, ha="center", color=QUIET, transform=axes.transAxes)
        return
    draw_range(axes, curves, "C2", marker=".", ms=3.5)
    best = np.array([curve[:, curve[1].argmax()] for curve in curves])
    axes.plot(best[:, 0], best[:, 1], ORACLE_MARKER, ms=5, mfc="none", mec=ORACLE_COLOUR, zorder=3)
    if len(last):
        end = max(float(curve[0].max()) for curve in curves)
        axes.plot([end], [last.mean()], "s", ms=5, color="black", zorder=4, clip_on=False)


def _epochs(curves: list[Curve]) -> int:
    return max((curve.shape[1] for curve in curves), default=0)


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color="C0", label="loss"),
        Line2D([], [], color="C2", marker=".", label="ACC"),
        Patch(color="#BBBBBB", label="range over seeds"),
        Line2D([], [], ls="", marker="s", ms=5, color="black", label="last epoch, scored"),
        Line2D(
            [],
            [],
            ls="",
            marker=ORACLE_MARKER,
            mfc="none",
            mec=ORACLE_COLOUR,
            label="best epoch of a seed (oracle)",
        ),
    ]
