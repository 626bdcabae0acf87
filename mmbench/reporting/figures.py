"""Figures of a report: drawn without a display, the same bytes for the same scores."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmbench.files import replacing
from mmbench.reporting.leaderboard import SECTIONS, Block, Column, Row
from mmbench.reporting.spec import ReportSpec

# what stands behind a row: colour and shape say it twice
KINDS: dict[str, tuple[str, str, str]] = {
    "reference": ("C0", "o", "reference"),
    "reconstruction": ("C1", "s", "reconstruction"),
    "baseline": ("C2", "D", "baseline"),
    "control": ("#555555", "v", "control"),
    "oracle": ("C3", "X", "oracle, chosen by label"),
}
ROW_INCHES = 0.3
NAME_WIDTH = 34


def write_scores(spec: ReportSpec, block: Block, folder: Path) -> None:
    """Write scores-{dataset}.pdf and .png: each seed a dot, mean and standard deviation."""
    with styled():
        figure = _scores(spec, block)
        save(figure, folder / f"scores-{block.dataset.name}")


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


def _scores(spec: ReportSpec, block: Block) -> Figure:
    """Return a panel per metric with a line per row, the first at the top."""
    if block.is_unavailable:
        return _unavailable(block)
    columns = [Column(metric) for metric in spec.metrics]
    names = [textwrap.wrap(_name(spec, row), NAME_WIDTH) or [""] for row in block.rows]
    # a name of two lines needs more room
    heights = np.array([max(1.0, 0.62 * len(name)) for name in names])
    places = dict(zip(block.rows, np.cumsum(heights) - heights / 2, strict=True))
    figure = Figure(
        figsize=(2.4 + 2.3 * len(columns), 1.25 + ROW_INCHES * heights.sum()), layout="constrained"
    )
    panels: Sequence[Axes] = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        _draw(axes, column, places)
    for row, y in places.items():
        if not row.values:
            panels[0].annotate(
                block.word(row), (0, y), va="center", color="#666666", style="italic"
            )
    panels[0].set_yticks(list(places.values()), ["\n".join(name) for name in names])
    panels[0].set_ylim(heights.sum(), 0)
    figure.suptitle(_title(block))
    kinds = [kind for kind in KINDS if any(_kind(row) == kind and row.values for row in places)]
    if kinds:
        figure.legend(handles=_legend(kinds), loc="outside lower center", ncols=3)
    return figure


def _unavailable(block: Block) -> Figure:
    """Return a figure that says why there is none."""
    figure = Figure(figsize=(9.3, 1.8), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    reason = "\n".join(textwrap.wrap(block.rows[0].note, 110, max_lines=4, placeholder=" …"))
    axes.text(0.5, 0.5, reason, ha="center", va="center", color="#666666", style="italic")
    figure.suptitle(_title(block))
    return figure


def _draw(axes: Axes, column: Column, places: Mapping[Row, float]) -> None:
    """Draw every row that has the column, with few artists, since each takes its time."""
    low, high = 0.0, 1.0
    for kind, (colour, shape, _) in KINDS.items():
        shown = [r for r in places if _kind(r) == kind and column in r.values]
        if not shown:
            continue
        values = [row.values[column] for row in shown]
        y = np.array([places[row] for row in shown])
        # the mean above, the seeds below it and beside each other, so that equal ones can be told
        below = [np.linspace(0.08, 0.36, len(v)) if len(v) > 1 else np.array([0.2]) for v in values]
        seeds_y = np.concatenate([at + offset for at, offset in zip(y, below, strict=True)])
        seeds = np.concatenate(values)
        mean = np.array([v.mean() for v in values])
        sd = np.array([v.std(ddof=1) if len(v) > 1 else 0.0 for v in values])
        axes.hlines(y - 0.16, mean - sd, mean + sd, color=colour, lw=1.8)
        axes.plot(mean, y - 0.16, shape, ms=5.5, color=colour, mec="white", mew=0.5)
        axes.plot(seeds, seeds_y, "o", ms=2.6, mfc="none", mec=colour, mew=0.7)
        low, high = min(low, seeds.min()), max(high, seeds.max())
    axes.set_xlabel(column.head)
    axes.set_xlim(low - 0.02, high + 0.02)


def _name(spec: ReportSpec, row: Row) -> str:
    """Return the name of a row, with the seeds that ended ok where some did not."""
    n_ok = max((len(values) for values in row.values.values()), default=0)
    some = 0 < n_ok < len(spec.seeds)
    return f"{row.title} ({n_ok}/{len(spec.seeds)} seeds)" if some else row.title


def _title(block: Block) -> str:
    about = textwrap.wrap(block.stored.about(), 110)
    return "\n".join([f"{block.dataset.title}: {SECTIONS[block.section][0].lower()}", *about])


def _kind(row: Row) -> str:
    return "oracle" if row.is_oracle else row.method.fidelity


def _legend(kinds: Sequence[str]) -> list[Line2D]:
    handles = [
        Line2D(
            [],
            [],
            color=KINDS[kind][0],
            marker=KINDS[kind][1],
            ms=6,
            lw=1.8,
            mec="white",
            label=KINDS[kind][2],
        )
        for kind in KINDS
        if kind in kinds
    ]
    seed = Line2D([], [], ls="", marker="o", ms=3, mfc="none", mec="#444444", label="one seed")
    interval = Line2D([], [], color="#444444", lw=1.8, label="mean ± standard deviation")
    return [*handles, seed, interval]
