"""Numbers in print beside our scores, with the verdict whether they are reproduced."""

from dataclasses import dataclass

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, format_gain
from mmbench.reporting.published import Published
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.verdicts import RULE, Ours, Verdict, method_name, our_scores, verdict

NONE = "No number in print is about the data sets of this benchmark."
LEFT_OUT = "Left out are numbers from memory and methods that are not in the catalogue."
_HEAD = ("method", "metric", "printed", "ours", "seeds", "difference", "verdict", "source")
_COLUMNS = (
    "dataset method metric subset printed printed_std mean std seeds_ok seeds difference"
    " verdict why printed_method printed_dataset paper table source"
)


@dataclass(frozen=True, eq=False)
class _Comparison:
    """A number in print, and our scores beside it."""

    dataset: str
    number: Published
    ours: Ours
    verdict: Verdict
    why: str


def document(report: ReportContext) -> Document:
    """Return a table for each data set with verified numbers of methods in the catalogue.

    Numbers on data sets of the same name that differ are included, without a comparison.
    """
    compared = {scores.name: _compare(report, scores) for scores in report.datasets}
    tables = [
        Table(
            f"{report.spec.name}-{scores.name}-published",
            scores.dataset.title,
            scores.description(),
            [*map(Cell, _HEAD)],
            [_row(report, found) for found in compared[scores.name]],
        )
        for scores in report.datasets
        if compared[scores.name]
    ]
    text = [RULE if tables else NONE, LEFT_OUT]
    sections = [Section("Verdicts", "", tables)] if tables else []
    return Document(
        f"Published and reproduced: {report.spec.name}",
        text,
        sections,
        _COLUMNS,
        [_csv_row(found) for of_dataset in compared.values() for found in of_dataset],
        page_section("Published and reproduced", text, sections),
    )


def _compare(report: ReportContext, scores: DatasetScores) -> list[_Comparison]:
    """Return the verified numbers about a data set, compared with our scores."""
    found = []
    for number in report.published:
        is_about = number.data == scores.name or scores.name in number.near
        if number.verified == "yes" and number.entry and is_about:
            ours = our_scores(report, number.entry, scores.name, number.our_metric, number.subset)
            result = verdict(report, number, scores.name, ours)
            found.append(_Comparison(scores.name, number, ours, *result))
    return found


def _row(report: ReportContext, found: _Comparison) -> list[Cell]:
    number, ours = found.number, found.ours
    has_score = len(ours.values) > 0
    metric = number.metric if number.subset == "all" else f"{number.metric}, {number.subset}"
    return [
        Cell(method_name(report, number.method, number.entry)),
        Cell(metric),
        Cell(number.printed),
        Cell(ours.text if has_score else MISSING),
        Cell(ours.seeds_text),
        Cell(format_gain(ours.mean - float(number.value)) if has_score else MISSING),
        Cell(found.verdict, note=found.why),
        Cell(f"{number.paper}, {number.table}", note=f"read in: {number.source}"),
    ]


def _csv_row(found: _Comparison) -> list[object]:
    number, ours = found.number, found.ours
    difference = round(ours.mean - float(number.value), 6) if len(ours.values) else ""
    return [
        *(found.dataset, number.entry, number.our_metric, number.subset, number.value, number.std),
        *(*ours.csv, difference, found.verdict, found.why),
        *(number.method, number.dataset, number.paper, number.table, number.source),
    ]
