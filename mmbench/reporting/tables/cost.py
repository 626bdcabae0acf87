"""The cost of each number of the leaderboard, in seconds and memory.

Seconds are means over the seeds that ended ok; memory is the highest peak among them. The .csv
has in `seconds_spent` the sum over all seeds, those that failed included.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, csv_mean_sd, csv_number

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
    tables, csv_rows = [], []
    head = ["method", "set-up", *STAGES[1:], "host MiB", "device MiB", *CONDITIONS, "seeds"]
    for scores in report.datasets:
        rows = []
        for method in spec.methods:
            ok = scores.ok_records(method.name)
            seconds = [_column(ok, f"seconds_{stage}") for stage in STAGES]
            peaks = [max(_column(ok, f"memory_{place}"), default=math.nan) for place in PLACES]
            conditions = [", ".join(dict.fromkeys(r[name] for r in ok)) for name in CONDITIONS]
            texts = [_format_seconds(values) for values in seconds]
            if not ok:
                texts[0] = scores.status_text(method.name)
            texts += [MISSING if math.isnan(peak) else f"{peak / 2**20:.0f}" for peak in peaks]
            texts += [condition or MISSING for condition in conditions]
            row = [method.printed, *texts, f"{len(ok)}/{len(spec.seeds)}"]
            rows.append([Cell(text) for text in row])
            spent = _column(scores.records[method.name].values(), "seconds_total").sum()
            bytes_ = ["" if math.isnan(peak) else int(peak) for peak in peaks]
            csv_rows.append(
                [
                    *(scores.name, method.name, method.printed, scores.params_hash(method.name)),
                    *(len(ok), len(spec.seeds), *chain(*map(csv_mean_sd, seconds))),
                    *(csv_number(spent), *bytes_, *conditions),
                ]
            )
        name = f"{spec.name}-{scores.name}-cost"
        heads = [Cell(text) for text in head]
        tables.append(Table(name, scores.dataset.title, scores.description(), heads, rows))
    sections = [Section("Seconds and memory", "", tables)]
    page = page_section("Cost", [TEXT], sections)
    return Document(f"Cost of {spec.name}", [TEXT], sections, _COLUMNS, csv_rows, page)


def _column(records: Iterable[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    """Return the numbers of a column, leaving out runs that did not measure it."""
    return np.array([float(r[name]) for r in records if r.get(name)])


def _format_seconds(values: NDArray[np.float64]) -> str:
    if not len(values):
        return MISSING
    mean = values.mean()
    return f"{mean:.2f}" if mean < 10 else f"{mean:.1f}" if mean < 100 else f"{mean:.0f}"
