"""A matrix as coloured cells with their values: ordered in lightness, so grey tells it too."""

from collections.abc import Callable, Sequence

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
    """Draw a matrix, the first row at the top; NaN is a blank cell.

    Args:
        axes: where.
        values: (n_rows, n_columns).
        rows: the name of each row.
        columns: the name of each column.
        write: a value as its cell shows it.
        norm: from values to the range of the colours.
        colours: a colour map of matplotlib.
        size: of what is written, in points.
        max_side: a matrix with more rows or columns has nothing written into its cells.
    """
    known = np.ma.masked_invalid(values)
    width = 0.5 if max(values.shape) <= 40 else 0
    axes.pcolormesh(known, cmap=colours, norm=norm, edgecolors="white", linewidth=width)
    if max(values.shape) <= max_side:
        colour_map = matplotlib.colormaps[colours]
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = colour_map(norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                axes.text(
                    j + 0.5,
                    i + 0.5,
                    write(value),
                    ha="center",
                    va="center",
                    size=size,
                    color="white" if dark else "black",
                )
    _ticks(axes, rows, columns)
    axes.grid(visible=False)
    axes.set_ylim(len(values), 0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name rows and columns; names across lean where they are long or many."""
    many = max(len(rows), len(columns)) > 20
    size, lines = (5, 1) if many else (7, 2)
    axes.set_yticks(
        np.arange(len(rows)) + 0.5, [wrapped(r, 26, lines) for r in rows], fontsize=size
    )
    longest = max(map(len, columns), default=0)
    lean = longest * len(columns) > 48
    axes.set_xticks(
        np.arange(len(columns)) + 0.5,
        [wrapped(c, 26, lines) for c in columns],
        rotation=40 if lean else 0,
        ha="right" if lean else "center",
        rotation_mode="anchor" if lean else "default",
        fontsize=size,
    )
