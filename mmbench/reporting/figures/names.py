"""Which figures a report has: from the report alone, so that a workflow can declare them."""

from collections.abc import Iterator
from dataclasses import dataclass

from mmbench.reporting.figures.variants import ablations, grids
from mmbench.reporting.labels import SECTIONS
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.sweeps import sweeps

COST = "cost"
SHARED = "claim-cmmc"
ROBUSTNESS = "robustness"
# by family, what a list of figures calls it, in the order in which they are shown
FAMILIES = {
    "scores": "Scores",
    "ranks": "Average ranks",
    "pairwise": "Pairs of methods",
    COST: "Cost against score",
    SHARED: "The claim of CMMC",
    ROBUSTNESS: "Robustness",
    "sensitivity": "Parameters",
    "ablation": "Ablations",
    "convergence": "Training",
    "terms": "What methods log",
    "embedding": "Embeddings",
    "confusion": "Confusion of classes",
    "agreement": "Agreement between methods",
}
_OF_A_DATASET = ("convergence", "terms", "embedding", "confusion", "agreement")


@dataclass(frozen=True)
class Named:
    """A figure, without its picture.

    Attributes:
        name: of its files, `{name}.pdf` and `{name}.png`.
        family: a key of `FAMILIES`, and the name of its caption in `workflow/report/`.
        about: the data set, section or method that it shows, as printed.
    """

    name: str
    family: str
    about: str


def figure_names(spec: ReportSpec) -> list[str]:
    """Return the names of all figures of a report, each a .pdf and a .png, without reading data."""
    return [figure.name for figure in named_figures(spec)]


def named_figures(spec: ReportSpec) -> list[Named]:
    """Return all figures of a report, without reading data.

    Every report has the scores and the families of each data set, the comparisons of each
    section of the leaderboard, and the cost; the others where it has something to vary.
    """
    return list(_figures(spec))


def sections(spec: ReportSpec) -> list[str]:
    """Return the sections of the leaderboard that the report has, in its order."""
    here = {"by-label" if d.pairing == "by-label" else d.data_setting for d in spec.datasets}
    return [section for section in SECTIONS if section in here]


def _figures(spec: ReportSpec) -> Iterator[Named]:
    titles = {m.name: m.printed for m in spec.methods}
    for dataset in spec.datasets:
        yield Named(f"scores-{dataset.name}", "scores", dataset.title)
    for family in ("ranks", "pairwise"):
        for section in sections(spec):
            yield Named(f"{family}-{section}", family, SECTIONS[section][0])
    yield Named(COST, COST, "all data sets")
    if any(method.uses == "cmmc" for method in spec.methods):
        yield Named(SHARED, SHARED, "all data sets")
    if sweeps(spec):
        yield Named(ROBUSTNESS, ROBUSTNESS, "all sweeps")
    for base in dict.fromkeys(grid.base for grid in grids(spec)):
        yield Named(f"sensitivity-{base}", "sensitivity", titles[base])
    for base in ablations(spec):
        yield Named(f"ablation-{base}", "ablation", titles[base])
    for family in _OF_A_DATASET:
        for dataset in spec.datasets:
            yield Named(f"{family}-{dataset.name}", family, dataset.title)
