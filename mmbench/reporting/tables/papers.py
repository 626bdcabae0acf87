"""The tables of a paper as it prints them, with our scores beside the printed ones.

A cell without a score of ours says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Emphasis, Section, Table, page_section
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
    grids = [[_grid(report, table, c) for c in table.columns] for table in layout.tables]
    is_printed = any(table.papers for table in layout.tables)
    text = [*filter(None, [layout.text]), TEXT if is_printed else OWN_TEXT]
    sections = [
        Section(
            table.title,
            table.text,
            [_table(report, grid, f"{i}-{j}") for j, grid in enumerate(of_table, start=1)],
        )
        for i, (table, of_table) in enumerate(zip(layout.tables, grids, strict=True), start=1)
    ]
    return Document(
        layout.title,
        text,
        sections,
        _COLUMNS,
        [row for of_table in grids for grid in of_table for row in _csv_rows(report, grid)],
        page_section(layout.title, text, sections, is_open=True),
        name=f"paper-{_paper(report)}",
    )


def _paper(report: ReportContext) -> str:
    return report.spec.name.removeprefix("paper_")


@dataclass(frozen=True, eq=False)
class _Grid:
    """The part of a table that is about one data set.

    Attributes:
        layout: the table.
        columns: the columns of the data set.
        data: its name in the catalogue, or nothing.
        description: its size and views, as far as they are known.
        differs: how it differs from the data in print, if it does.
        printed: by (position of the row, metric), the number in print.
        entries: by position of the row, the method entry, or nothing.
        ours: by (position of the row, metric), our scores.
    """

    layout: TableLayout
    columns: ColumnsLayout
    data: str
    description: str
    differs: str
    printed: Mapping[tuple[int, Metric], Published]
    entries: Sequence[str]
    ours: Mapping[tuple[int, Metric], Ours]


def _grid(report: ReportContext, table: TableLayout, columns: ColumnsLayout) -> _Grid:
    numbers = numbers_of(table, report.published)
    of_dataset = [n for n in numbers if columns.printed and n.dataset == columns.printed]
    near = next((n for n in of_dataset if columns.data in n.near), None)
    data = columns.data or next((n.data for n in of_dataset if n.data), "")
    subset = next((n.subset for n in of_dataset), "all")
    entries = [
        row.entry or next((n.entry for n in numbers if n.method == row.printed), "")
        for row in table.rows
    ]
    printed = {
        (i, n.metric): n
        for i, row in enumerate(table.rows)
        for n in reversed(of_dataset)  # the first paper last, so that its number is kept
        if n.method == row.printed
    }
    ours = {
        (i, metric): _ours(report, entry, data, metric, subset)
        for i, entry in enumerate(entries)
        for metric in table.metrics
    }
    scores = report.by_name.get(data)
    description = [scores.description()] if scores else []
    description += ["Scored on the test part"] if subset == "test" else []
    caveat = next((n.caveat for n in of_dataset if n.data == data), "")
    differs = f"Not comparable: {near.differs}" if near else caveat and f"What differs: {caveat}"
    return _Grid(
        table, columns, data, ". ".join(filter(None, description)), differs, printed, entries, ours
    )


def _ours(report: ReportContext, entry: str, data: str, metric: Metric, subset: str) -> Ours:
    if not entry:
        return Ours(status=NOT_IN_CATALOGUE, reason="mmbench has no such method")
    if not data:
        return Ours(status=NOT_IN_CATALOGUE, reason="mmbench has no such data set")
    return our_scores(report, entry, data, METRICS[metric], subset)


def _table(report: ReportContext, grid: _Grid, position: str) -> Table:
    metrics, is_printed = grid.layout.metrics, bool(grid.layout.papers)
    head = [Cell("method")]
    for metric in metrics:
        head += [Cell(metric), Cell("here")] if is_printed else [Cell(metric)]
    rows = []
    for i, (row, entry) in enumerate(zip(grid.layout.rows, grid.entries, strict=True)):
        note = _params_note(report, grid, entry)
        cells = [Cell(method_name(report, row.printed, entry), note=note)]
        for metric in metrics:
            if is_printed:
                cells.append(_printed_cell(grid.printed.get((i, metric))))
            cells.append(_our_cell(grid.ours[i, metric], is_first=metric == metrics[0]))
        rows.append([*cells, Cell(grid.ours[i, metrics[0]].seeds_text)])
    scores = report.by_name.get(grid.data)
    dataset = scores.dataset.title if scores else grid.data
    title = grid.columns.printed or dataset
    if grid.columns.data and grid.columns.printed:
        title += f", here {dataset}"
    caption = ". ".join(filter(None, [grid.description, grid.differs, grid.columns.note]))
    name = f"{report.spec.name}-{_paper(report)}-{position}"
    return Table(name, title, caption, [*head, Cell("seeds")], rows)


def _printed_cell(number: Published | None) -> Cell:
    if number is None:
        return Cell(MISSING)
    is_memory = number.verified == "memory"
    emphasis: Emphasis = "unverified" if is_memory else ""
    return Cell(number.printed, emphasis, note=FROM_MEMORY if is_memory else "")


def _our_cell(ours: Ours, *, is_first: bool) -> Cell:
    if len(ours.values) or is_first:
        return Cell(ours.text, note=ours.reason if is_first else "")
    return Cell(MISSING)


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
    for (i, metric), ours in grid.ours.items():
        start: list[object] = [grid.layout.title, grid.columns.printed, grid.data]
        start += [grid.layout.rows[i].printed, grid.entries[i], metric]
        number = grid.printed.get((i, metric))
        if number is None:
            yield [*start, "", "", "", "", *ours.csv, "", ours.reason]
            continue
        std = "" if number.std is None else number.std
        result: tuple[str, str] = (ours.status, ours.reason)
        if ours.status != NOT_IN_CATALOGUE:
            result = verdict(report, number, grid.data, ours)
        yield [*start, number.value, std, number.verified, number.paper, *ours.csv, *result]
