"""What all figures share: one style, looks that differ in a grey print, the same bytes always.

Figures are drawn without a display. Names are shown as they are: the style turns matplotlib's
mathematics off, so that $, _ and ^ have no meaning.
"""

import math
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mmbench.files import replacing

T = TypeVar("T")

MAX_PANELS = 12
MIN_INCHES = 7.5  # of width: the narrowest figure still has room for its title
# colour, marker and label of each fidelity: colour and shape say it twice
KINDS: dict[str, tuple[str, str, str]] = {
    "reference": ("C0", "o", "reference"),
    "paper": ("C1", "s", "from the paper"),
    "ours": ("C4", "^", "ours"),
    "baseline": ("C2", "D", "baseline"),
    "control": ("#555555", "v", "control"),
    "oracle": ("C3", "X", "oracle, chosen by label"),
}
GREY = "#666666"
MARKERS = "osD^vPX*<>"
_COLOURS = 7  # of the style
_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, not yet saved.

    Attributes:
        figure: complete with its title.
        title: the first sentence of its caption.
        notes: sentences of its caption that hold for this figure alone, some maybe empty.
        is_empty: whether it only says why there is nothing to draw.
    """

    figure: Figure
    title: str
    notes: tuple[str, ...] = ()
    is_empty: bool = False


def look(i: int) -> dict[str, Any]:
    """Return the look of line number i, counted from 0; the first seven differ in all of it."""
    return {
        "color": f"C{i % _COLOURS}",
        "marker": MARKERS[i % len(MARKERS)],
        "ls": _DASHES[i % len(_DASHES)],
    }


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of mmbench."""
    with (
        as_file(files("mmbench.reporting") / "style.mplstyle") as path,
        matplotlib.style.context(["default", path]),
    ):
        yield


def save(figure: Figure, path: Path) -> None:
    """Save a figure as .pdf and .png beside each other, without dates or versions inside."""
    omitted = {"pdf": ("CreationDate", "Creator", "Producer"), "png": ("Software",)}
    for extension, keys in omitted.items():
        with replacing(path.with_name(f"{path.name}.{extension}")) as temporary:
            metadata: dict[str, Any] = dict.fromkeys(keys)
            figure.savefig(temporary, format=extension, metadata=metadata)
        figure.set_layout_engine("none")  # the second file keeps the layout of the first


def empty(title: str, reason: str, *, heading: str = "") -> Drawing:
    """Return a figure that says why there is nothing to draw, under its title or a heading."""
    figure = new_figure(heading or title, 9.3, 1.8)
    axes = figure.subplots()
    axes.set_axis_off()
    text = "\n".join(textwrap.wrap(reason, 110, max_lines=4, placeholder=" …"))
    axes.text(0.5, 0.5, text, ha="center", va="center", color=GREY, style="italic")
    return Drawing(figure, title, (reason.rstrip(".") + ".",), is_empty=True)


def new_figure(title: str, width: float, height: float) -> Figure:
    """Return a figure with a title; width and height are in inches, the width at least 7.5."""
    figure = Figure(figsize=(max(MIN_INCHES, width), height), layout="constrained")
    figure.suptitle(title)
    return figure


def panels(
    title: str, n: int, columns: int, size: tuple[float, float], extra: float = 0.9
) -> tuple[Figure, list[Axes]]:
    """Return a figure and n panels, row by row, with at most so many columns.

    `size` is that of a panel, and `extra` the height of title and legend, all in inches.
    """
    columns = min(n, columns)
    rows = math.ceil(n / columns)
    figure = new_figure(title, size[0] * columns, size[1] * rows + extra)
    return figure, grid(figure, rows, columns, n)


def grid(figure: Figure | SubFigure, rows: int, columns: int, n: int) -> list[Axes]:
    """Return n panels, row by row; the others of the rows stay empty."""
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[n:]:
        unused.set_axis_off()
    return axes[:n]


def legend(
    figure: Figure | SubFigure, handles: Sequence[Artist], columns: int, **style: Any
) -> None:
    """Draw a legend below all panels."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, **style)


def handle(label: str, **style: Any) -> Line2D:
    """Return the entry of a legend for a line or a mark."""
    return Line2D([], [], label=label, **style)


def kind_handles(kinds: Collection[str], **style: Any) -> list[Line2D]:
    """Return the entries of a legend for kinds of rows, in the order of `KINDS`."""
    return [
        handle(label, color=colour, marker=marker, **style)
        for kind, (colour, marker, label) in KINDS.items()
        if kind in kinds
    ]


def unit_axis(axes: Axes) -> None:
    """Let the vertical axis range over scores from 0 to 1."""
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, axis="y")


def plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis without powers, which need the mathematics that the style lacks."""
    axis.set_major_formatter(lambda x, _: f"{x:g}")
    axis.set_minor_formatter(lambda _x, _: "")


def remark(axes: Axes, text: str, y: float = 0.5, **style: Any) -> None:
    """Write a grey remark into a panel, at a height between 0 and 1."""
    axes.text(0.5, y, text, ha="center", color=GREY, transform=axes.transAxes, **style)


def mean_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1), which is 0 for a single value."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0


def first(items: Sequence[T], noun: str, limit: int = MAX_PANELS) -> tuple[Sequence[T], str]:
    """Return the first items, and a sentence on how many were left out, or an empty text."""
    if len(items) <= limit:
        return items, ""
    return items[:limit], f"Shown are the first {limit} of {len(items)} {noun}, in their order."


def wrapped(text: str, width: int = 26, lines: int = 2) -> str:
    """Return a name on a few short lines."""
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))
