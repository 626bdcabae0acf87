"""All figures of a report, one family after the other."""

from pathlib import Path

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures.ablation import write_ablations
from mmbench.reporting.figures.agreement import write_agreement
from mmbench.reporting.figures.comparison import write_comparisons
from mmbench.reporting.figures.confusion import write_confusion
from mmbench.reporting.figures.convergence import write_convergence
from mmbench.reporting.figures.cost import write_cost_figure
from mmbench.reporting.figures.embeddings import write_embeddings
from mmbench.reporting.figures.names import ROBUSTNESS, SHARED, figure_names
from mmbench.reporting.figures.robustness import write_robustness_figure
from mmbench.reporting.figures.scores import write_scores
from mmbench.reporting.figures.sensitivity import write_sensitivity
from mmbench.reporting.figures.shared import write_shared
from mmbench.reporting.figures.terms import write_terms

_OF_A_DATASET = (
    write_convergence,
    write_terms,
    write_embeddings,
    write_confusion,
    write_agreement,
)


def draw_all(report: ReportContext, folder: Path) -> dict[str, str]:
    """Write every figure; arguments and result are those of `write_figures`."""
    spec, datasets = report.spec, report.datasets
    names = figure_names(spec)
    captions: dict[str, str] = {}
    for board in report.boards:
        captions |= write_scores(spec, board, folder)
    captions |= write_cost_figure(spec, datasets, folder)
    captions |= write_comparisons(spec, report.comparisons, folder)
    if SHARED in names:
        captions |= write_shared(spec, datasets, report.details, folder)
    if ROBUSTNESS in names:
        captions |= write_robustness_figure(spec, datasets, folder)
    captions |= write_sensitivity(spec, datasets, folder)
    captions |= write_ablations(spec, datasets, folder)
    for scores in datasets:
        for write in _OF_A_DATASET:
            captions |= write(spec, scores, report.details_of(scores.name), folder)
    return {name: captions[name] for name in names}
