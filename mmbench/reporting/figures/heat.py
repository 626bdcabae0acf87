"""A matrix as coloured cells with their values, ordered in lightness for grey prints."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Normalize
from numpy.typing import NDArray

from mmbench.reporting.figures.style import wrapped

MAX_NUMBERED = 14  # rows or columns; more cells would have no room for a number


def heat(
    axes: Axes,
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    write: Callable[[float], str],
    *,
    norm: Normalize | BoundaryNorm,
    colours: str = "Blues",
    size: float = 7,
    max_side: int = MAX_NUMBERED,
) -> None:
    """Draw a matrix (n_rows, n_columns), the first row at the top; NaN is a blank cell.

    `write` returns a value as its cell shows it, at a size in points. A matrix with more than
    `max_side` rows or columns has no numbers in its cells.
    """
    known = np.ma.masked_invalid(values)
    width = 0.5 if max(values.shape) <= 40 else 0
    axes.pcolormesh(known, cmap=colours, norm=norm, edgecolors="white", linewidth=width)
    if max(values.shape) <= max_side:
        colour_map = matplotlib.colormaps[colours]
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = colour_map(norm(value))
                is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                colour = "white" if is_dark else "black"
                text = write(value)
                axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", size=size, color=colour)
    _ticks(axes, rows, columns)
    axes.grid(visible=False)
    axes.set_ylim(len(values), 0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name rows and columns; the names of columns are rotated where they are long or many."""
    size, lines = (5, 1) if max(len(rows), len(columns)) > 20 else (7, 2)
    is_long = max(map(len, columns), default=0) * len(columns) > 48
    tilt: Any = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if is_long else {}
    for axis, names, style in ((axes.yaxis, rows, {}), (axes.xaxis, columns, tilt)):
        texts = [wrapped(name, 26, lines) for name in names]
        axis.set_ticks(np.arange(len(names)) + 0.5, texts, fontsize=size, **style)
