"""The data of one report, shared by its tables, figures and page, and computed once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.reporting.boards import DatasetBoard, dataset_board
from mmbench.reporting.details import Details, open_details
from mmbench.reporting.paper_layout import Layout, layout_path, read_layout
from mmbench.reporting.published import Published, read_published
from mmbench.reporting.scores import DatasetScores, read_scores
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.sweeps import Sweep, sweeps

if TYPE_CHECKING:
    from mmbench.reporting.comparisons import SectionComparison


@dataclass(frozen=True, eq=False)
class ReportContext:
    """A report: its specification, the stored values, and what is computed from them.

    Every table is made by a function `document(report)`, every figure by `draw(report, key)`.

    Attributes:
        datasets: in the order of the report.
        details: by data set, its arrays for figures.
        published: numbers in print, in the order of their file.
        layout: that of the tables of a paper, if the report reproduces one.
    """

    spec: ReportSpec
    datasets: Sequence[DatasetScores]
    details: Mapping[str, Details] = field(default_factory=dict)
    published: Sequence[Published] = ()
    layout: Layout | None = None

    @cached_property
    def boards(self) -> list[DatasetBoard]:
        """The leaderboard of each data set, in the order of the report."""
        return [dataset_board(self.spec, scores) for scores in self.datasets]

    @cached_property
    def comparisons(self) -> "list[SectionComparison]":
        """The methods compared over data sets, by section and metric.

        Raises:
            InputError: the reference method is not among the methods of the report.
        """
        # scipy and statsmodels are slow to import, and `mmbench show` does not need them
        from mmbench.reporting.comparisons import compare_sections

        return compare_sections(self.spec, self.boards)

    @cached_property
    def sweeps(self) -> list[Sweep]:
        """The sweeps over data corrupted by degrees, in the order of the data sets."""
        return sweeps(self.spec)

    @cached_property
    def by_name(self) -> dict[str, DatasetScores]:
        """The scores by data set."""
        return {scores.name: scores for scores in self.datasets}

    def method(self, name: str) -> MethodSpec | None:
        """Return a method of the report, or None where it has none of this name."""
        return next((method for method in self.spec.methods if method.name == name), None)

    def details_of(self, dataset: str) -> Details:
        """Return the arrays of a data set, which are empty where no file was read."""
        return self.details.get(dataset, Details({}, self.spec.seeds))

    def curve(self, sweep: Sweep, method: MethodSpec, metric: str) -> list[dict[int, float]]:
        """Return, for each rate of a sweep, the score of each seed that ended ok."""
        found = (self.by_name.get(name) for name in sweep.datasets)
        return [scores.by_seed(method.name, metric) if scores else {} for scores in found]


def read_report(spec: ReportSpec, *, results: Path, cards: Path) -> ReportContext:
    """Return a report with its scores, but without details and published numbers.

    Arguments and errors are those of `mmbench.reporting.report`.
    """
    datasets = [read_scores(spec, d, results=results, cards=cards) for d in spec.datasets]
    return ReportContext(spec, datasets)


@contextmanager
def open_report(
    spec: ReportSpec, *, results: Path, cards: Path, published: Path | None
) -> Iterator[ReportContext]:
    """Give a report with everything that is stored; its details are open until the block ends.

    Arguments and errors are those of `mmbench.reporting.report`.
    """
    report = read_report(spec, results=results, cards=cards)
    numbers = read_published(published) if published else []
    path = layout_path(spec, published.parent / "papers") if published else None
    layout = read_layout(path, numbers) if path else None
    files = {d.name: results / "details" / f"{d.name}.npz" for d in spec.datasets}
    with ExitStack() as stack:
        details = {
            name: stack.enter_context(open_details(file, spec.seeds))
            for name, file in files.items()
        }
        yield ReportContext(spec, report.datasets, details, numbers, layout)
