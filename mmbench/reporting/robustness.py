"""How scores hold when data are spoilt by degrees: sweeps over derived data sets, as a table.

A sweep is a data set and those derived from it that differ in one figure alone, such as the
share of samples that lack a view. Where the figure is a rate, the base is its rate 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.files import write_text
from mmbench.reporting.leaderboard import HEADS
from mmbench.reporting.rounding import told_score
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import Cell, Document, Section, Table, csv_text, latex, markdown

TEXT = (
    "Mean ± standard deviation over the seeds that ended ok. The area is that under the curve,"
    " divided by the width of the range: the mean score over the range, where the points are"
    " joined by lines. It is of the seeds that ended ok at every point."
)
_CSV_COLUMNS = (
    "benchmark",
    "base",
    "varied",
    "rate",
    "dataset",
    "method",
    "title",
    "metric",
    "mean",
    "std",
    "seeds_ok",
    "seeds",
)


@dataclass(frozen=True)
class Sweep:
    """Data sets that differ in one figure.

    Attributes:
        base: the name of the data set they are derived from.
        title: its title, or its name where the report does not show it.
        key: the figure, such as `missing_rate`.
        rates: its values, rising, at least two.
        datasets: the names of the data sets, one for each rate.
    """

    base: str
    title: str
    key: str
    rates: tuple[float, ...]
    datasets: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of files: the base and the figure."""
        return f"{self.base}-{self.key}"

    @property
    def label(self) -> str:
        """Of an axis: the figure in words."""
        return self.key.replace("_", " ")


def sweeps(spec: ReportSpec) -> list[Sweep]:
    """Return the sweeps of a report, in the order of its data sets."""
    by_name = {d.name: d for d in spec.datasets}
    points: dict[tuple[str, str], dict[float, str]] = {}
    for dataset in spec.datasets:
        if len(dataset.varied) == 1 and dataset.base not in ("", dataset.name):
            ((key, rate),) = dataset.varied.items()
            points.setdefault((dataset.base, key), {}).setdefault(rate, dataset.name)
    found = []
    for (base, key), by_rate in points.items():
        if base in by_name and _is_rate(key):
            by_rate.setdefault(0.0, base)
        rates = tuple(sorted(by_rate))
        if len(rates) > 1:
            title = by_name[base].title if base in by_name else base
            datasets = tuple(by_rate[rate] for rate in rates)
            found.append(Sweep(base, title, key, rates, datasets))
    return found


def curve(
    sweep: Sweep, stored: Sequence[Stored], method: MethodSpec, metric: str
) -> list[dict[int, float]]:
    """Return, for each rate of a sweep, the score of each seed that ended ok."""
    by_name = {one.dataset.name: one for one in stored}
    key = (method.name, "last", "all", metric)
    return [
        dict(by_name[name].scores.get(key, {})) if name in by_name else {}
        for name in sweep.datasets
    ]


def areas(sweep: Sweep, scores: Sequence[dict[int, float]]) -> NDArray[np.float64]:
    """Return (n_seeds,), the area under the curve over the width of its range.

    Args:
        sweep: with the rates.
        scores: for each rate, the score of each seed; only seeds that all have count.
    """
    seeds = sorted(set.intersection(*map(set, scores)))
    values = np.array([[by_seed[seed] for by_seed in scores] for seed in seeds])
    if not len(values):
        return np.empty(0)
    rates = np.array(sweep.rates)
    area: NDArray[np.float64] = np.trapezoid(values, rates, axis=1) / (rates[-1] - rates[0])
    return area


def write_robustness(spec: ReportSpec, stored: Sequence[Stored], folder: Path) -> Document:
    """Write robustness.md, .tex and .csv into a folder; return what they show.

    Without a sweep they say so.
    """
    metric = spec.metrics[0]
    head = HEADS.get(metric, metric.replace("_", " "))
    found = sweeps(spec)
    tables = [_table(spec, sweep, stored, metric) for sweep in found]
    sections = [Section(f"{head} by degree", "", tables)] if tables else []
    text = [TEXT] if tables else ["No data set of this benchmark is spoilt by degrees."]
    rows = [row for sweep in found for row in _csv_rows(spec, sweep, stored, metric)]
    title = f"Robustness of {spec.name}"
    write_text(folder / "robustness.md", markdown(title, text, sections))
    write_text(folder / "robustness.tex", latex(text, sections))
    write_text(folder / "robustness.csv", csv_text(_CSV_COLUMNS, rows))
    return Document(title, text, sections)


def _is_rate(key: str) -> bool:
    return key.endswith("_rate")


def _table(spec: ReportSpec, sweep: Sweep, stored: Sequence[Stored], metric: str) -> Table:
    head = ["method", *(f"{rate:g}" for rate in sweep.rates), "area"]
    rows = []
    for method in spec.methods:
        scores = curve(sweep, stored, method, metric)
        cells = [_cell(np.array(list(by_seed.values()))) for by_seed in scores]
        rows.append([Cell(method.printed), *cells, _cell(areas(sweep, scores))])
    name = f"{spec.name}-{sweep.name}-robustness"
    return Table(name, f"{sweep.title} by {sweep.label}", "", [Cell(h) for h in head], rows)


def _cell(values: NDArray[np.float64]) -> Cell:
    if not len(values):
        return Cell("–")
    deviation = f" ± {told_score(values.std(ddof=1))}" if len(values) > 1 else ""
    return Cell(told_score(values.mean()) + deviation)


def _csv_rows(
    spec: ReportSpec, sweep: Sweep, stored: Sequence[Stored], metric: str
) -> list[list[object]]:
    rows: list[list[object]] = []
    for method in spec.methods:
        scores = curve(sweep, stored, method, metric)
        points = [np.array(list(by_seed.values())) for by_seed in scores]
        for rate, dataset, values in [
            *zip(sweep.rates, sweep.datasets, points, strict=True),
            ("area", "", areas(sweep, scores)),
        ]:
            mean = round(float(values.mean()), 6) if len(values) else ""
            std = round(float(values.std(ddof=1)), 6) if len(values) > 1 else ""
            place = [spec.name, sweep.base, sweep.key, rate, dataset]
            figures = [metric, mean, std, len(values), len(spec.seeds)]
            rows.append([*place, method.name, method.printed, *figures])
    return rows
