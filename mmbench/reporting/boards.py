"""The leaderboard of each data set, as values: a row per method, a column per metric and subset.

Scores are fractions, as `score` writes them. Rows and columns that labels chose are oracles and
are not ranked: the best view, and the gap between the best epoch and the last.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.formatting import rounded
from mmbench.reporting.labels import (
    BY_LABEL,
    CHANGED,
    NARROW_HEADS,
    NOT_TRAINED_HERE,
    TUNED,
    UNRANKED,
    metric_head,
)
from mmbench.reporting.scores import BEST_VIEW, DatasetScores
from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec


@dataclass(frozen=True)
class Column:
    """A column of scores: a metric over a subset, where `all` means all samples of a row."""

    metric: str
    subset: str = "all"

    @property
    def head(self) -> str:
        """The head of the column."""
        head = metric_head(self.metric)
        return head if self.subset == "all" else f"{head}, {self.subset.rpartition(':')[2]}"

    @property
    def narrow_head(self) -> str:
        """The head of the column in a terminal, which may have several lines."""
        return NARROW_HEADS.get(self.metric, self.head.replace(", ", ",\n"))

    @property
    def is_oracle(self) -> bool:
        """Whether labels chose what the column shows."""
        return self.metric == "acc_gap"


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the leaderboard of one data set.

    Attributes:
        kind: `all`, `view:NAME`, or `best-view`, which is chosen by label.
        values: per column, the values of the seeds that ended ok; absent where there is none.
        note: why a seed or the row has no score, or what an oracle chose.
    """

    method: MethodSpec
    kind: str
    values: Mapping[Column, NDArray[np.float64]]
    note: str

    @property
    def is_oracle(self) -> bool:
        """Whether labels chose what the row shows."""
        return self.kind == BEST_VIEW

    @property
    def title(self) -> str:
        """The printed name, without marks."""
        if self.is_oracle:
            return f"{self.method.printed}: best view (oracle)"
        view = self.kind.removeprefix("view:")
        return self.method.printed if self.kind == "all" else f"{self.method.printed}: {view}"


@dataclass(frozen=True, eq=False)
class DatasetBoard:
    """The leaderboard of one data set."""

    scores: DatasetScores
    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def dataset(self) -> DatasetSpec:
        """The data set of the report."""
        return self.scores.dataset

    @property
    def section(self) -> str:
        """The key of its section; data sets paired by label have one of their own."""
        return section_of(self.dataset)

    @property
    def is_unavailable(self) -> bool:
        """Whether no method could run because the data are not on this machine."""
        records = (r for by_seed in self.scores.records.values() for r in by_seed.values())
        return all(record["status"] == "data_unavailable" for record in records)

    def values(self, method: str, kind: str, column: Column) -> NDArray[np.float64]:
        """Return (n_ok,), the values of the row of this method and kind; empty if none."""
        rows = [row for row in self.rows if (row.method.name, row.kind) == (method, kind)]
        return rows[0].values.get(column, np.empty(0)) if rows else np.empty(0)

    def ranks(self, column: Column) -> dict[Row, int]:
        """Return which rows are first and second of a column, as printed; ties share a rank.

        Oracles, controls and imported rows have no rank.
        """
        if column.metric in UNRANKED:
            return {}
        means = {
            row: rounded(row.values[column].mean())
            for row in self.rows
            if column in row.values
            and not row.is_oracle
            and row.method.fidelity != "control"
            and not self.scores.is_imported(row.method.name)
        }
        top = sorted(set(means.values()), reverse=True)[:2]
        return {row: top.index(mean) + 1 for row, mean in means.items() if mean in top}

    def marks(self, method: MethodSpec) -> list[str]:
        """Return the marks of a method on this data set, see `labels.MARKS`."""
        is_tuned, is_foreign = self.dataset.name in method.tuned_on, self.scores.origin(method.name)
        is_set = (is_tuned, method.changed, is_foreign)
        return [*compress((TUNED, CHANGED, NOT_TRAINED_HERE), is_set)]


def section_of(dataset: DatasetSpec) -> str:
    """Return the key of the section that a data set belongs to, see `labels.SECTIONS`."""
    return BY_LABEL if dataset.pairing == "by-label" else dataset.data_setting


def dataset_board(spec: ReportSpec, scores: DatasetScores) -> DatasetBoard:
    """Return the leaderboard of one data set, its rows in the order of the report."""
    is_mixed = scores.dataset.data_setting == "mixed"
    modality = [Column("nmi_modality"), Column("modality_mixing")] if is_mixed else []
    subsets = ["all", *(scores.subsets("modality:") if is_mixed else [])]
    columns = [
        *(Column(metric, subset) for subset in subsets for metric in spec.metrics),
        *modality,
        *(Column(metric, subset) for subset in scores.subsets("test") for metric in spec.metrics),
        gap := Column("acc_gap"),
    ]
    rows = [row for method in spec.methods for row in _rows(scores, method, columns)]
    kept = [c for c in columns if c not in (*modality, gap) or any(c in row.values for row in rows)]
    return DatasetBoard(scores, kept, rows)


def _rows(scores: DatasetScores, method: MethodSpec, columns: Sequence[Column]) -> Iterator[Row]:
    """Yield the row of a method, or one for each of its views and one for the best view."""
    views = scores.subsets("view:", method.name) if method.rows == "views" else []
    # in mixed data a view covers the samples of one modality, which has columns of its own
    has_view_rows = views and scores.dataset.data_setting != "mixed"
    for kind in [*views, BEST_VIEW] if has_view_rows else ["all"]:
        values = {c: x for c in columns if len(x := _values(scores, method.name, kind, c))}
        is_oracle = kind == BEST_VIEW
        note = _chosen_views(scores, method.name) if is_oracle else scores.failures(method.name)
        yield Row(method, kind, values, note)


def _values(scores: DatasetScores, method: str, kind: str, column: Column) -> NDArray[np.float64]:
    """Return (n_ok,), the values of a cell; a row of a view has none of other subsets."""
    if kind != "all":
        selection = "oracle" if kind == BEST_VIEW else "last"
        values = scores.values(method, column.metric, selection=selection, subset=kind)
        return values if column.subset == "all" else np.empty(0)
    if column.is_oracle:
        best, last = (scores.values(method, "acc", selection=s) for s in ("oracle", "last"))
        # a method stores checkpoints for every seed or for none
        return best - last if len(best) == len(last) else np.empty(0)
    return scores.values(method, column.metric, subset=column.subset)


def _chosen_views(scores: DatasetScores, method: str) -> str:
    counts = Counter(scores.best_views.get(method, {}).values())
    views = ", ".join(f"{view} ({n})" for view, n in sorted(counts.items()))
    return f"the view with the highest ACC of each seed, chosen by label: {views}"
