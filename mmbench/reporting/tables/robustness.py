"""Scores on data corrupted by degrees, and the area under their curves."""

import numpy as np

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import csv_mean_sd, format_mean_sd
from mmbench.reporting.labels import metric_head
from mmbench.reporting.sweeps import areas

TEXT = (
    "Mean ± standard deviation over the seeds that ended ok. The area is that under the curve,"
    " divided by the width of the range. This is the mean score over the range, where lines join"
    " the points. It is over the seeds that ended ok at every point."
)
NO_SWEEP = "No data set of this benchmark is corrupted by degrees."


def document(report: ReportContext) -> Document:
    """Return a table for each sweep, by the first metric."""
    spec, metric, tables, csv_rows = report.spec, report.spec.metrics[0], [], []
    for sweep in report.sweeps:
        head, rows = ["method", *(f"{rate:g}" for rate in sweep.rates), "area"], []
        for method in spec.methods:
            scores = report.curve(sweep, method, metric)
            values = [
                *(np.array(list(by_seed.values())) for by_seed in scores),
                areas(sweep, scores),
            ]
            rows.append([*map(Cell, [method.printed, *map(format_mean_sd, values)])])
            where = [*zip(sweep.rates, sweep.datasets, strict=True), ("area", "")]
            csv_rows += [
                [
                    *(sweep.base, sweep.key, *point, method.name, method.printed, metric),
                    *(*csv_mean_sd(x), len(x), len(spec.seeds)),
                ]
                for point, x in zip(where, values, strict=True)
            ]
        name, title = f"{spec.name}-{sweep.name}-robustness", f"{sweep.title} by {sweep.label}"
        tables.append(Table(name, title, "", [*map(Cell, head)], rows))
    text = [TEXT] if tables else [NO_SWEEP]
    sections = [Section(f"{metric_head(metric)} by degree", "", tables)] if tables else []
    return Document(
        f"Robustness of {spec.name}",
        text,
        sections,
        "base varied rate dataset method title metric mean std seeds_ok seeds",
        csv_rows,
        page_section("Robustness", text, sections, is_open=True) if tables else (),
    )
