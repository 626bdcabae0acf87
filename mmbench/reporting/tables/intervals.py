"""The 95 % t-interval of the mean of each cell of the leaderboard, as a .csv file."""

import math
from collections.abc import Iterator

from mmbench.reporting.boards import DatasetBoard
from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Document
from mmbench.reporting.statistics import summary

_COLUMNS = (
    "dataset section method title fidelity row selection subset metric"
    " mean sd low high median min max seeds_ok seeds"
)


def document(report: ReportContext) -> Document:
    """Return a row per cell of the leaderboard."""
    rows = [row for board in report.boards for row in _csv_rows(board, len(report.spec.seeds))]
    return Document(f"Intervals of {report.spec.name}", columns=_COLUMNS, rows=rows)


def _csv_rows(board: DatasetBoard, n_seeds: int) -> Iterator[list[object]]:
    for row in board.rows:
        method = row.method
        start = [board.dataset.name, board.section, method.name, row.title]
        start += [method.fidelity, row.kind]
        for column, values in row.values.items():
            selection = "oracle" if row.is_oracle or column.is_oracle else "last"
            s = summary(values, n_seeds)
            numbers = (s.mean, s.sd, s.low, s.high, s.median, s.min, s.max)
            yield [
                *start,
                selection,
                column.subset,
                column.metric,
                *("" if math.isnan(x) else round(x, 6) + 0.0 for x in numbers),
                s.n,
                s.n_all,
            ]
