"""What methods logged besides the loss: its parts and label-free diagnostics, by epoch."""

from collections.abc import Sequence
from itertools import zip_longest

from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Details
from mmbench.reporting.figures import style
from mmbench.reporting.figures.convergence import draw_range, epoch_axis, scale
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.spec import MethodSpec

MAX_LINES = 4  # of one panel


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return terms-{dataset}: a panel for each group of terms that a method logged.

    Terms whose names share the part before the first underscore, such as the errors of several
    views, share a panel. A term that is logged at one epoch alone has no curve.
    """
    details = report.details_of(key)
    title = f"{report.by_name[key].dataset.title}: other terms that methods log"
    found = [(m, groups(details, m.name)) for m in representatives(report.spec)]
    drawn = _in_turn(found)
    if not drawn:
        return style.empty(title, "No method that ended ok here logged a term besides its loss.")
    figure, grid = style.panels(title, len(drawn), 4, (2.7, 2.2), extra=0.5)
    for axes, (method, terms) in zip(grid, drawn, strict=True):
        curves = []
        for i, term in enumerate(terms[:MAX_LINES]):
            logged = details.logged(method.name, term)
            label = style.wrapped(term.replace("_", " "), 22)
            draw_range(axes, logged, **style.look(i) | {"marker": ""}, label=label)
            curves += logged
        scale(axes, curves)
        epoch_axis(axes, details, method.name)
        axes.set_title(style.wrapped(method.printed, 34, 1))
        axes.legend(loc="best", fontsize=7, handlelength=2.4)
    n_panels = sum(len(panels_of_method) for _, panels_of_method in found)
    turn = "one of each method in turn, in the order of the report"
    omitted = f"Shown are {len(drawn)} of {n_panels} panels, {turn}."
    return style.Drawing(figure, title, (omitted,) if n_panels > len(drawn) else ())


def groups(details: Details, method: str) -> list[list[str]]:
    """Return the logged terms that have a curve, those of one panel together."""
    found: dict[str, list[str]] = {}
    for term in details.terms(method):
        if term != "loss" and max(curve.shape[1] for curve in details.logged(method, term)) > 1:
            found.setdefault(term.partition("_")[0], []).append(term)
    return list(found.values())


def _in_turn(
    found: Sequence[tuple[MethodSpec, list[list[str]]]],
) -> list[tuple[MethodSpec, list[str]]]:
    """Return as many panels as a figure has room for, an equal number of each method."""
    by_turn = zip_longest(*(terms for _, terms in found))
    dealt = [(i, turn) for turn, row in enumerate(by_turn) for i, x in enumerate(row) if x]
    return [(found[i][0], found[i][1][turn]) for i, turn in sorted(dealt[: style.MAX_PANELS])]
