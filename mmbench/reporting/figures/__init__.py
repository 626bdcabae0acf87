"""Figures of a report: drawn without a display, the same bytes for the same files.

One module for each family. Each figure is `{name}.pdf` and `{name}.png`; which there are
follows from the report alone, and one that has nothing to show says why. docs/figures.md tells
how to read them.

Matplotlib and scikit-learn take a second or two to import, and a workflow asks for names alone:
so they are imported when something is drawn.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.reporting.figures.names import FAMILIES, Named, figure_names, named_figures
from mmbench.reporting.leaderboard import DatasetBoard
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import Stored

if TYPE_CHECKING:
    from mmbench.reporting.significance import Compared

__all__ = [
    "FAMILIES",
    "Named",
    "figure_names",
    "named_figures",
    "write_figures",
    "write_scores",
]


def write_figures(
    spec: ReportSpec,
    stored: Sequence[Stored],
    details: Mapping[str, Path],
    folder: Path,
    compared: Sequence["Compared"],
) -> dict[str, str]:
    """Write the figures of a report.

    Args:
        spec: the report.
        stored: what is stored of each of its data sets.
        details: by data set, its details file; without one its figures say that they have
            nothing to show.
        folder: where the figures go.
        compared: the methods compared over data sets, by section and metric.

    Returns:
        The caption of each figure, in the order of `figure_names`.

    Raises:
        InputError: a details file is missing or malformed; then nothing is written.
    """
    from mmbench.reporting.figures.drawing import draw_all

    return draw_all(spec, stored, details, folder, compared)


def write_scores(spec: ReportSpec, block: DatasetBoard, folder: Path) -> dict[str, str]:
    """Write scores-{dataset}.pdf and .png; return their name with its caption."""
    from mmbench.reporting.figures.scores import write_scores as draw

    return draw(spec, block, folder)
