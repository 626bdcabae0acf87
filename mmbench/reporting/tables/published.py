"""Numbers in print beside our scores, with the verdict whether they are reproduced."""

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, format_gain
from mmbench.reporting.published import Published
from mmbench.reporting.verdicts import RULE, Ours, Verdict, method_name, our_scores, verdict

NONE = "No number in print is about the data sets of this benchmark."
LEFT_OUT = "Left out are numbers from memory and methods that are not in the catalogue."
_HEAD = ("method", "metric", "printed", "ours", "seeds", "difference", "verdict", "source")
_COLUMNS = (
    "dataset method metric subset printed printed_std mean std seeds_ok seeds difference"
    " verdict why printed_method printed_dataset paper table source"
)


def document(report: ReportContext) -> Document:
    """Return a table for each data set with verified numbers of methods in the catalogue.

    Numbers on data sets of the same name that differ are included, without a comparison.
    """
    tables, csv_rows = [], []
    for scores in report.datasets:
        name, rows = scores.name, []
        for number in report.published:
            is_about = number.data == name or name in number.near
            if number.verified == "yes" and number.entry and is_about:
                ours = our_scores(report, number.entry, name, number.our_metric, number.subset)
                found = verdict(report, number, name, ours)
                rows.append(_row(report, number, ours, *found))
                csv_rows.append([name, *_csv_row(number, ours, *found)])
        if rows:
            title, about = scores.dataset.title, scores.description()
            head = [*map(Cell, _HEAD)]
            tables.append(Table(f"{report.spec.name}-{name}-published", title, about, head, rows))
    text = [RULE if tables else NONE, LEFT_OUT]
    sections = [Section("Verdicts", "", tables)] if tables else []
    return Document(
        f"Published and reproduced: {report.spec.name}",
        text,
        sections,
        _COLUMNS,
        csv_rows,
        page_section("Published and reproduced", text, sections),
    )


def _row(
    report: ReportContext, number: Published, ours: Ours, result: Verdict, why: str
) -> list[Cell]:
    has_score = len(ours.values) > 0
    metric = number.metric if number.subset == "all" else f"{number.metric}, {number.subset}"
    return [
        Cell(method_name(report, number.method, number.entry)),
        Cell(metric),
        Cell(number.printed),
        Cell(ours.text if has_score else MISSING),
        Cell(ours.seeds_text),
        Cell(format_gain(ours.mean - float(number.value)) if has_score else MISSING),
        Cell(result, note=why),
        Cell(f"{number.paper}, {number.table}", note=f"read in: {number.source}"),
    ]


def _csv_row(number: Published, ours: Ours, result: Verdict, why: str) -> list[object]:
    difference = round(ours.mean - float(number.value), 6) if len(ours.values) else ""
    return [
        *(number.entry, number.our_metric, number.subset, number.value, number.std),
        *(*ours.csv, difference, result, why),
        *(number.method, number.dataset, number.paper, number.table, number.source),
    ]
