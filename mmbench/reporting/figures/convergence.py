"""Training by epoch: the loss and, beside it, ACC, with the phases of the schedule."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Curve, Details, over_seeds
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import representatives

_COLOUR, _MARKER, _ = style.KINDS["oracle"]
_LAST: dict[str, Any] = {"ls": "", "marker": "s", "ms": 5, "color": "black"}
_BEST: dict[str, Any] = {"ls": "", "marker": _MARKER, "mfc": "none", "mec": _COLOUR}


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return convergence-{dataset}: a pair of panels for each method trained over epochs.

    A method is drawn where it logged a loss, or stored checkpoints, at two epochs or more.
    """
    scores, details = report.by_name[key], report.details_of(key)
    title = f"{scores.dataset.title}: training by epoch"
    trained = [
        m
        for m in representatives(report.spec)
        if any(c.shape[1] > 1 for term in ("loss", "") for c in details.logged(m.name, term))
    ]
    if not trained:
        return style.empty(title, "No method that ended ok here is trained over epochs.")
    drawn, omitted = style.first(trained, "methods with epochs", style.MAX_PANELS // 2)
    figure, grid = style.panels(title, 2 * len(drawn), 4, (2.7, 2.1))
    for method, loss_axes, acc_axes in zip(drawn, grid[::2], grid[1::2], strict=True):
        losses, acc = details.logged(method.name, "loss"), details.logged(method.name)
        _draw_loss(loss_axes, losses)
        _draw_acc(acc_axes, acc, scores.values(method.name, "acc"))
        if losses and acc:
            acc_axes.set_xlim(loss_axes.get_xlim())
        loss_axes.set_title(style.wrapped(method.printed))
        for axes in (loss_axes, acc_axes):
            epoch_axis(axes, details, method.name)
    handles = [
        style.handle("loss", color="C0"),
        style.handle("ACC", color="C2", marker="."),
        Patch(color="#BBBBBB", label="range over seeds"),
        style.handle("scored result", **_LAST),
        style.handle("best epoch of a seed (oracle)", **_BEST),
    ]
    style.legend(figure, handles, 5)
    return style.Drawing(figure, title, (omitted,))


def epoch_axis(axes: Axes, details: Details, method: str) -> None:
    """Label the axis of epochs, and draw a dotted line where a phase of the schedule begins."""
    axes.set_xlabel("epoch")
    for bound in phases(details, method):
        axes.axvline(bound - 0.5, color="#999999", lw=0.8, ls=":")


def phases(details: Details, method: str) -> list[int]:
    """Return the epochs at which another phase of the schedule begins.

    A phase shows in the log: a term that is logged at every epoch of a stretch begins and ends
    with a phase.
    """
    bounds: set[int] = set()
    for term in details.terms(method):
        at = np.unique(np.concatenate([curve[0] for curve in details.logged(method, term)]))
        if len(at) > 1 and len(at) == at[-1] - at[0] + 1:
            bounds |= {int(at[0]), int(at[-1]) + 1}
    return sorted(bounds)[1:-1]


def draw_range(axes: Axes, curves: list[Curve], color: str, **line: Any) -> None:
    """Draw the mean over seeds and, as a band, their range."""
    epochs, values = over_seeds(curves)
    if not len(epochs):
        return
    axes.plot(epochs, np.nanmean(values, axis=0), color=color, **line)
    if len(values) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        axes.fill_between(epochs, low, high, color=color, alpha=0.25, lw=0)


def scale(axes: Axes, curves: list[Curve]) -> None:
    """Make the values logarithmic where they are positive and span two orders of magnitude."""
    _, values = over_seeds(curves)
    if values.size and np.nanmin(values) > 0 and np.nanmax(values) > 100 * np.nanmin(values):
        axes.set_yscale("log")
        style.plain_numbers(axes.yaxis)
    axes.grid(visible=True, axis="y")


def _draw_loss(axes: Axes, curves: list[Curve]) -> None:
    axes.set_ylabel("loss")
    if curves:
        draw_range(axes, curves, "C0")
        scale(axes, curves)
    else:
        style.remark(axes, "no loss logged")


def _draw_acc(axes: Axes, curves: list[Curve], last: NDArray[np.float64]) -> None:
    axes.set_ylabel("ACC")
    style.unit_axis(axes)
    if not curves:
        style.remark(axes, "no checkpoints stored")
        return
    draw_range(axes, curves, "C2", marker=".", ms=3.5)
    best = np.array([curve[:, curve[1].argmax()] for curve in curves])
    axes.plot(*best.T, **_BEST, ms=5, zorder=3)
    if len(last):
        end = max(float(curve[0].max()) for curve in curves)
        axes.plot([end], [last.mean()], **_LAST, zorder=4, clip_on=False)
