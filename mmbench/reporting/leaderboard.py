"""The leaderboard: mean and standard deviation over seeds, per data set, method and metric.

All scores are fractions, as `score` writes them. What is chosen by label carries the word
oracle and never competes: the best view, and the gap between the best epoch and the last.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.files import write_text
from mmbench.reporting.rounding import rounded, told_gain, told_score
from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.stored import BEST_VIEW, Stored
from mmbench.reporting.tables import (
    Cell,
    Emphasis,
    Section,
    Table,
    csv_text,
    latex,
    markdown,
    plain,
)

HEADS = {"acc": "ACC", "nmi": "NMI", "ari": "ARI", "ami": "AMI", "pairwise_f": "pairwise F"}
# neither much nor little of these is better
UNRANKED = frozenset(
    {"clusters_used", "size_entropy", "nmi_modality", "modality_mixing", "acc_gap"}
)

BY_LABEL = (
    "Samples of these data sets were put together by class: their views show different objects"
    " that share a label. The pairing itself tells labels, so these scores are not comparable"
    " with those of other tables."
)
SECTIONS = {
    "paired": ("Paired views", "Every view describes every sample."),
    "incomplete": ("Incomplete views", "Some samples lack some of the views."),
    "mixed": (
        "Mixed-modal samples",
        "Each sample has one modality. Scores of a modality are of its samples alone, matched"
        " with the classes among them. NMI with the modality is high where clusters follow the"
        " modality instead of the content; the mixing is 1 where both modalities spread over the"
        " clusters alike, 0 where no cluster has both. Neither is ranked.",
    ),
    "images": ("Images", "The data are raw pictures."),
    "by-label": ("Views paired by label", BY_LABEL),
}

STATUS_WORDS = {
    "not_applicable": "n/a",
    "diverged": "diverged",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "crashed": "crashed",
    "data_unavailable": "data unavailable",
}


@dataclass(frozen=True)
class Column:
    """A column of scores: a metric over a subset, where `all` is whatever a row is about."""

    metric: str
    subset: str = "all"

    @property
    def head(self) -> str:
        """What stands above it."""
        if self.metric == "acc_gap":
            return "oracle gap (ACC)"
        if self.metric == "nmi_modality":
            return "NMI with modality"
        if self.metric == "modality_mixing":
            return "mixing"
        name = HEADS.get(self.metric, self.metric.replace("_", " "))
        return name if self.subset == "all" else f"{name}, {self.subset.rpartition(':')[2]}"

    @property
    def short(self) -> str:
        """What stands above it in a terminal."""
        narrow = {"acc_gap": "oracle\ngap", "nmi_modality": "NMI,\nmod.", "modality_mixing": "mix"}
        return narrow.get(self.metric, self.head.replace(", ", ",\n"))


@dataclass(frozen=True, eq=False)
class Row:
    """A line of the leaderboard of one data set.

    Attributes:
        method: which.
        kind: `all`, `view:NAME`, or `best-view`, which is an oracle's choice.
        values: per column, the values of the seeds that ended ok; absent where there is none.
        note: why a seed or the row is missing, or what an oracle chose.
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

    stored: Stored
    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def dataset(self) -> DatasetSpec:
        """Which data set."""
        return self.stored.dataset

    @property
    def section(self) -> str:
        """The key of the section it stands in: sets paired by label are kept apart."""
        by_label = self.dataset.pairing == "by-label"
        return "by-label" if by_label else self.dataset.data_setting

    @property
    def is_unavailable(self) -> bool:
        """Whether no method could run, because the data are not here."""
        records = (r for by_seed in self.stored.records.values() for r in by_seed.values())
        return all(record["status"] == "data_unavailable" for record in records)

    def word(self, row: Row) -> str:
        """Return how the seeds of a row without scores ended, most of them."""
        statuses = Counter(r["status"] for r in self.stored.records[row.method.name].values())
        return STATUS_WORDS[statuses.most_common(1)[0][0]]

    def origin(self, method: MethodSpec) -> str:
        """Return which seeds of a method were not trained here, or nothing."""
        records = self.stored.records[method.name]
        elsewhere: dict[str, list[int]] = {}
        for seed, record in records.items():
            if origin := record.get("origin"):
                elsewhere.setdefault(origin, []).append(seed)
        words = []
        for origin, seeds in elsewhere.items():
            what = "imported" if origin == "imported" else f"trained on {origin}"
            if len(seeds) < len(records):
                listed = ", ".join(map(str, sorted(seeds)))
                what = f"{'seed' if len(seeds) == 1 else 'seeds'} {listed} {what}"
            words.append(what)
        return "; ".join(words)


