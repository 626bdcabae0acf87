"""The tables of a paper as it prints them, with our scores beside the printed ones.

A cell without a score of ours says why.
"""

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING
from mmbench.reporting.paper_layout import ColumnsLayout, TableLayout, numbers_of
from mmbench.reporting.published import METRICS, Metric, Published
from mmbench.reporting.verdicts import Ours, method_name, our_scores, verdict

FROM_MEMORY = "in brackets: from memory, nobody has looked it up; no verdict rests on it"
TEXT = (
    "Scores are fractions. Beside each printed number stands ours, headed here: mean ± standard"
    " deviation (n - 1) over the seeds that ended ok."
)
OWN_TEXT = (
    "Scores are fractions: mean ± standard deviation (n - 1) over the seeds that ended ok."
    " Nothing here is in print."
)
NOT_IN_CATALOGUE = "not in the catalogue"
_COLUMNS = (
    "table printed_dataset dataset printed_method method metric printed printed_std verified"
    " paper mean std seeds_ok seeds verdict why"
)


def document(report: ReportContext) -> Document | None:
    """Return the tables of the layout, or None for a report without one."""
    layout = report.layout
    if layout is None:
        return None
    name = report.spec.name.removeprefix("paper_")
    is_printed = any(table.papers for table in layout.tables)
    text = [*filter(None, [layout.text]), TEXT if is_printed else OWN_TEXT]
    sections: list[Section] = []
    csv_rows: list[list[object]] = []
    for i, table in enumerate(layout.tables, start=1):
        tables = []
        for j, columns in enumerate(table.columns, start=1):
            label = f"{report.spec.name}-{name}-{i}-{j}"
            tables.append(_table(report, table, columns, label, csv_rows))
        sections.append(Section(table.title, table.text, tables))
    page = page_section(layout.title, text, sections, is_open=True)
    return Document(layout.title, text, sections, _COLUMNS, csv_rows, page, name=f"paper-{name}")


def _table(
    report: ReportContext,
    table: TableLayout,
    columns: ColumnsLayout,
    name: str,
    csv_rows: list[list[object]],
) -> Table:
    """Return the part of a table that is about one data set; append its rows of the .csv."""
    numbers = numbers_of(table, report.published)
    of_dataset = [n for n in numbers if columns.printed and n.dataset == columns.printed]
    data = columns.data or next((n.data for n in of_dataset if n.data), "")
    subset = next((n.subset for n in of_dataset), "all")
    # the first paper last, so that its number is kept
    printed = {(n.method, n.metric): n for n in reversed(of_dataset)}
    head, rows = [Cell("method")], []
    for metric in table.metrics:
        head += [Cell(metric), Cell("here")] if table.papers else [Cell(metric)]
    for row in table.rows:
        entry = row.entry or next((n.entry for n in numbers if n.method == row.printed), "")
        note, seeds = _params_note(report, entry, data), ""
        cells = [Cell(method_name(report, row.printed, entry), note=note)]
        for metric in table.metrics:
            number = printed.get((row.printed, metric))
            ours = _ours(report, entry, data, metric, subset)
            if table.papers:
                cells.append(_printed_cell(number))
            if not seeds:  # the first column says why there is no score
                seeds = ours.seeds_text
                cells.append(Cell(ours.text, note=ours.reason))
            else:
                cells.append(Cell(ours.text if len(ours.values) else MISSING))
            start = [table.title, columns.printed, data, row.printed, entry, metric]
            csv_rows.append([*start, *_csv_values(report, number, data, ours)])
        rows.append([*cells, Cell(seeds)])
    scores = report.by_name.get(data)
    dataset = scores.dataset.title if scores else data
    title = columns.printed or dataset
    if columns.data and columns.printed:
        title += f", here {dataset}"
    near = next((n for n in of_dataset if columns.data in n.near), None)
    caveat = next((n.caveat for n in of_dataset if n.data == data), "")
    caption = [
        scores.description() if scores else "",
        "Scored on the test part" if subset == "test" else "",
        f"Not comparable: {near.differs}" if near else caveat and f"What differs: {caveat}",
        columns.note,
    ]
    return Table(name, title, ". ".join(filter(None, caption)), [*head, Cell("seeds")], rows)


def _ours(report: ReportContext, entry: str, data: str, metric: Metric, subset: str) -> Ours:
    if entry and data:
        return our_scores(report, entry, data, METRICS[metric], subset)
    absent = "data set" if entry else "method"
    return Ours(status=NOT_IN_CATALOGUE, reason=f"mmbench has no such {absent}")


def _printed_cell(number: Published | None) -> Cell:
    if number is None:
        return Cell(MISSING)
    if number.verified == "memory":
        return Cell(number.printed, "unverified", note=FROM_MEMORY)
    return Cell(number.printed)


def _params_note(report: ReportContext, entry: str, data: str) -> str:
    """Return which hyperparameters of a row are not those of its entry, or an empty text."""
    method = report.method(entry)
    notes = []
    if method and data in method.tuned_on:
        notes.append("hyperparameters of its own on this data set")
    if method and method.changed:
        notes.append("hyperparameters set by the benchmark on top of the catalogue's")
    return "; ".join(notes)


def _csv_values(
    report: ReportContext, number: Published | None, data: str, ours: Ours
) -> list[object]:
    """Return a printed number, our scores and the verdict."""
    if number is None:
        return ["", "", "", "", *ours.csv, "", ours.reason]
    is_known = ours.status != NOT_IN_CATALOGUE
    why = verdict(report, number, data, ours) if is_known else (ours.status, ours.reason)
    return [number.value, number.std, number.verified, number.paper, *ours.csv, *why]
