"""Seconds of a seed against the score, with the methods that no other beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.labels import metric_head
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

# places of a number relative to its mark, in points: above it if possible
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


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return the figure of cost: a panel for each data set on which a run ended ok."""
    head = metric_head(report.spec.metrics[0])
    title = f"Cost against {head}"
    found = [(d.dataset, points) for d in report.datasets if (points := points_of(report.spec, d))]
    if not found:
        return style.empty(title, "No run that ended ok has both a score and a time.")
    drawn, omitted = style.first(found, "data sets")
    methods = dict(sorted((p.number, p.method) for _, points in drawn for p in points))
    lines = -(-(len(methods) + len(style.KINDS)) // 3)
    columns, height = (2, 3.1) if len(drawn) <= 4 else (3, 2.5)
    figure, grid = style.panels(title, len(drawn), columns, (3.1, height), 0.7 + 0.18 * lines)
    figure.set_figwidth(9.3)
    for axes, (dataset, points) in zip(grid, drawn, strict=True):
        _draw_points(axes, points)
        axes.set_title(style.wrapped(dataset.title, 60, 1))
        axes.set_xlabel("seconds per seed")
        axes.set_ylabel(head)
    handles = [
        *style.kind_handles({m.fidelity for m in methods.values()}, ls="", ms=7),
        style.handle("front: no method is both faster and better", color="black", ls="--", lw=1),
    ]
    handles += [
        style.handle(f"{n}  {style.wrapped(m.printed, 36, 1)}", ls="") for n, m in methods.items()
    ]
    style.legend(figure, handles, 3, handlelength=1.6)
    figure.draw_without_rendering()  # only then are the distances between marks known
    for axes, (_, points) in zip(grid, drawn, strict=True):
        _number_points(axes, points)
    return style.Drawing(figure, title, (omitted,))


def points_of(spec: ReportSpec, scores: DatasetScores) -> list[Point]:
    """Return the methods that have a score and a time, numbered as in the report, from 1."""
    found = []
    for number, method in enumerate(representatives(spec), start=1):
        records = scores.ok_records(method.name)
        seconds = [float(r["seconds_total"]) for r in records if r.get("seconds_total")]
        values = scores.values(method.name, spec.metrics[0])
        if len(values) and seconds and np.mean(seconds) > 0:
            found.append(Point(number, method, float(np.mean(seconds)), float(values.mean())))
    return found


def pareto(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other dominates, fastest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.seconds, -p.score)):
        if not front or point.score > front[-1].score:
            front.append(point)
    return front


def _draw_points(axes: Axes, points: Sequence[Point]) -> None:
    axes.set_xscale("log")
    style.plain_numbers(axes.xaxis)
    front = _places(pareto(points))
    axes.plot(*front.T, color="black", ls="--", lw=1, zorder=1)
    for point in points:
        colour, marker, _ = style.KINDS[point.method.fidelity]
        axes.plot([point.seconds], [point.score], marker, color=colour, ms=6, mec="white", mew=0.5)
    axes.margins(0.1)
    axes.grid(visible=True, axis="both")


def _places(points: Sequence[Point]) -> NDArray[np.float64]:
    return np.array([(p.seconds, p.score) for p in points])


def _number_points(axes: Axes, points: Sequence[Point]) -> None:
    """Write the number of each point where it covers nothing."""
    at, line = (
        axes.transData.transform(_places(some)) * 72 / axes.figure.dpi
        for some in (points, pareto(points))
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
    """Return (n, 2), the place of the number of each mark relative to it: the first free one.

    Where no place is free, it is the one with the most room.

    Args:
        at: (n, 2), the marks, in points.
        line: (m, 2), the corners of a line that numbers should not cover; one corner is no line.
    """
    chosen = np.empty((len(at), 2))
    for i, mark in enumerate(at):
        places = mark + PLACES
        obstacles = np.concatenate([np.delete(at, i, axis=0), at[:i] + chosen[:i]])
        distances = np.linalg.norm(places[:, None] - obstacles, axis=2)
        lack = np.clip(ROOM - distances, 0, None).sum(axis=1)
        for a, b in pairwise(line):
            lack += np.clip(LINE_ROOM - _distance(places, a, b), 0, None)
        chosen[i] = PLACES[lack.argmin()]
    return chosen


def _distance(
    points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,), the distance of each of (n, 2) points to the segment from a to b."""
    squared = float((b - a) @ (b - a)) or 1.0  # both ends may be one point
    along = np.clip((points - a) @ (b - a) / squared, 0, 1)
    return np.asarray(np.linalg.norm(points - a - along[:, None] * (b - a), axis=1))
