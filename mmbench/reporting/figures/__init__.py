"""Figures of a report: drawn without a display, the same bytes for the same files.

One module for each family. Each figure is `{name}.pdf` and `{name}.png`; which there are
follows from the report alone, and one that has nothing to show says why. docs/figures.md tells
how to read them.

Matplotlib and scikit-learn take a second or two to import, and a workflow asks for names alone:
so they are imported when something is drawn.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.reporting.figures.names import FAMILIES, Named, figure_names, named_figures

if TYPE_CHECKING:
    from mmbench.reporting.context import ReportContext

__all__ = ["FAMILIES", "Named", "figure_names", "named_figures", "write_figures"]


def write_figures(report: "ReportContext", folder: Path) -> dict[str, str]:
    """Write the figures of a report.

    Args:
        report: a data set without details has figures that say that there is nothing to show.
        folder: where the figures go.

    Returns:
        The caption of each figure, in the order of `figure_names`.
    """
    from mmbench.reporting.figures.drawing import draw_all

    return draw_all(report, folder)
