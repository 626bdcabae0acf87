"""Tables as Markdown, LaTeX, plain text and .csv."""

import csv
import html
import io
import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence

from mmbench.reporting.documents import Cell, Document, Emphasis, Section

WIDTH = 118  # of text in a terminal
NAME_WIDTH = 34  # of the first column there


def markdown(document: Document) -> str:
    """Return a document in GitHub's Markdown."""
    parts = [f"# {_md(document.title)}", *map(_md, document.text)]
    for section in document.sections:
        parts += [f"## {_md(section.title)}", *([_md(section.text)] if section.text else [])]
        for table in section.tables:
            parts.append(f"### {_md(table.title)}")
            if table.caption:
                parts.append(_md(table.caption))
            cells = [_cells(row, table.notes) for row in [table.head, *table.rows]]
            rows = [f"| {' | '.join(texts)} |" for texts in cells]
            rule = "| " + " | ".join([":--", *["--:"] * (len(table.head) - 1)]) + " |"
            parts.append("\n".join([rows[0], rule, *rows[1:]]))
            notes = [f"<sup>{letter}</sup> {_md(note)}" for note, letter in table.notes.items()]
            if notes:
                parts.append("<br>\n".join(notes))
    return "\n\n".join(parts) + "\n"


def latex(document: Document) -> str:
    r"""Return one table environment per table, for `\input`; needs the package booktabs.

    Below each table stands the text of the document and of its sections without a table. A
    document without any table is this text alone, so that a paper shows why there is none.
    """
    sections = document.sections
    without_table = [section.text for section in sections if not section.tables]
    text = _tex(" ".join([*document.text, *without_table]).replace("\n\n", " "))
    cells = (c for s in sections for t in s.tables for row in t.rows for c in row)
    has_colour = any(cell.emphasis == "unverified" for cell in cells)
    parts = [r"% needs \usepackage{booktabs}" + r" and \usepackage{xcolor}" * has_colour]
    for section in sections:
        for table in section.tables:
            texts = [_cells(row, table.notes, is_tex=True) for row in [table.head, *table.rows]]
            rows = [rf"{' & '.join(row)} \\" for row in texts]
            about = [f"{table.title}.", table.caption and f"{table.caption}.", section.text]
            notes = [f"$^{{{letter}}}$ {_tex(note)}" for note, letter in table.notes.items()]
            lines = [
                r"\begin{table}[htbp]",
                r"\centering\small",
                rf"\caption{{{_tex(' '.join(filter(None, about)))}}}",
                rf"\label{{tab:{re.sub(r'[^A-Za-z0-9:-]', '-', table.name)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}",
                r"\toprule",
                rows[0],
                r"\midrule",
                *rows[1:],
                r"\bottomrule",
                r"\end{tabular}",
                "",
                r"\begin{minipage}{\linewidth}\footnotesize\smallskip",
                *(rf"{line}\\" for line in notes),
                text,
                r"\end{minipage}",
                r"\end{table}",
            ]
            parts.append("\n".join(lines))
    if not any(section.tables for section in sections):
        parts.append(text)
    return "\n\n".join(parts) + "\n"


def plain(text: Sequence[str], sections: Sequence[Section]) -> str:
    """Return aligned columns for a terminal; superscripts 1 and 2 mark best and second."""
    parts = ["\n".join(_wrap(line) for line in text)]
    for section in sections:
        parts.append(_wrap(f"{section.title}. {section.text}".rstrip()))
        for table in section.tables:
            rows = [line for row in [table.head, *table.rows] for line in _lines(row, table.notes)]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines = [
                "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
                for row in rows
            ]
            rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
            lines.insert(len(_lines(table.head, table.notes)), rule)
            notes = [f"{letter}) {note}" for note, letter in table.notes.items()]
            about = [_wrap(line) for line in (table.title, table.caption) if line]
            parts.append("\n".join([*about, rule, *lines, *map(_wrap, notes)]))
    return "\n\n".join(parts) + "\n"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a .csv file with a header."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue()


# in Markdown, in which GitHub has no colours, and in LaTeX
_EMPHASIS: dict[Emphasis, tuple[str, str]] = {
    "": ("{}", "{}"),
    "best": ("**{}**", r"\textbf{{{}}}"),
    "second": ("<u>{}</u>", r"\underline{{{}}}"),
    "oracle": ("*{}*", r"\textit{{{}}}"),
    "unverified": ("<small>{}</small>", r"\textcolor{{gray}}{{{}}}"),
}


def _cells(row: Sequence[Cell], notes: dict[str, str], *, is_tex: bool = False) -> list[str]:
    """Return the cells of a row in Markdown or LaTeX."""
    escape, superscript = (_tex, "$^{{{}}}$") if is_tex else (_md, " <sup>{}</sup>")
    return [
        _EMPHASIS[cell.emphasis][is_tex].format(escape(cell.text))
        + (superscript.format(notes[cell.note]) if cell.note else "")
        for cell in row
    ]


def _lines(row: Sequence[Cell], notes: dict[str, str]) -> list[list[str]]:
    """Return the lines of a row in plain text, as many as its tallest cell needs."""
    cells = []
    for i, cell in enumerate(row):
        note = f" {notes[cell.note]})" if cell.note else ""
        if i == 0:
            wrapped = textwrap.wrap(cell.text + note, NAME_WIDTH, subsequent_indent="  ")
            cells.append(wrapped or [""])
        else:
            mark = {"best": "¹", "second": "²"}.get(cell.emphasis, " ")  # so that digits align
            cells.append([x + mark for x in f"{cell.narrow or cell.text}{note}".split("\n")])
    return [list(line) for line in itertools.zip_longest(*cells, fillvalue="")]


def _wrap(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")


def _md(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", html.escape(text, quote=False))


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "·": r"\textperiodcentered{}",
    "−": "$-$",
    **{c: rf"\{c}" for c in "&%$#_{}"},
}
# the hyphen of a negative number; those of names, ranges and formulas have no decimal behind them
_MINUS = re.compile(r"(?<![\w.-])-(?=\d*\.\d)")


def _tex(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return "".join(_TEX.get(c, c) for c in _MINUS.sub("−", text))
