"""What all figures share: one style, looks that a grey print keeps apart, the same bytes always.

Figures are drawn without a display. Names are shown as they are: the style turns the
mathematics of matplotlib off, so that $, _ and ^ mean nothing.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmbench.files import replacing

T = TypeVar("T")

MAX_PANELS = 12
MIN_INCHES = 7.5  # of width: the narrowest figure still has room for its title
# what stands behind a row: colour and shape say it twice
KINDS: dict[str, tuple[str, str, str]] = {
    "reference": ("C0", "o", "reference"),
    "reconstruction": ("C1", "s", "reconstruction"),
    "baseline": ("C2", "D", "baseline"),
    "control": ("#555555", "v", "control"),
    "oracle": ("C3", "X", "oracle, chosen by label"),
}
QUIET = "#666666"
MARKERS = "osD^vPX*<>"
_COLOURS = 7  # of the style
_DASHES = ("-", "--", "-.", ":")
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")


@dataclass(frozen=True)
class Look:
    """How one line or bar looks; the first seven differ in everything but the dashes."""

    colour: str
    marker: str
    dash: str
    hatch: str


def look(i: int) -> Look:
    """Return the look of number i, counted from 0."""
    return Look(
        f"C{i % _COLOURS}",
        MARKERS[i % len(MARKERS)],
        _DASHES[i % len(_DASHES)],
        _HATCHES[i % len(_HATCHES)],
    )


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
    unsaid: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    for extension, metadata in unsaid.items():
        with replacing(path.with_name(f"{path.name}.{extension}")) as temporary:
            figure.savefig(temporary, format=extension, metadata=metadata)
        figure.set_layout_engine("none")  # the second file keeps the layout of the first


def explained(title: str, reason: str) -> Figure:
    """Return a figure that says why there is none."""
    figure = Figure(figsize=(9.3, 1.8), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    text = "\n".join(textwrap.wrap(reason, 110, max_lines=4, placeholder=" …"))
    axes.text(0.5, 0.5, text, ha="center", va="center", color=QUIET, style="italic")
    figure.suptitle(title)
    return figure


def panels(
    n: int, *, columns: int, width: float, height: float, extra: float = 0.9
) -> tuple[Figure, list[Axes]]:
    """Return a figure and n equal panels, row by row.

    Args:
        n: at least one.
        columns: at most so many beside each other.
        width: of a panel, in inches.
        height: of a panel, in inches.
        extra: height for the title and the legend, in inches.
    """
    columns = min(n, columns)
    rows = math.ceil(n / columns)
    size = (max(MIN_INCHES, width * columns), height * rows + extra)
    figure = Figure(figsize=size, layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in grid[n:]:
        unused.set_axis_off()
    return figure, grid[:n]


def first(items: Sequence[T], noun: str, limit: int = MAX_PANELS) -> tuple[Sequence[T], str]:
    """Return the first items, and a sentence on those left out, or none."""
    if len(items) <= limit:
        return items, ""
    return items[:limit], f" Shown are the first {limit} of {len(items)} {noun}, in their order."


def wrapped(text: str, width: int = 26, lines: int = 2) -> str:
    """Return a name on a few short lines."""
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))
