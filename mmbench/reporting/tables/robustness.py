"""Scores on data corrupted by degrees, and the area under their curves."""

from collections.abc import Iterator

import numpy as np

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import csv_mean_sd, format_mean_sd
from mmbench.reporting.labels import metric_head
from mmbench.reporting.sweeps import Sweep, areas

TEXT = (
    "Mean ± standard deviation over the seeds that ended ok. The area is that under the curve,"
    " divided by the width of the range. This is the mean score over the range, where lines join"
    " the points. It is over the seeds that ended ok at every point."
)
NO_SWEEP = "No data set of this benchmark is corrupted by degrees."


def document(report: ReportContext) -> Document:
    """Return a table for each sweep, by the first metric."""
    spec, tables = report.spec, [_table(report, sweep) for sweep in report.sweeps]
    text = [TEXT] if tables else [NO_SWEEP]
    sections = [Section(f"{metric_head(spec.metrics[0])} by degree", "", tables)] if tables else []
    return Document(
        f"Robustness of {spec.name}",
        text,
        sections,
        "base varied rate dataset method title metric mean std seeds_ok seeds",
        [row for sweep in report.sweeps for row in _csv_rows(report, sweep)],
        page_section("Robustness", text, sections, is_open=True) if tables else (),
    )


def _table(report: ReportContext, sweep: Sweep) -> Table:
    head = ["method", *(f"{rate:g}" for rate in sweep.rates), "area"]
    rows = []
    for method in report.spec.methods:
        scores = report.curve(sweep, method, report.spec.metrics[0])
        points = [np.array(list(by_seed.values())) for by_seed in scores]
        texts = [format_mean_sd(values) for values in (*points, areas(sweep, scores))]
        rows.append([Cell(method.printed), *map(Cell, texts)])
    name = f"{report.spec.name}-{sweep.name}-robustness"
    return Table(name, f"{sweep.title} by {sweep.label}", "", [*map(Cell, head)], rows)


def _csv_rows(report: ReportContext, sweep: Sweep) -> Iterator[list[object]]:
    spec = report.spec
    for method in spec.methods:
        scores = report.curve(sweep, method, spec.metrics[0])
        points = [np.array(list(by_seed.values())) for by_seed in scores]
        for rate, dataset, values in [
            *zip(sweep.rates, sweep.datasets, points, strict=True),
            ("area", "", areas(sweep, scores)),
        ]:
            start = [sweep.base, sweep.key, rate, dataset, method.name, method.printed]
            mean_sd = csv_mean_sd(values)
            yield [*start, spec.metrics[0], *mean_sd, len(values), len(spec.seeds)]
