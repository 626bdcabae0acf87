"""The 95 % t-interval of the mean of each cell of the leaderboard, as a .csv file."""

from collections.abc import Iterator

import numpy as np

from mmbench.reporting.boards import DatasetBoard
from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Document
from mmbench.reporting.formatting import csv_mean_sd, csv_number
from mmbench.reporting.statistics import half_interval

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
        start = [board.dataset.name, board.section, method.name, row.title, method.fidelity]
        for column, x in row.values.items():
            selection = "oracle" if row.is_oracle or column.is_oracle else "last"
            mean, half = x.mean(), half_interval(x)
            values = (mean - half, mean + half, np.median(x), x.min(), x.max())
            cell = [row.kind, selection, column.subset, column.metric, *csv_mean_sd(x)]
            yield [*start, *cell, *map(csv_number, values), len(x), n_seeds]
