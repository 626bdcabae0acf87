"""The cost of each number of the leaderboard, in seconds and memory.

Seconds are means over the seeds that ended ok; memory is the highest peak among them. The .csv
has in `seconds_spent` the sum over all seeds, those that failed included.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, csv_mean_sd
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

STAGES = ("setup", "training", "inference", "waiting", "total")
PLACES = ("host", "device")
CONDITIONS = ("device", "threads", "precision")
TEXT = (
    "Seconds per seed, mean over the seeds that ended ok; waiting is for a free device. Memory is"
    " the highest peak in MiB. Compare only what ran on the same machine."
)
_SECONDS = " ".join(f"seconds_{stage}_{value}" for stage in STAGES for value in ("mean", "std"))
_COLUMNS = (
    f"dataset method title params_hash seeds_ok seeds {_SECONDS} seconds_spent"
    " memory_host memory_device device threads precision"
)


def document(report: ReportContext) -> Document:
    """Return a table for each data set."""
    spec = report.spec
    tables = [_table(spec, scores) for scores in report.datasets]
    sections = [Section("Seconds and memory", "", tables)]
    return Document(
        f"Cost of {spec.name}",
        [TEXT],
        sections,
        _COLUMNS,
        [_csv_row(spec, scores, m) for scores in report.datasets for m in spec.methods],
        page_section("Cost", [TEXT], sections),
    )


def _table(spec: ReportSpec, scores: DatasetScores) -> Table:
    head = ["method", "set-up", *STAGES[1:], "host MiB", "device MiB", *CONDITIONS, "seeds"]
    rows = []
    for method in spec.methods:
        ok = scores.ok_records(method.name)
        cells = [_format_seconds(_column(ok, f"seconds_{stage}")) for stage in STAGES]
        if not ok:
            cells[0] = scores.status_text(method.name)
        for place in PLACES:
            peak = _column(ok, f"memory_{place}")
            cells.append(f"{peak.max() / 2**20:.0f}" if len(peak) else MISSING)
        cells += [_distinct(ok, name) or MISSING for name in CONDITIONS]
        rows.append([*map(Cell, [method.printed, *cells, f"{len(ok)}/{len(spec.seeds)}"])])
    name = f"{spec.name}-{scores.name}-cost"
    return Table(name, scores.dataset.title, scores.description(), [*map(Cell, head)], rows)


def _csv_row(spec: ReportSpec, scores: DatasetScores, method: MethodSpec) -> list[object]:
    ok = scores.ok_records(method.name)
    spent = _column(scores.records[method.name].values(), "seconds_total").sum()
    peaks = [_column(ok, f"memory_{place}") for place in PLACES]
    return [
        *(scores.name, method.name, method.printed, scores.params_hash(method.name)),
        *(len(ok), len(spec.seeds)),
        *(x for stage in STAGES for x in csv_mean_sd(_column(ok, f"seconds_{stage}"))),
        round(float(spent), 6),
        *(int(peak.max()) if len(peak) else "" for peak in peaks),
        *(_distinct(ok, name) for name in CONDITIONS),
    ]


def _column(records: Iterable[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    """Return the numbers of a column, leaving out runs that did not measure it."""
    return np.array([float(r[name]) for r in records if r.get(name)])


def _distinct(records: Iterable[Mapping[str, str]], name: str) -> str:
    return ", ".join(dict.fromkeys(r[name] for r in records))


def _format_seconds(values: NDArray[np.float64]) -> str:
    if not len(values):
        return MISSING
    mean = values.mean()
    return f"{mean:.2f}" if mean < 10 else f"{mean:.1f}" if mean < 100 else f"{mean:.0f}"