def leaderboard(spec: ReportSpec, stored: Sequence[Stored]) -> list[DatasetBoard]:
    """Return the leaderboard of each data set, in the order of the report."""
    return [_block(spec, one) for one in stored]


def write_leaderboard(spec: ReportSpec, blocks: Sequence[DatasetBoard], folder: Path) -> None:
    """Write leaderboard.md, .tex and .csv into a folder; the .csv has a row per cell."""
    text, sections = _explained(spec, blocks), _sections(spec, blocks)
    text = [*text, "Best of a column in bold, second underlined; oracles (in italics) stand apart."]
    write_text(folder / "leaderboard.md", markdown(f"Leaderboard of {spec.name}", text, sections))
    write_text(folder / "leaderboard.tex", latex(text, sections))
    write_text(folder / "leaderboard.csv", csv_text(_CSV_COLUMNS, _csv_rows(spec, blocks)))


def leaderboard_text(spec: ReportSpec, blocks: Sequence[DatasetBoard]) -> str:
    """Return the leaderboard for a terminal; unavailable data sets get a line, not a table."""
    here = [block for block in blocks if not block.is_unavailable]
    text = [
        f"Leaderboard of {spec.name}",
        *_explained(spec, blocks),
        "¹ best and ² second of a column; oracles do not compete.",
        *(f"{b.dataset.title}: {b.rows[0].note}" for b in blocks if b.is_unavailable),
    ]
    return plain(text, _sections(spec, here))


def _block(spec: ReportSpec, stored: Stored) -> DatasetBoard:
    columns = [Column(metric) for metric in spec.metrics]
    if stored.dataset.data_setting == "mixed":
        columns += [
            Column(metric, subset)
            for subset in stored.subsets("modality:")
            for metric in spec.metrics
        ]
        columns += [Column("nmi_modality"), Column("modality_mixing")]
    columns += [
        Column(metric, subset) for subset in stored.subsets("test") for metric in spec.metrics
    ]
    columns.append(Column("acc_gap"))
    rows = [row for method in spec.methods for row in _rows(spec, stored, method, columns)]
    optional = {"acc_gap", "nmi_modality", "modality_mixing"}
    shown = [c for c in columns if c.metric not in optional or any(c in row.values for row in rows)]
    return DatasetBoard(stored, shown, rows)


def _rows(
    spec: ReportSpec, stored: Stored, method: MethodSpec, columns: Sequence[Column]
) -> list[Row]:
    """Return the line of a method, or one for each of its views and one for the best view."""
    note = _failures(stored, method)
    views = stored.subsets("view:", method.name) if method.rows == "views" else []
    # in mixed data a view covers the samples of one modality, and has a column for them
    if not views or stored.dataset.data_setting == "mixed":
        values = {c: _values(stored, method, c) for c in columns}
        return [Row(method, "all", {c: x for c, x in values.items() if len(x)}, note)]
    rows = []
    metrics = [c for c in columns if c.subset == "all" and c.metric in spec.metrics]
    for kind in [*views, BEST_VIEW]:
        selection = "oracle" if kind == BEST_VIEW else "last"
        values = {
            c: stored.values(method.name, c.metric, selection=selection, subset=kind)
            for c in metrics
        }
        about = _chosen(stored, method) if kind == BEST_VIEW else note
        rows.append(Row(method, kind, {c: x for c, x in values.items() if len(x)}, about))
    return rows


