"""What a score costs: seconds of a seed against the score, and which methods none beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from mmbench.reporting.figures.names import COST
from mmbench.reporting.figures.style import (
    KINDS,
    MAX_PANELS,
    explained,
    first,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

# where a number may stand, from its mark: above if it can be, in points
_AROUND = np.array([(0, 9), (9, 0), (-9, 0), (0, -9), (8, 7), (-8, 7), (8, -7), (-8, -7)])
PLACES = np.concatenate([_AROUND, 1.6 * _AROUND]).astype(np.float64)
ROOM = 9.0  # points from a number to another one, or to another mark
LINE_ROOM = 6.0  # points from a number to the front


@dataclass(frozen=True)
class Point:
    """A method on a data set: means over the seeds that ended ok."""

    number: int
    method: MethodSpec
    seconds: float
    score: float


@styled()
def write_cost_figure(
    spec: ReportSpec, stored: Sequence[DatasetScores], folder: Path
) -> dict[str, str]:
    """Write cost.pdf and .png: a panel for each data set on which something ended ok."""
    metric = spec.metrics[0]
    head = metric_head(metric)
    title = f"Cost against {head}"
    found = [(one, of_one) for one in stored if (of_one := points(spec, one))]
    if not found:
        reason = "No run that ended ok has both a score and a time."
        save(explained(title, reason), folder / COST)
        return {COST: f"{title}. {reason}"}
    shown, rest = first(found, "data sets", MAX_PANELS)
    used = sorted({p.number for _, of_one in shown for p in of_one})
    lines = -(-(len(used) + len(KINDS)) // 3)
    columns, height = (2, 3.1) if len(shown) <= 4 else (3, 2.5)
    figure, grid = panels(
        len(shown), columns=columns, width=3.1, height=height, extra=0.7 + 0.18 * lines
    )
    figure.set_figwidth(9.3)
    for axes, (one, of_one) in zip(grid, shown, strict=True):
        _draw(axes, of_one)
        axes.set_title(wrapped(one.dataset.title, 60, 1), loc="left")
        axes.set_xlabel("seconds per seed")
        axes.set_ylabel(head)
    names = {p.number: p.method.printed for _, of_one in shown for p in of_one}
    numbers = [Line2D([], [], ls="", label=f"{n}  {wrapped(names[n], 36, 1)}") for n in used]
    kinds = [k for k in KINDS if any(p.method.fidelity == k for _, o in shown for p in o)]
    looks = [
        Line2D([], [], ls="", marker=KINDS[k][1], ms=7, color=KINDS[k][0], label=KINDS[k][2])
        for k in kinds
    ]
    front = Line2D([], [], color="black", ls="--", lw=1, label="front: none is better and faster")
    handles = [*looks, front, *numbers]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1.6)
    figure.suptitle(title)
    figure.draw_without_rendering()  # only now it is known how far marks are apart
    for axes, (_, of_one) in zip(grid, shown, strict=True):
        _number(axes, of_one)
    save(figure, folder / COST)
    caption = (
        f"{title}: mean seconds of a seed, logarithmic, and mean {head}. Methods on the dashed"
        " front are beaten by none in both. Compare only what ran on the same machine; seconds"
        f" are those of the cost table.{rest}"
    )
    return {COST: caption}


def points(spec: ReportSpec, stored: DatasetScores) -> list[Point]:
    """Return the methods that have a score and a time, numbered as in the report, from 1."""
    found = []
    for i, method in enumerate(representatives(spec)):
        records = stored.records.get(method.name, {}).values()
        seconds = [
            float(r["seconds_total"])
            for r in records
            if r["status"] == "ok" and r.get("seconds_total")
        ]
        scores = stored.values(method.name, spec.metrics[0])
        if len(scores) and seconds and np.mean(seconds) > 0:
            found.append(Point(i + 1, method, float(np.mean(seconds)), float(scores.mean())))
    return found


def pareto(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in one thing and equals in the other, fastest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.seconds, -p.score)):
        if not front or point.score > front[-1].score:
            front.append(point)
    return front


def _draw(axes: Axes, points: Sequence[Point]) -> None:
    axes.set_xscale("log")
    # the formatter of matplotlib writes powers in mathematics, which the style turns off
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.xaxis.set_minor_formatter(lambda _x, _: "")
    front = pareto(points)
    axes.plot(
        [p.seconds for p in front], [p.score for p in front], color="black", ls="--", lw=1, zorder=1
    )
    for point in points:
        colour, marker, _ = KINDS[point.method.fidelity]
        axes.plot([point.seconds], [point.score], marker, color=colour, ms=6, mec="white", mew=0.5)
    axes.margins(0.1)
    axes.grid(visible=True, axis="both")


def _number(axes: Axes, points: Sequence[Point]) -> None:
    """Write the number of each point where it hides nothing."""
    front = pareto(points)
    at, line = (
        axes.transData.transform([(p.seconds, p.score) for p in some]) * 72 / axes.figure.dpi
        for some in (points, front)
    )
    for point, offset in zip(points, offsets(at, line), strict=True):
        axes.annotate(
            str(point.number),
            (point.seconds, point.score),
            xytext=tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7.5,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def offsets(at: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2), where the number of each mark stands from it: the first free place.

    Args:
        at: (n, 2), the marks, in points.
        line: (m, 2), the corners of a line that numbers should not cover; one is none.

    Where no place is free, it is the one with the most room.
    """
    chosen = np.empty((len(at), 2))
    for i, mark in enumerate(at):
        places = mark + PLACES
        # what is in the way: other marks, and the numbers that stand already
        things = np.concatenate([np.delete(at, i, axis=0), at[:i] + chosen[:i]])
        apart = np.linalg.norm(places[:, None] - things, axis=2)
        lack = np.clip(ROOM - apart, 0, None).sum(axis=1)
        for a, b in pairwise(line):
            lack += np.clip(LINE_ROOM - _distance(places, a, b), 0, None)
        chosen[i] = PLACES[lack.argmin()]
    return chosen


def _distance(
    points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,), the distance of each of (n, 2) points to the stretch from a to b."""
    squared = float((b - a) @ (b - a)) or 1.0  # both ends may be one point
    along = np.clip((points - a) @ (b - a) / squared, 0, 1)
    apart: NDArray[np.float64] = np.linalg.norm(points - a - along[:, None] * (b - a), axis=1)
    return apart
