"""Tables as values, before they are Markdown, LaTeX, plain text or part of the page."""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Emphasis = Literal["", "best", "second", "oracle", "unverified"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: its content.
        emphasis: `best`, `second`, `oracle` (chosen by label) or `unverified` (a number that
            nobody has looked up).
        note: a footnote.
        narrow: its content in a terminal, where it may have several lines; empty means `text`.
    """

    text: str
    emphasis: Emphasis = ""
    note: str = ""
    narrow: str = ""


@dataclass(frozen=True)
class Table:
    """A table, the first column flush left and the others flush right.

    Attributes:
        name: short and unique, for cross-references.
        title: a few words.
        caption: a sentence or nothing.
        head: the heads of the columns.
        rows: cells, as many per row as there are columns.
    """

    name: str
    title: str
    caption: str
    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]

    @property
    def notes(self) -> dict[str, str]:
        """The letter of each footnote, in order of appearance; equal footnotes share a letter."""
        texts = dict.fromkeys(c.note for row in [self.head, *self.rows] for c in row if c.note)
        return {text: _letter(i) for i, text in enumerate(texts)}


@dataclass(frozen=True)
class Section:
    """Tables that belong together, or a text without a table.

    Attributes:
        title: a few words.
        text: what to know before reading.
        tables: any number.
    """

    title: str
    text: str
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class PageSection:
    """A section of the page: its statement, then the tables that support it.

    Attributes:
        title: a few words.
        statement: one or two sentences, printed first.
        tables: visible at once.
        folded: visible when a reader asks for them.
    """

    title: str
    statement: str
    tables: Sequence[Table] = ()
    folded: Sequence[Table] = ()


@dataclass(frozen=True)
class Document:
    """What the files of one entry of `mmbench.reporting.tables` contain.

    Attributes:
        title: the heading of the Markdown file.
        text: paragraphs before the tables.
        sections: any number.
        columns: those of the .csv file, separated by spaces as in `namedtuple`.
        rows: those of the .csv file.
        on_page: the sections of the page that show it.
        name: the stem of its files; by default the name of the entry.
    """

    title: str
    text: Sequence[str] = ()
    sections: Sequence[Section] = ()
    columns: str = ""
    rows: Iterable[Sequence[object]] = ()
    on_page: Sequence[PageSection] = field(default_factory=tuple)
    name: str = ""


def page_section(
    title: str, text: Sequence[str], sections: Sequence[Section], *, is_open: bool = False
) -> list[PageSection]:
    """Return a document as one section of the page, or none where nothing is to be seen.

    Args:
        title: of the section.
        text: its statement.
        sections: those of the document.
        is_open: whether the tables are visible at once, and the section also without a table.
    """
    tables = [table for section in sections for table in section.tables]
    if not tables and not is_open:
        return []
    statement = " ".join(text)
    if is_open:
        return [PageSection(title, statement, tables)]
    return [PageSection(title, statement, folded=tables)]


def _letter(i: int) -> str:
    letters = string.ascii_lowercase
    return letters[i] if i < len(letters) else _letter(i // len(letters) - 1) + letters[i % 26]
