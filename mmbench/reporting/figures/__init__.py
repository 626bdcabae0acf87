"""Figures of a report: drawn without a display, with the same bytes for the same files.

Each family of figures is a module of its name in this package. Its function
`draw(report, key)` returns one figure of the family as a `style.Drawing`, where the key is a data
set, a section of the leaderboard or a method. `FAMILIES` lists the families; the names of all
figures follow from it. docs/figures.md explains how to read them.

matplotlib and scikit-learn take a second or two to import, so a family's module is imported when
it draws. Names need neither.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mmbench.reporting.boards import section_of
from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures.variants import ablations, grids
from mmbench.reporting.labels import SECTIONS
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.sweeps import sweeps


@dataclass(frozen=True)
class Family:
    """A family of figures.

    Attributes:
        name: the name of its module, with which the names of its figures begin.
        keys: returns the keys of its figures in a report; a figure with an empty key is named
            after the family alone.
        caption: how to read its figures.
    """

    name: str
    keys: Callable[[ReportSpec], Iterable[str]]
    caption: str

    def figures(self, spec: ReportSpec) -> Iterator[tuple[str, str]]:
        """Yield the name of each figure in a report, with its key."""
        for key in self.keys(spec):
            yield "-".join(filter(None, [self.name, key])), key


def _datasets(spec: ReportSpec) -> Iterable[str]:
    return [dataset.name for dataset in spec.datasets]


def _sections(spec: ReportSpec) -> Iterable[str]:
    return sorted({section_of(d) for d in spec.datasets}, key=list(SECTIONS).index)


FAMILIES = (
    Family(
        "scores",
        _datasets,
        "The filled mark of a method is its mean over seeds, its line the standard deviation, and"
        " the rings below are the seeds. Colour and shape show the fidelity. Rows chosen by label"
        " are marked as oracle.",
    ),
    Family(
        "ranks",
        _sections,
        "Ranks are averaged over the data sets; 1 is best. A bar joins methods, its dots, that no"
        " test separates (Wilcoxon's signed-rank test of every pair, corrected by Holm, 5 %). With"
        " too few data sets for any significant difference, no bar is drawn.",
    ),
    Family(
        "pairwise",
        _sections,
        "Left: the p value of Wilcoxon's signed-rank test, corrected by Holm for all pairs, darker"
        " for smaller. Right: the mean score of the row minus that of the column, which shows how"
        " much a difference matters. Its colours mean the same in every such figure.",
    ),
    Family(
        "cost",
        lambda spec: [""],
        "Mean seconds of a seed, on a logarithmic scale, against the mean score. No method is both"
        " faster and better than one on the dashed front. Compare only runs of the same machine.",
    ),
    Family(
        "claim",
        lambda spec: ["cmmc"] if any(m.uses == "cmmc" for m in spec.methods) else [],
        "CKA is 1 where one view is a rotation of the other, and near 0 where they share nothing."
        " The paper claims that the high-level h comes to hold what views share while the"
        " low-level z keeps their diversity: h should rise above z. Thin lines are seeds.",
    ),
    Family(
        "robustness",
        lambda spec: [""] if sweeps(spec) else [],
        "Mean over seeds with the standard deviation. A robust method has a flat line. The gap"
        " between a method and its variant is the effect of the part that the variant lacks."
        " Controls are not drawn. The table of robustness has all methods.",
    ),
    Family(
        "sensitivity",
        lambda spec: dict.fromkeys(grid.base for grid in grids(spec)),
        "Mean over seeds; lines have the standard deviation. Values are evenly spaced, whatever"
        " lies between them. No value was chosen by these scores, which use the labels.",
    ),
    Family(
        "ablation",
        ablations,
        "Mean over seeds with the standard deviation and, in brackets, the mean difference to the"
        " method itself over the seeds that ended ok for both. Few seeds and one data set do not"
        " prove that a part helps.",
    ),
    Family(
        "convergence",
        _datasets,
        "Mean and range over seeds. Dotted lines separate the phases of a schedule. The square is"
        " the scored result: the last epoch, unless an entry requests the checkpoint of lowest"
        " loss. Crosses are the best epoch of each seed, chosen by label (oracle), which is not a"
        " valid result.",
    ),
    Family(
        "terms",
        _datasets,
        "Mean and range over seeds of the parts of the loss and of diagnostics that need no label."
        " Dotted lines separate the phases of a schedule.",
    ),
    Family(
        "embedding",
        _datasets,
        "Embeddings of the first seed, by principal components and by t-SNE, each coloured by class"
        " and by cluster. The colours of the two do not correspond. Distances between groups of"
        " t-SNE mean nothing.",
    ),
    Family(
        "confusion",
        _datasets,
        "The percentage of each class, a row, in each cluster, a column, after clusters are matched"
        " with classes. The number beside a name is the ACC of this first seed, the share on the"
        " diagonal. Columns named + are clusters beyond the number of classes.",
    ),
    Family(
        "agreement",
        _datasets,
        "The ARI between the clusters of two methods, both with their first seed: 1 where they are"
        " the same, about 0 where they agree by chance. No label is used.",
    ),
)


def figure_names(spec: ReportSpec) -> list[str]:
    """Return the names of all figures of a report, each a .pdf and a .png, without reading data."""
    return [name for family in FAMILIES for name, _ in family.figures(spec)]


def write_figures(report: ReportContext, folder: Path) -> dict[str, str]:
    """Write every figure of a report into a folder.

    Returns:
        The caption of each figure, in the order of `figure_names`.
    """
    from mmbench.reporting.figures.style import save, styled

    captions = {}
    with styled():
        for family in FAMILIES:
            draw = import_module(f"{__name__}.{family.name}").draw
            for name, key in family.figures(report.spec):
                drawing = draw(report, key)
                save(drawing.figure, folder / name)
                about = "" if drawing.is_empty else family.caption
                captions[name] = " ".join(
                    filter(None, [f"{drawing.title}.", about, *drawing.notes])
                )
    return captions
