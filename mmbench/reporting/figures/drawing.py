"""All figures of a report, one family after the other."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mmbench.reporting.figures.ablation import write_ablations
from mmbench.reporting.figures.agreement import write_agreement
from mmbench.reporting.figures.comparison import write_comparisons
from mmbench.reporting.figures.confusion import write_confusion
from mmbench.reporting.figures.convergence import write_convergence
from mmbench.reporting.figures.cost import write_cost_figure
from mmbench.reporting.figures.details import Details, open_details
from mmbench.reporting.figures.embeddings import write_embeddings
from mmbench.reporting.figures.names import ROBUSTNESS, SHARED, figure_names
from mmbench.reporting.figures.robustness import write_robustness_figure
from mmbench.reporting.figures.scores import write_scores
from mmbench.reporting.figures.sensitivity import write_sensitivity
from mmbench.reporting.figures.shared import write_shared
from mmbench.reporting.figures.terms import write_terms
from mmbench.reporting.leaderboard import leaderboard
from mmbench.reporting.significance import Compared
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import Stored

_OF_A_DATASET = (
    write_convergence,
    write_terms,
    write_embeddings,
    write_confusion,
    write_agreement,
)


def draw_all(
    spec: ReportSpec,
    stored: Sequence[Stored],
    details: Mapping[str, Path],
    folder: Path,
    compared: Sequence[Compared],
) -> dict[str, str]:
    """Write every figure; arguments, result and errors are those of `write_figures`."""
    names = figure_names(spec)
    captions: dict[str, str] = {}
    with ExitStack() as stack:
        opened = {
            one.dataset.name: stack.enter_context(
                open_details(details[one.dataset.name], spec.seeds)
            )
            if one.dataset.name in details
            else Details({}, spec.seeds)
            for one in stored
        }
        for block in leaderboard(spec, stored):
            captions |= write_scores(spec, block, folder)
        captions |= write_cost_figure(spec, stored, folder)
        captions |= write_comparisons(spec, compared, folder)
        if SHARED in names:
            captions |= write_shared(spec, stored, opened, folder)
        if ROBUSTNESS in names:
            captions |= write_robustness_figure(spec, stored, folder)
        captions |= write_sensitivity(spec, stored, folder)
        captions |= write_ablations(spec, stored, folder)
        for one in stored:
            for write in _OF_A_DATASET:
                captions |= write(spec, one, opened[one.dataset.name], folder)
    return {name: captions[name] for name in names}
