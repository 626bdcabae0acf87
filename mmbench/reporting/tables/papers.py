"""The tables of a paper as it prints them, with our scores beside the printed ones.

A cell without a score of ours says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
    sections, rows = [], []
    for i, layout_of_table in enumerate(layout.tables, start=1):
        grids = [_grid(report, layout_of_table, columns) for columns in layout_of_table.columns]
        tables = [
            _table(report, grid, f"{report.spec.name}-{name}-{i}-{j}")
            for j, grid in enumerate(grids, start=1)
        ]
        sections.append(Section(layout_of_table.title, layout_of_table.text, tables))
        rows += [row for grid in grids for row in _csv_rows(report, grid)]
    page = page_section(layout.title, text, sections, is_open=True)
    return Document(layout.title, text, sections, _COLUMNS, rows, page, name=f"paper-{name}")


@dataclass(frozen=True, eq=False)
class _Grid:
    """The part of a table that is about one data set.

    Attributes:
        layout: the table.
        columns: the columns of the data set.
        data: its name in the catalogue, or nothing.
        caption: its size and views, and how they differ from the data in print.
        entries: by row, the method entry, or nothing.
        cells: by row and metric, the number in print, if there is one, and our scores.
    """

    layout: TableLayout
    columns: ColumnsLayout
    data: str
    caption: str
    entries: Sequence[str]
    cells: Mapping[tuple[int, Metric], tuple[Published | None, Ours]]


def _grid(report: ReportContext, table: TableLayout, columns: ColumnsLayout) -> _Grid:
    numbers = numbers_of(table, report.published)
    of_dataset = [n for n in numbers if columns.printed and n.dataset == columns.printed]
    near = next((n for n in of_dataset if columns.data in n.near), None)
    data = columns.data or next((n.data for n in of_dataset if n.data), "")
    subset = next((n.subset for n in of_dataset), "all")
    scores = report.by_name.get(data)
    caveat = next((n.caveat for n in of_dataset if n.data == data), "")
    caption = [
        scores.description() if scores else "",
        "Scored on the test part" if subset == "test" else "",
        f"Not comparable: {near.differs}" if near else caveat and f"What differs: {caveat}",
        columns.note,
    ]
    entries = [
        row.entry or next((n.entry for n in numbers if n.method == row.printed), "")
        for row in table.rows
    ]
    # the first paper last, so that its number is kept
    printed = {(n.method, n.metric): n for n in reversed(of_dataset)}
    cells = {
        (i, metric): (
            printed.get((table.rows[i].printed, metric)),
            _ours(report, entry, data, metric, subset),
        )
        for i, entry in enumerate(entries)
        for metric in table.metrics
    }
    return _Grid(table, columns, data, ". ".join(filter(None, caption)), entries, cells)


def _ours(report: ReportContext, entry: str, data: str, metric: Metric, subset: str) -> Ours:
    if entry and data:
        return our_scores(report, entry, data, METRICS[metric], subset)
    absent = "data set" if entry else "method"
    return Ours(status=NOT_IN_CATALOGUE, reason=f"mmbench has no such {absent}")


def _table(report: ReportContext, grid: _Grid, name: str) -> Table:
    metrics, is_printed = grid.layout.metrics, bool(grid.layout.papers)
    head = [Cell("method")]
    for metric in metrics:
        head += [Cell(metric), Cell("here")] if is_printed else [Cell(metric)]
    rows = []
    for i, (row, entry) in enumerate(zip(grid.layout.rows, grid.entries, strict=True)):
        note = _params_note(report, grid, entry)
        cells = [Cell(method_name(report, row.printed, entry), note=note)]
        for metric in metrics:
            number, ours = grid.cells[i, metric]
            if is_printed:
                cells.append(_printed_cell(number))
            if metric == metrics[0]:  # the first column says why there is no score
                cells.append(Cell(ours.text, note=ours.reason))
            else:
                cells.append(Cell(ours.text if len(ours.values) else MISSING))
        rows.append([*cells, Cell(grid.cells[i, metrics[0]][1].seeds_text)])
    scores = report.by_name.get(grid.data)
    dataset = scores.dataset.title if scores else grid.data
    title = grid.columns.printed or dataset
    if grid.columns.data and grid.columns.printed:
        title += f", here {dataset}"
    return Table(name, title, grid.caption, [*head, Cell("seeds")], rows)


def _printed_cell(number: Published | None) -> Cell:
    if number is None:
        return Cell(MISSING)
    if number.verified == "memory":
        return Cell(number.printed, "unverified", note=FROM_MEMORY)
    return Cell(number.printed)


def _params_note(report: ReportContext, grid: _Grid, entry: str) -> str:
    """Return which hyperparameters of a row are not those of its entry, or an empty text."""
    method = report.method(entry)
    notes = []
    if method and grid.data in method.tuned_on:
        notes.append("hyperparameters of its own on this data set")
    if method and method.changed:
        notes.append("hyperparameters set by the benchmark on top of the catalogue's")
    return "; ".join(notes)


def _csv_rows(report: ReportContext, grid: _Grid) -> Iterator[list[object]]:
    for (i, metric), (number, ours) in grid.cells.items():
        start: list[object] = [grid.layout.title, grid.columns.printed, grid.data]
        start += [grid.layout.rows[i].printed, grid.entries[i], metric]
        if number is None:
            yield [*start, "", "", "", "", *ours.csv, "", ours.reason]
            continue
        start += [number.value, number.std, number.verified, number.paper, *ours.csv]
        if ours.status == NOT_IN_CATALOGUE:
            yield [*start, ours.status, ours.reason]
        else:
            yield [*start, *verdict(report, number, grid.data, ours)]
