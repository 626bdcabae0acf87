"""The tables of a report. A new table is a module of this folder and an entry of `TABLES`.

A module has one function, `document(report: ReportContext) -> Document | None`, where None
stands for a table that the report does not have. Its files are `tables/{name}.csv`, which starts
with a column `benchmark`, `tables/{name}.md` and `tables/{name}.tex`.

The modules are imported when they are needed, since the workflow asks for the names alone.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.files import write_text
from mmbench.reporting.rendering import csv_text, latex, markdown
from mmbench.reporting.spec import ReportSpec

if TYPE_CHECKING:
    from mmbench.reporting.context import ReportContext
    from mmbench.reporting.documents import Document


@dataclass(frozen=True)
class TableEntry:
    """A table of a report.

    Attributes:
        name: of its module and its files.
        forms: the suffixes of its files.
        is_optional: whether some reports do not have it; the workflow does not expect it then.
    """

    name: str
    forms: tuple[str, ...] = ("csv", "md", "tex")
    is_optional: bool = False

    def write(self, document: "Document", spec: ReportSpec, folder: Path) -> None:
        """Write the files of the table into a folder."""
        path = folder / (document.name or self.name)
        if "md" in self.forms:
            write_text(path.with_suffix(".md"), markdown(document))
        if "tex" in self.forms:
            write_text(path.with_suffix(".tex"), latex(document))
        rows = ([spec.name, *row] for row in document.rows)
        columns = ["benchmark", *document.columns.split()]
        write_text(path.with_suffix(".csv"), csv_text(columns, rows))


# in the order of the page
TABLES = (
    TableEntry("leaderboard"),
    TableEntry("significance"),
    TableEntry("intervals", forms=("csv",)),
    TableEntry("robustness"),
    TableEntry("papers", is_optional=True),
    TableEntry("published"),
    TableEntry("selection_bias"),
    TableEntry("quality_checks", forms=("csv", "md")),
    TableEntry("cost"),
)


def table_files(*forms: str) -> list[str]:
    """Return the names of the files with these suffixes that every report has."""
    return [
        f"{entry.name}.{form}"
        for entry in TABLES
        for form in entry.forms
        if form in forms and not entry.is_optional
    ]


def make_tables(report: "ReportContext") -> "list[tuple[TableEntry, Document]]":
    """Return the tables that a report has, each with its entry."""
    modules = {entry: import_module(f"{__name__}.{entry.name}") for entry in TABLES}
    made = ((entry, module.document(report)) for entry, module in modules.items())
    return [(entry, document) for entry, document in made if document]
