"""The cost table: what each number of the leaderboard took to make.

Seconds are means over the seeds that ended ok; memory is the highest peak among them. What
failed seeds took is in `seconds_spent` of the .csv, which sums over all seeds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.files import write_text
from mmbench.reporting.leaderboard import STATUS_WORDS
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import Cell, Document, Section, Table, csv_text, latex, markdown

PARTS = {
    "setup": "set-up",
    "training": "training",
    "inference": "inference",
    "waiting": "waiting",
    "total": "total",
}
TEXT = (
    "Seconds per seed, mean over the seeds that ended ok; waiting is for a free device. Memory is"
    " the highest peak in MiB. Compare only what ran on the same machine."
)
_CSV_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "title",
    "params_hash",
    "seeds_ok",
    "seeds",
    *(f"seconds_{part}_{figure}" for part in PARTS for figure in ("mean", "std")),
    "seconds_spent",
    "memory_host",
    "memory_device",
    "device",
    "threads",
    "precision",
)


def write_cost(spec: ReportSpec, stored: Sequence[Stored], folder: Path) -> Document:
    """Write cost.md, .tex and .csv into a folder; return what they show."""
    sections = [Section("Seconds and memory", "", [_table(spec, one) for one in stored])]
    title = f"Cost of {spec.name}"
    write_text(folder / "cost.md", markdown(title, [TEXT], sections))
    write_text(folder / "cost.tex", latex([TEXT], sections))
    rows = [_csv_row(spec, one, method) for one in stored for method in spec.methods]
    write_text(folder / "cost.csv", csv_text(_CSV_COLUMNS, rows))
    return Document(title, [TEXT], sections)


def _table(spec: ReportSpec, stored: Stored) -> Table:
    head = ["method", *PARTS.values(), "host MiB", "device MiB", "device", "threads", "precision"]
    rows = []
    for method in spec.methods:
        ok = _ok(stored, method)
        seconds = [_column(ok, f"seconds_{part}") for part in PARTS]
        cells = [_seconds(x) for x in seconds]
        if not ok:
            record = next(iter(stored.records[method.name].values()))
            cells[0] = STATUS_WORDS.get(record["status"], record["status"])
        for place in ("host", "device"):
            peak = _column(ok, f"memory_{place}")
            cells.append(f"{peak.max() / 2**20:.0f}" if len(peak) else "–")
        cells += [_distinct(ok, column) or "–" for column in ("device", "threads", "precision")]
        seeds = f"{len(ok)}/{len(spec.seeds)}"
        rows.append([Cell(method.printed), *map(Cell, cells), Cell(seeds)])
    title = stored.dataset.title
    name = f"{spec.name}-{stored.dataset.name}-cost"
    return Table(name, title, stored.about(), [*map(Cell, head), Cell("seeds")], rows)


def _csv_row(spec: ReportSpec, stored: Stored, method: MethodSpec) -> list[object]:
    records = list(stored.records[method.name].values())
    ok = _ok(stored, method)
    row: list[object] = [spec.name, stored.dataset.name, method.name, method.printed]
    row += [records[0]["params_hash"], len(ok), len(spec.seeds)]
    for part in PARTS:
        seconds = _column(ok, f"seconds_{part}")
        row.append(round(float(seconds.mean()), 6) if len(seconds) else "")
        row.append(round(float(seconds.std(ddof=1)), 6) if len(seconds) > 1 else "")
    row.append(round(float(_column(records, "seconds_total").sum()), 6))
    for place in ("host", "device"):
        peak = _column(ok, f"memory_{place}")
        row.append(int(peak.max()) if len(peak) else "")
    return [*row, *(_distinct(ok, column) for column in ("device", "threads", "precision"))]


def _ok(stored: Stored, method: MethodSpec) -> list[Mapping[str, str]]:
    return [r for r in stored.records[method.name].values() if r["status"] == "ok"]


def _column(records: Sequence[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    """Return the figures of a column; runs that did not measure it are left out."""
    return np.array([float(r[name]) for r in records if r.get(name)])


def _distinct(records: Sequence[Mapping[str, str]], name: str) -> str:
    return ", ".join(dict.fromkeys(r[name] for r in records))


def _seconds(values: NDArray[np.float64]) -> str:
    if not len(values):
        return "–"
    mean = values.mean()
    return f"{mean:.2f}" if mean < 10 else f"{mean:.1f}" if mean < 100 else f"{mean:.0f}"
