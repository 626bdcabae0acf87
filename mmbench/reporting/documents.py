"""Tables as values, before they are Markdown, LaTeX, plain text or part of the page."""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mmbench.reporting.labels import SECTIONS

Emphasis = Literal["", "best", "second", "oracle", "unverified"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        emphasis: `oracle` is chosen by label, `unverified` a number from memory.
        note: a footnote.
        narrow: the text in a terminal, perhaps of several lines; empty means `text`.
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
        caption: a sentence or nothing.
        rows: as long as the head.
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
    """Tables that belong together after a text, or a text without a table."""

    title: str
    text: str
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class PageSection:
    """A section of the page: a statement, tables, and tables that a reader can unfold."""

    title: str
    statement: str
    tables: Sequence[Table] = ()
    folded: Sequence[Table] = ()


@dataclass(frozen=True)
class Document:
    """What the files of one entry of `mmbench.reporting.tables` contain.

    Attributes:
        text: paragraphs before the tables.
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
    on_page: Sequence[PageSection] = ()
    name: str = ""


def by_section(tables: Iterable[tuple[str, Table]]) -> list[Section]:
    """Return tables by the kind of their data, each given with its key of `labels.SECTIONS`."""
    found: dict[str, list[Table]] = {}
    for key, table in tables:
        found.setdefault(key, []).append(table)
    return [Section(*SECTIONS[key], found[key]) for key in SECTIONS if key in found]


def page_section(
    title: str, text: Sequence[str], sections: Sequence[Section], *, is_open: bool = False
) -> list[PageSection]:
    """Return a document as one section of the page, its tables folded unless it is open.

    Without a table, it is left out unless it is open.
    """
    tables = [table for section in sections for table in section.tables]
    if is_open:
        return [PageSection(title, " ".join(text), tables)]
    return [PageSection(title, " ".join(text), folded=tables)] if tables else []


def _letter(i: int) -> str:
    letters = string.ascii_lowercase
    return letters[i] if i < len(letters) else _letter(i // len(letters) - 1) + letters[i % 26]