def _values(stored: Stored, method: MethodSpec, column: Column) -> NDArray[np.float64]:
    if column.metric == "acc_gap":
        best = stored.values(method.name, "acc", selection="oracle")
        last = stored.values(method.name, "acc")
        # a method stores checkpoints for every seed or for none
        return best - last if len(best) == len(last) else np.empty(0)
    return stored.values(method.name, column.metric, subset=column.subset)


def _failures(stored: Stored, method: MethodSpec) -> str:
    """Return which seeds did not end ok and why, or nothing."""
    records = stored.records[method.name]
    causes: dict[tuple[str, str], list[int]] = {}
    for seed, record in records.items():
        if record["status"] != "ok":
            # a reason begins with the name of the data set, which the table tells
            reason = record["reason"].removeprefix(f"{stored.dataset.name}: ")
            causes.setdefault((record["status"], reason), []).append(seed)
    words = []
    for (status, reason), seeds in causes.items():
        what = STATUS_WORDS.get(status, status).replace("n/a", "not applicable")
        if len(seeds) < len(records):
            listed = ", ".join(map(str, sorted(seeds)))
            what = f"{'seed' if len(seeds) == 1 else 'seeds'} {listed} {what}"
        words.append(f"{what}: {reason}" if reason else what)
    return "; ".join(words)


def _chosen(stored: Stored, method: MethodSpec) -> str:
    counts = Counter(stored.best_views.get(method.name, {}).values())
    views = ", ".join(f"{view} ({n})" for view, n in sorted(counts.items()))
    return f"the view with the highest ACC of each seed, chosen by label: {views}"


def _seeds_ok(stored: Stored, method: MethodSpec) -> int:
    return sum(r["status"] == "ok" for r in stored.records[method.name].values())


def _ranks(block: DatasetBoard, column: Column) -> dict[Row, int]:
    """Return which rows are first and second of a column, as printed; ties share a rank."""
    if column.metric in UNRANKED:
        return {}
    means = {
        row: rounded(row.values[column].mean())
        for row in block.rows
        if column in row.values and not (row.is_oracle or block.stored.is_imported(row.method.name))
    }
    top = sorted(set(means.values()), reverse=True)[:2]
    return {row: top.index(mean) + 1 for row, mean in means.items() if mean in top}


def _sections(spec: ReportSpec, blocks: Sequence[DatasetBoard]) -> list[Section]:
    """Return the tables by the kind of data, sets paired by label apart and last."""
    sections = []
    for kind, (title, text) in SECTIONS.items():
        tables = [t for b in blocks if b.section == kind for t in _tables(spec, b)]
        if tables:
            sections.append(Section(title, text, tables))
    return sections


def _tables(spec: ReportSpec, block: DatasetBoard) -> list[Table]:
    """Return the table of a data set and, of mixed-modal data, one of each modality alone."""
    alone = [c for c in block.columns if c.subset.startswith("modality:")]
    together = [c for c in block.columns if c not in alone]
    name, title = f"{spec.name}-{block.dataset.name}", block.dataset.title
    tables = [_table(spec, block, together, block.rows, name, title)]
    rows = [row for row in block.rows if any(c in row.values for c in alone)]
    if rows:
        name, title = f"{name}-modalities", f"{title}: each modality alone"
        tables.append(_table(spec, block, alone, rows, name, title))
    return tables


def _table(
    spec: ReportSpec,
    block: DatasetBoard,
    columns: Sequence[Column],
    of_methods: Sequence[Row],
    name: str,
    title: str,
) -> Table:
    ranks = {column: _ranks(block, column) for column in columns}
    head = [Cell("method"), *(Cell(c.head, short=c.short) for c in columns), Cell("seeds")]
    rows = []
    for row in of_methods:
        cells = [_score_cell(row, c, ranks[c].get(row)) for c in columns]
        ok = _seeds_ok(block.stored, row.method)
        if ok == 0:
            cells[0] = Cell(block.word(row), note=row.note)
        origin = block.origin(row.method)
        shown = row.title + _marks(row.method, block.dataset) + " §" * bool(origin)
        remark = row.method.remark if ok else ""
        note = "; ".join(filter(None, [row.note if ok and row.is_oracle else "", origin, remark]))
        seeds_note = row.note if ok and not row.is_oracle else ""
        rows.append(
            [
                Cell(shown, "oracle" if row.is_oracle else "", note),
                *cells,
                Cell(f"{ok}/{len(spec.seeds)}", note=seeds_note),
            ]
        )
    return Table(name, title, block.stored.about(), head, rows)


