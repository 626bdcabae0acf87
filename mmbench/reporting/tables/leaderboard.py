"""The leaderboard: mean and standard deviation over seeds, per data set, method and metric."""

from collections.abc import Iterator, Sequence

from mmbench.reporting.boards import Column, DatasetBoard, Row
from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Emphasis, Section, Table, by_section
from mmbench.reporting.formatting import (
    MISSING,
    csv_mean_sd,
    format_gain,
    format_mean_sd,
    format_score,
)
from mmbench.reporting.labels import MARKS, UNRANKED
from mmbench.reporting.rendering import plain
from mmbench.reporting.spec import ReportSpec

LEGEND = (
    "Best of a column in bold, second underlined; oracles (in italics) and controls are not ranked."
)
LEGEND_IN_TERMINAL = "¹ best and ² second of a column; oracles and controls are not ranked."
ORACLE_GAP = (
    "The oracle gap is the ACC of the best epoch, chosen by label, minus that of the last epoch:"
    " what choosing an epoch by label would add. It is not a valid result."
)
_COLUMNS = (
    "dataset data_setting pairing method title fidelity tuned changed params_hash row"
    " selection subset metric mean std rank seeds_ok seeds note origin"
)


def document(report: ReportContext) -> Document:
    """Return the leaderboard; its .csv has a row per cell."""
    return Document(
        f"Leaderboard of {report.spec.name}",
        [*_text(report), LEGEND],
        _sections(report.spec, report.boards),
        _COLUMNS,
        [row for board in report.boards for row in _csv_rows(report.spec, board)],
    )


def text_of(report: ReportContext) -> str:
    """Return the leaderboard for a terminal; unavailable data sets have a line, not a table."""
    boards = report.boards
    text = [
        f"Leaderboard of {report.spec.name}",
        *_text(report),
        LEGEND_IN_TERMINAL,
        *(f"{b.dataset.title}: {b.rows[0].note}" for b in boards if b.is_unavailable),
    ]
    return plain(text, _sections(report.spec, [b for b in boards if not b.is_unavailable]))


def _text(report: ReportContext) -> list[str]:
    """Return what a reader must know before the numbers."""
    spec, boards = report.spec, report.boards
    if len(spec.seeds) == 1:
        over = f"of seed {spec.seeds[0]} alone"
    else:
        seeds = ", ".join(map(str, spec.seeds))
        over = f"mean ± standard deviation (n - 1) over the seeds that ended ok, of {seeds}"
    text = [
        f"Scores are fractions: {over}.",
        "Scores are those of the last epoch. Labels chose nothing, except where it says oracle.",
    ]
    if any(column.is_oracle for board in boards for column in board.columns):
        text.append(ORACLE_GAP)
    used = {mark for board in boards for method in spec.methods for mark in board.marks(method)}
    return text + [f"{mark} {meaning}" for mark, meaning in MARKS.items() if mark in used]


def _sections(spec: ReportSpec, boards: Sequence[DatasetBoard]) -> list[Section]:
    return by_section((board.section, t) for board in boards for t in _tables(spec, board))


def _tables(spec: ReportSpec, board: DatasetBoard) -> list[Table]:
    """Return the table of a data set and, for mixed-modal data, one of each modality alone."""
    alone = [c for c in board.columns if c.subset.startswith("modality:")]
    together = [c for c in board.columns if c not in alone]
    rows = [row for row in board.rows if any(c in row.values for c in alone)]
    name, title = f"{spec.name}-{board.dataset.name}", board.dataset.title
    about = board.scores.description()
    tables = [Table(name, title, about, *_head_and_rows(spec, board, together, board.rows))]
    if rows:
        name, title = f"{name}-modalities", f"{title}: each modality alone"
        tables.append(Table(name, title, about, *_head_and_rows(spec, board, alone, rows)))
    return tables


def _head_and_rows(
    spec: ReportSpec, board: DatasetBoard, columns: Sequence[Column], rows: Sequence[Row]
) -> tuple[list[Cell], list[list[Cell]]]:
    ranks = {column: board.ranks(column) for column in columns}
    head = [Cell("method"), *(Cell(c.head, narrow=c.narrow_head) for c in columns), Cell("seeds")]
    table_rows = []
    for row in rows:
        method, scores = row.method, board.scores
        n_ok = len(scores.ok_records(method.name))
        cells = [_score_cell(row, c, ranks[c].get(row)) for c in columns]
        if n_ok == 0:
            cells[0] = Cell(scores.status_text(method.name), note=row.note)
        # a note on failed seeds is at their number, one on an oracle's choice at the name
        chosen, failed = (row.note, "") if row.is_oracle else ("", row.note)
        notes = [chosen * bool(n_ok), scores.origin(method.name), method.remark * bool(n_ok)]
        name = " ".join([row.title, *board.marks(method)])
        first = Cell(name, "oracle" if row.is_oracle else "", "; ".join(filter(None, notes)))
        seeds = Cell(f"{n_ok}/{len(spec.seeds)}", note=failed * bool(n_ok))
        table_rows.append([first, *cells, seeds])
    return head, table_rows


def _score_cell(row: Row, column: Column, rank: int | None) -> Cell:
    values = row.values.get(column)
    if values is None:
        return Cell(MISSING)
    if column.is_oracle:
        return Cell(format_gain(values.mean()), "oracle")
    text = format_mean_sd(values)
    has_little_room = column.subset != "all" or column.metric in UNRANKED
    narrow = format_score(values.mean()) if has_little_room else text.replace(" ", "")
    emphasis: Emphasis = "oracle" if row.is_oracle else ""
    if rank is not None:
        emphasis = "best" if rank == 1 else "second"
    return Cell(text, emphasis, narrow=narrow)


def _csv_rows(spec: ReportSpec, board: DatasetBoard) -> Iterator[list[object]]:
    dataset, scores = board.dataset, board.scores
    ranks = {column: board.ranks(column) for column in board.columns}
    for row in board.rows:
        method = row.method
        start: list[object] = [dataset.name, dataset.data_setting, dataset.pairing, method.name]
        start += [row.title, method.fidelity, dataset.name in method.tuned_on, method.changed]
        start += [scores.params_hash(method.name), row.kind]
        n_ok = len(scores.ok_records(method.name))
        end = [n_ok, len(spec.seeds), row.note, scores.origin(method.name)]
        if not row.values:
            yield [*start, "", "", "", "", "", "", *end]
        for column, values in row.values.items():
            selection = "oracle" if row.is_oracle or column.is_oracle else "last"
            rank = ranks[column].get(row, "") if column in ranks else ""
            cell = [selection, column.subset, column.metric, *csv_mean_sd(values), rank]
            yield [*start, *cell, *end]
