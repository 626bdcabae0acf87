"""The tables of a paper, laid out as it prints them, with our numbers beside.

A layout, `config/papers/{name}-tables.yaml`, lists the tables of a paper: their rows, data sets
and metrics under the names in print. What is printed comes from `config/published.csv`, ours
from the scores of the benchmark. A cell without a number of ours says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mmbench.checks import checked, read_yaml
from mmbench.errors import InputError, unknown
from mmbench.files import write_text
from mmbench.reporting.published import (
    METRICS,
    Metric,
    Ours,
    Published,
    figures,
    name_here,
    our_own,
    verdict,
)
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import (
    Cell,
    Document,
    Emphasis,
    Section,
    Table,
    csv_text,
    latex,
    markdown,
)

LAYOUTS = Path("config/papers")
FROM_MEMORY = "in brackets: from memory, nobody has looked it up; no verdict rests on it"
TEXT = (
    "Scores are fractions. Beside each printed number stands ours, headed here: mean ± standard"
    " deviation (n - 1) over the seeds that ended ok."
)
OWN_TEXT = (
    "Scores are fractions: mean ± standard deviation (n - 1) over the seeds that ended ok."
    " Nothing here is in print."
)


def _as_printed(value: Any) -> Any:
    """Let a name stand for what is printed under it."""
    return {"printed": value} if isinstance(value, str) else value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowLayout(_Frozen):
    """A row: a method under its name in print, or an entry of the catalogue alone."""

    printed: str = ""
    entry: str = ""

    @model_validator(mode="after")
    def _check(self) -> "RowLayout":
        if bool(self.printed) == bool(self.entry):
            raise ValueError("expected either the name in print or `entry`")
        return self


class ColumnsLayout(_Frozen):
    """The columns of a data set.

    Attributes:
        printed: its name in print; nothing in a table of our own.
        data: the data set of the catalogue; by default the same as in print, if there is one.
        note: what a reader should know.
    """

    printed: str = ""
    data: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> "ColumnsLayout":
        if not (self.printed or self.data):
            raise ValueError("expected the name in print or `data`, got neither")
        return self


class TableLayout(_Frozen):
    """A table of a paper.

    Attributes:
        title: such as "GCFAgg, Table 2".
        text: what to know before reading.
        papers: whose numbers to print, as `published.csv` names papers; where several have
            one, the first. None for a table of our own.
        metrics: as papers print them.
        rows: methods, in order.
        columns: data sets, in order.
    """

    title: str
    text: str = ""
    papers: tuple[str, ...] = ()
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    rows: Annotated[
        tuple[Annotated[RowLayout, BeforeValidator(_as_printed)], ...], Field(min_length=1)
    ]
    columns: Annotated[
        tuple[Annotated[ColumnsLayout, BeforeValidator(_as_printed)], ...], Field(min_length=1)
    ]


class Layout(_Frozen):
    """The tables of a paper."""

    title: str
    text: str = ""
    tables: Annotated[tuple[TableLayout, ...], Field(min_length=1)]


def layout_path(spec: ReportSpec, folder: Path = LAYOUTS) -> Path | None:
    """Return the layout of a benchmark named `paper_{name}`, or None where it has none."""
    path = folder / f"{spec.name.removeprefix('paper_')}-tables.yaml"
    return path if spec.name.startswith("paper_") and path.is_file() else None


def read_layout(path: Path, published: Sequence[Published]) -> Layout:
    """Return a layout, checked against what is in print.

    Raises:
        InputError: the file is missing or wrong, or names a paper, method or data set that
            `published` does not have; the message names the table.
    """
    layout = checked(Layout, read_yaml(path), where=str(path))
    for table in layout.tables:
        _check_names(table, published, where=f"{path}: {table.title}")
    return layout


def write_paper_tables(
    spec: ReportSpec,
    stored: Sequence[Stored],
    published: Sequence[Published],
    layout_path: Path,
    folder: Path,
) -> Document:
    """Write paper-{name}.md, .tex and .csv into a folder, {name} being that of the layout.

    Returns:
        What the first two show.

    Raises:
        InputError: the layout is missing or wrong; then nothing is written.
    """
    layout = read_layout(layout_path, published)
    name = layout_path.stem.removesuffix("-tables")
    grids = [
        [_grid(spec, stored, published, table, columns) for columns in table.columns]
        for table in layout.tables
    ]
    is_printed = any(table.papers for table in layout.tables)
    text = [*filter(None, [layout.text]), TEXT if is_printed else OWN_TEXT]
    sections = [
        Section(
            table.title,
            table.text,
            [_table(spec, grid, f"{name}-{i}-{j}") for j, grid in enumerate(parts, start=1)],
        )
        for i, (table, parts) in enumerate(zip(layout.tables, grids, strict=True), start=1)
    ]
    rows = [row for parts in grids for grid in parts for row in _csv_rows(spec, grid)]
    write_text(folder / f"paper-{name}.md", markdown(layout.title, text, sections))
    write_text(folder / f"paper-{name}.tex", latex(text, sections))
    write_text(folder / f"paper-{name}.csv", csv_text(_CSV_COLUMNS, rows))
    return Document(layout.title, text, sections)


@dataclass(frozen=True, eq=False)
class _Grid:
    """The part of a table that is about one data set.

    Attributes:
        layout: the table.
        columns: the data set.
        data: of the catalogue, or nothing.
        about: what the data are, as far as it is known.
        differs: what sets them apart from those in print, if anything does.
        printed: by (position of the row, metric), the number in print.
        entries: by position of the row, the method entry, or nothing.
        ours: by (position of the row, metric), what the report has.
    """

    layout: TableLayout
    columns: ColumnsLayout
    data: str
    about: str
    differs: str
    printed: Mapping[tuple[int, Metric], Published]
    entries: Sequence[str]
    ours: Mapping[tuple[int, Metric], Ours]


def _grid(
    spec: ReportSpec,
    stored: Sequence[Stored],
    published: Sequence[Published],
    table: TableLayout,
    columns: ColumnsLayout,
) -> _Grid:
    in_print = _in_print(table, published)
    about = [row for row in in_print if columns.printed and row.dataset == columns.printed]
    same = next((row.data for row in about if row.data), "")
    near = next((row for row in about if columns.data in row.near), None)
    data = columns.data or same
    subset = next((row.subset for row in about), "all")
    entries = [
        row.entry or next((r.entry for r in in_print if r.method == row.printed), "")
        for row in table.rows
    ]
    printed = {
        (i, r.metric): r
        for i, row in enumerate(table.rows)
        for r in reversed(about)  # the first paper last, so that it counts
        if r.method == row.printed
    }
    ours = {}
    for i, entry in enumerate(entries):
        for metric in table.metrics:
            if not entry:
                found = Ours(word="not in the catalogue", reason="mmbench has no such method")
            elif not data:
                found = Ours(word="not in the catalogue", reason="mmbench has no such data set")
            else:
                found = our_own(spec, stored, entry, data, METRICS[metric], subset)
            ours[i, metric] = found
    one = next((s for s in stored if s.dataset.name == data), None)
    words = [one.about() if one else "", "Scored on the test part" if subset == "test" else ""]
    told = ". ".join(filter(None, words))
    caveat = next((row.caveat for row in about if row.data == data), "")
    differs = f"Not comparable: {near.differs}" if near else caveat and f"What differs: {caveat}"
    return _Grid(table, columns, data, told, differs, printed, entries, ours)


def _table(spec: ReportSpec, grid: _Grid, name: str) -> Table:
    metrics, is_printed = grid.layout.metrics, bool(grid.layout.papers)
    head = [Cell("method")]
    for metric in metrics:
        head += [Cell(metric), Cell("here")] if is_printed else [Cell(metric)]
    rows = []
    for i, (row, entry) in enumerate(zip(grid.layout.rows, grid.entries, strict=True)):
        cells = [Cell(name_here(spec, row.printed, entry), note=_marks(spec, grid, entry))]
        for metric in metrics:
            if is_printed:
                cells.append(_printed_cell(grid.printed.get((i, metric))))
            cells.append(_here_cell(grid.ours[i, metric], is_first=metric == metrics[0]))
        ours = grid.ours[i, metrics[0]]
        rows.append([*cells, Cell(f"{len(ours.values)}/{ours.seeds}" if ours.seeds else "–")])
    dataset = next((d.title for d in spec.datasets if d.name == grid.data), grid.data)
    title = grid.columns.printed or dataset
    if grid.columns.data and grid.columns.printed:
        title += f", here {dataset}"
    caption = ". ".join(filter(None, [grid.about, grid.differs, grid.columns.note]))
    return Table(f"{spec.name}-{name}", title, caption, [*head, Cell("seeds")], rows)


def _printed_cell(row: Published | None) -> Cell:
    if row is None:
        return Cell("–")
    is_memory = row.verified == "memory"
    emphasis: Emphasis = "unverified" if is_memory else ""
    return Cell(row.printed, emphasis, note=FROM_MEMORY if is_memory else "")


def _here_cell(ours: Ours, *, is_first: bool) -> Cell:
    if len(ours.values) or is_first:
        return Cell(ours.text, note=ours.reason if is_first else "")
    return Cell("–")


def _marks(spec: ReportSpec, grid: _Grid, entry: str) -> str:
    """Return what sets the hyperparameters of a row apart, if anything does."""
    method = next((m for m in spec.methods if m.name == entry), None)
    if method is None:
        return ""
    words = []
    if grid.data in method.tuned_on:
        words.append("hyperparameters of its own on this data set")
    if method.changed:
        words.append("hyperparameters set by the benchmark on top of the catalogue's")
    return "; ".join(words)


_CSV_COLUMNS = (
    "benchmark",
    "table",
    "printed_dataset",
    "dataset",
    "printed_method",
    "method",
    "metric",
    "printed",
    "printed_std",
    "verified",
    "paper",
    "mean",
    "std",
    "seeds_ok",
    "seeds",
    "verdict",
    "why",
)


def _csv_rows(spec: ReportSpec, grid: _Grid) -> list[list[object]]:
    rows: list[list[object]] = []
    for (i, metric), ours in grid.ours.items():
        told = grid.printed.get((i, metric))
        line: list[object] = [spec.name, grid.layout.title, grid.columns.printed, grid.data]
        line += [grid.layout.rows[i].printed, grid.entries[i], metric]
        if told is None:
            line += ["", "", "", "", *figures(ours), "", ours.reason]
        else:
            std = "" if told.std is None else told.std
            line += [told.value, std, told.verified, told.paper, *figures(ours)]
            word, why = _verdict(spec, grid, told, ours)
            line += [word, why]
        rows.append(line)
    return rows


def _verdict(spec: ReportSpec, grid: _Grid, told: Published, ours: Ours) -> tuple[str, str]:
    if ours.word == "not in the catalogue":
        return ours.word, ours.reason
    return verdict(spec, told, grid.data, ours)


def _in_print(table: TableLayout, published: Sequence[Published]) -> list[Published]:
    """Return the numbers of the papers of a table, in the order in which it names them."""
    return [row for paper in table.papers for row in published if row.paper == paper]


def _check_names(table: TableLayout, published: Sequence[Published], *, where: str) -> None:
    papers = dict.fromkeys(row.paper for row in published)
    for paper in table.papers:
        if paper not in papers:
            raise unknown("paper", paper, papers, where=where)
    in_print = _in_print(table, published)
    methods = {row.method for row in in_print}
    for row in table.rows:
        if row.printed and row.printed not in methods:
            raise unknown("method in print", row.printed, methods, where=where)
    datasets = {row.dataset for row in in_print}
    for columns in table.columns:
        if not columns.printed:
            continue
        if columns.printed not in datasets:
            raise unknown("data set in print", columns.printed, datasets, where=where)
        known = {
            name
            for row in in_print
            if row.dataset == columns.printed
            for name in (row.data, *row.near)
        }
        if columns.data and columns.data not in known:
            raise InputError(
                f"{where}: expected for {columns.printed} one of the data sets that"
                f" published.csv names ({', '.join(sorted(filter(None, known))) or 'none'}),"
                f" got {columns.data!r}"
            )
