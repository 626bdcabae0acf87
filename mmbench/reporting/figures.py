"""Figures of a report: drawn without a display, the same bytes for the same scores."""

import textwrap
from collections.abc import Iterator, Sequence
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
from mmbench.reporting.leaderboard import STATUS_WORDS, Block, Column, Row
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


def _scores(spec: ReportSpec, block: Block) -> Figure:
    """Return a panel per metric with a line per row, the first at the top."""
    columns = [Column(metric) for metric in spec.metrics]
    rows = block.rows
    names = [textwrap.wrap(row.title, NAME_WIDTH) or [""] for row in rows]
    # a name of two lines needs the room of two
    heights = [max(1.0, 0.62 * len(name)) for name in names]
    y = np.cumsum(heights) - np.array(heights) / 2
    figure = Figure(
        figsize=(2.4 + 2.3 * len(columns), 1.25 + ROW_INCHES * sum(heights)), layout="constrained"
    )
    panels: Sequence[Axes] = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        shown = [row.values[column] for row in rows if column in row.values]
        for row, height in zip(rows, y, strict=True):
            _draw_row(axes, row, column, height, block)
        axes.set_xlabel(column.head)
        low = min((float(values.min()) for values in shown), default=0.0)
        high = max((float(values.max()) for values in shown), default=1.0)
        axes.set_xlim(min(-0.02, low - 0.02), max(1.02, high + 0.02))
    panels[0].set_yticks(y, ["\n".join(name) for name in names])
    panels[0].set_ylim(sum(heights), 0)
    about = block.stored.about()
    title = f"{block.dataset.title}\n{about}" if about else block.dataset.title
    figure.suptitle(title, fontsize=10)
    kinds = dict.fromkeys(_kind(row) for row in rows if row.values)
    if kinds:
        figure.legend(handles=_legend(list(kinds)), loc="outside lower center", ncols=3)
    return figure


def _draw_row(axes: Axes, row: Row, column: Column, y: float, block: Block) -> None:
    values = row.values.get(column)
    if values is None:
        statuses = [r["status"] for r in block.stored.records[row.method.name].values()]
        word = "" if row.values else STATUS_WORDS.get(statuses[0], "")
        axes.annotate(word, (0, y), va="center", color="#777777", fontsize=8, style="italic")
        return
    colour, shape, _ = KINDS[_kind(row)]
    # seeds beside each other, so that equal ones can be counted
    offsets = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(1)
    axes.plot(values, y + offsets, "o", ms=3, mfc="none", mec=colour, mew=0.7, alpha=0.8)
    mean = float(values.mean())
    if len(values) > 1:
        sd = float(values.std(ddof=1))
        axes.plot([mean - sd, mean + sd], [y, y], color=colour, lw=1.8)
    axes.plot(mean, y, shape, ms=6, color=colour, mec="white", mew=0.6)


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