def _marks(method: MethodSpec, dataset: DatasetSpec) -> str:
    marks = "†" * (dataset.name in method.tuned_on) + "‡" * method.changed
    return f" {marks}" if marks else ""


def _score_cell(row: Row, column: Column, rank: int | None) -> Cell:
    values = row.values.get(column)
    if values is None:
        return Cell("–")
    mean = float(values.mean())
    if column.metric == "acc_gap":
        return Cell(told_gain(mean), "oracle")
    text = told_score(mean)
    if len(values) > 1:
        text += f" ± {told_score(values.std(ddof=1))}"
    extra = column.subset != "all" or column.metric in UNRANKED
    narrow = told_score(mean) if extra else text.replace(" ", "")
    emphasis: Emphasis = "oracle" if row.is_oracle else ""
    if rank is not None:
        emphasis = "best" if rank == 1 else "second"
    return Cell(text, emphasis, short=narrow)


def _explained(spec: ReportSpec, blocks: Sequence[DatasetBoard]) -> list[str]:
    """Return what a reader must know before the numbers."""
    if len(spec.seeds) == 1:
        over = f"of seed {spec.seeds[0]} alone"
    else:
        listed = ", ".join(map(str, spec.seeds))
        over = f"mean ± standard deviation (n - 1) over the seeds that ended ok, of {listed}"
    lines = [
        f"Scores are fractions: {over}.",
        "The last epoch counts; labels chose nothing except where it says oracle.",
    ]
    if any(Column("acc_gap") in block.columns for block in blocks):
        lines.append(
            "The oracle gap is the ACC of the best epoch, chosen by label, minus that of the last:"
            " what peeking would add. Nobody may claim it."
        )
    if any(b.dataset.name in m.tuned_on for b in blocks for m in spec.methods):
        lines.append("† The method has hyperparameters of its own on this data set.")
    if any(m.changed for m in spec.methods):
        lines.append("‡ The benchmark sets hyperparameters on top of the catalogue's.")
    if any(b.origin(m) for b in blocks for m in spec.methods):
        lines.append(
            "§ Not trained here: merged from another machine, or imported, when only the"
            " assignments are known and not how they were made. Imported rows do not compete."
        )
    return lines


_CSV_COLUMNS = (
    "benchmark",
    "dataset",
    "data_setting",
    "pairing",
    "method",
    "title",
    "fidelity",
    "tuned",
    "changed",
    "params_hash",
    "row",
    "selection",
    "subset",
    "metric",
    "mean",
    "std",
    "rank",
    "seeds_ok",
    "seeds",
    "note",
    "origin",
)


def _csv_rows(spec: ReportSpec, blocks: Sequence[DatasetBoard]) -> list[list[object]]:
    rows: list[list[object]] = []
    for block in blocks:
        dataset = block.dataset
        ranks = {column: _ranks(block, column) for column in block.columns}
        for row in block.rows:
            method = row.method
            params_hash = next(iter(block.stored.records[method.name].values()))["params_hash"]
            ok = _seeds_ok(block.stored, method)
            start: list[object] = [
                spec.name,
                dataset.name,
                dataset.data_setting,
                dataset.pairing,
                method.name,
            ]
            start += [row.title, method.fidelity, dataset.name in method.tuned_on, method.changed]
            start += [params_hash, row.kind]
            end = [ok, len(spec.seeds), row.note, block.origin(method)]
            if not row.values:
                rows.append([*start, "", "", "", "", "", "", *end])
            for column, values in row.values.items():
                oracle = row.is_oracle or column.metric == "acc_gap"
                std = round(float(values.std(ddof=1)), 6) if len(values) > 1 else ""
                cells = [column.metric, round(float(values.mean()), 6), std]
                cells.append(ranks.get(column, {}).get(row, ""))
                rows.append([*start, "oracle" if oracle else "last", column.subset, *cells, *end])
    return rows
