"""The layout of a paper's tables: `config/papers/{name}-tables.yaml`.

It lists the rows, data sets and metrics of each table under the names in print.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from mmbench.checks import checked, read_yaml
from mmbench.errors import InputError, unknown
from mmbench.reporting.published import Metric, Published
from mmbench.reporting.spec import FrozenModel, ReportSpec

LAYOUTS = Path("config/papers")


# a name alone stands for what is printed under it
_named = BeforeValidator(lambda x: {"printed": x} if isinstance(x, str) else x)


class RowLayout(FrozenModel):
    """A row: a method under its name in print, or an entry of the catalogue alone."""

    printed: str = ""
    entry: str = ""

    @model_validator(mode="after")
    def _check(self) -> "RowLayout":
        if bool(self.printed) == bool(self.entry):
            raise ValueError("expected either the name in print or `entry`")
        return self


class ColumnsLayout(FrozenModel):
    """The columns of a data set.

    Attributes:
        printed: its name in print; nothing in a table of our own.
        data: the data set of the catalogue; by default the same as in print, if there is one.
        note: a sentence for the caption.
    """

    printed: str = ""
    data: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> "ColumnsLayout":
        if not (self.printed or self.data):
            raise ValueError("expected the name in print or `data`, got neither")
        return self


class TableLayout(FrozenModel):
    """A table of a paper.

    Attributes:
        papers: whose numbers to print, as `published.csv` names papers; where several have
            one, the first. None for a table of our own.
        metrics: as papers print them.
    """

    title: str
    text: str = ""
    papers: tuple[str, ...] = ()
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    rows: Annotated[tuple[Annotated[RowLayout, _named], ...], Field(min_length=1)]
    columns: Annotated[tuple[Annotated[ColumnsLayout, _named], ...], Field(min_length=1)]


class Layout(FrozenModel):
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
    layout, papers = checked(Layout, read_yaml(path), where=str(path)), {n.paper for n in published}
    for table in layout.tables:
        where, numbers = f"{path}: {table.title}", numbers_of(table, published)
        methods, datasets = {n.method for n in numbers}, {n.dataset for n in numbers}
        for kind, used, known in (
            ("paper", table.papers, papers),
            ("method in print", [row.printed for row in table.rows], methods),
            ("data set in print", [columns.printed for columns in table.columns], datasets),
        ):
            for name in filter(None, used):
                if name not in known:
                    raise unknown(kind, name, known, where=where)
        for columns in table.columns:
            about = [number for number in numbers if number.dataset == columns.printed]
            data = {name for number in about for name in (number.data, *number.near)} - {""}
            if columns.printed and columns.data and columns.data not in data:
                raise InputError(
                    f"{where}: expected for {columns.printed} one of the data sets that"
                    f" published.csv names ({', '.join(sorted(data)) or 'none'}), got"
                    f" {columns.data!r}"
                )
    return layout


def numbers_of(table: TableLayout, published: Sequence[Published]) -> list[Published]:
    """Return the numbers of the papers of a table, in the order in which it names them."""
    return [row for paper in table.papers for row in published if row.paper == paper]
