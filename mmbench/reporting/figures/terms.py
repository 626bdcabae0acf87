"""What methods logged besides the loss: its parts and label-free diagnostics, by epoch."""

from collections.abc import Sequence
from pathlib import Path

from mmbench.reporting.details import Details
from mmbench.reporting.figures.convergence import draw_range, phases, scale
from mmbench.reporting.figures.style import (
    MAX_PANELS,
    explained,
    look,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

MAX_LINES = 4  # of one panel


@styled()
def write_terms(
    spec: ReportSpec, stored: DatasetScores, details: Details, folder: Path
) -> dict[str, str]:
    """Write terms-{dataset}; return its name with its caption.

    Figures whose names share the part before the first underscore, such as the errors of
    several views, share a panel. What is logged at one epoch alone has no curve.
    """
    name = f"terms-{stored.dataset.name}"
    title = f"{stored.dataset.title}: other figures that methods log"
    found = [(m, groups(details, m.name)) for m in representatives(spec)]
    chosen = _fair([(m, panels_of) for m, panels_of in found if panels_of])
    if not chosen:
        reason = "No method that ended ok here logged a figure besides its loss."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    figure, grid = panels(len(chosen), columns=4, width=2.7, height=2.2, extra=0.5)
    for axes, (method, terms) in zip(grid, chosen, strict=True):
        curves = []
        for i, term in enumerate(terms[:MAX_LINES]):
            curves += details.logged(method.name, term)
            style = look(i)
            draw_range(
                axes,
                details.logged(method.name, term),
                style.colour,
                ls=style.dash,
                label=wrapped(term.replace("_", " "), 22),
            )
        scale(axes, curves)
        for bound in phases(details, method.name):
            axes.axvline(bound - 0.5, color="#999999", lw=0.8, ls=":")
        axes.set_title(wrapped(method.printed, 34, 1), loc="left")
        axes.set_xlabel("epoch")
        axes.legend(loc="best", fontsize=7, handlelength=2.4)
    figure.suptitle(title)
    save(figure, folder / name)
    n_panels = sum(len(panels_of) for _, panels_of in found)
    rest = (
        f" Shown are {len(chosen)} of {n_panels} panels, in turn of each method in the order of"
        " the report."
        if n_panels > len(chosen)
        else ""
    )
    caption = (
        f"{title}: mean and range over seeds of the parts of the loss and of diagnostics that"
        f" need no label. Dotted lines part the phases of a schedule.{rest}"
    )
    return {name: caption}


def groups(details: Details, method: str) -> list[list[str]]:
    """Return the logged figures that have a curve, those of one panel together."""
    found: dict[str, list[str]] = {}
    for term in details.terms(method):
        curves = details.logged(method, term)
        if term != "loss" and max(curve.shape[1] for curve in curves) > 1:
            found.setdefault(term.partition("_")[0], []).append(term)
    return list(found.values())


def _fair(
    found: Sequence[tuple[MethodSpec, list[list[str]]]],
) -> list[tuple[MethodSpec, list[str]]]:
    """Return at most as many panels as a figure has, dealt out to the methods in turn."""
    turns = max((len(panels_of) for _, panels_of in found), default=0)
    dealt = [
        (i, turn)
        for turn in range(turns)
        for i, (_, panels_of) in enumerate(found)
        if turn < len(panels_of)
    ]
    return [(found[i][0], found[i][1][turn]) for i, turn in sorted(dealt[:MAX_PANELS])]
