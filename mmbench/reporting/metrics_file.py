"""The scores of a benchmark as DVC reads them, to compare commits.

`metrics.json` has the mean of each cell, for `dvc metrics diff`; `seeds.csv` has a row for each
seed, for `dvc plots show` and `dvc plots diff`. Both are small and belong in git.
"""

from collections.abc import Sequence
from pathlib import Path

from mmbench.files import write_json, write_text
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import csv_text

Metrics = dict[str, dict[str, dict[str, float]]]


def metrics(spec: ReportSpec, stored: Sequence[Stored]) -> Metrics:
    """Return, by data set, method and metric, the mean over the seeds that ended ok.

    Scores are fractions of the last epoch over all samples, rounded to six digits as the
    leaderboard is. A method without such a score, or a data set without one, is left out.
    """
    found: Metrics = {}
    for one in stored:
        for method in spec.methods:
            values = {metric: one.values(method.name, metric) for metric in spec.metrics}
            means = {metric: round(float(v.mean()), 6) for metric, v in values.items() if len(v)}
            if means:
                found.setdefault(one.dataset.name, {})[method.name] = means
    return found


def write_metrics(spec: ReportSpec, stored: Sequence[Stored], results: Path) -> None:
    """Write `metrics.json` and `seeds.csv` into the folder of a benchmark.

    `seeds.csv` has the columns cell, dataset, method, seed and the metrics of the report; a
    cell is a data set and a method in one word, which names it on the axis of a plot.
    """
    write_json(results / "metrics.json", metrics(spec, stored))
    rows: list[list[object]] = []
    for one in stored:
        for method in spec.methods:
            by_metric = [one.scores.get((method.name, "last", "all", m), {}) for m in spec.metrics]
            cell = f"{one.dataset.name}/{method.name}"
            for seed in sorted(by_metric[0]):
                start = [cell, one.dataset.name, method.name, seed]
                rows.append([*start, *(values[seed] for values in by_metric)])
    columns = ["cell", "dataset", "method", "seed", *spec.metrics]
    write_text(results / "seeds.csv", csv_text(columns, rows))
