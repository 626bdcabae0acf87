"""The scores of a benchmark as DVC reads them, to compare commits.

`metrics.json` has the mean of each cell, for `dvc metrics diff`; `seeds.csv` has a row for each
seed, for `dvc plots show` and `dvc plots diff`. Both are small and belong in git.
"""

from pathlib import Path

from mmbench.files import write_json, write_text
from mmbench.reporting.context import ReportContext
from mmbench.reporting.rendering import csv_text

Metrics = dict[str, dict[str, dict[str, float]]]


def metrics(report: ReportContext) -> Metrics:
    """Return, by data set, method and metric, the mean over the seeds that ended ok.

    Scores are fractions of the last epoch over all samples, rounded to six digits as in the
    leaderboard. A method without such a score, or a data set without one, is left out.
    """
    found: Metrics = {}
    for scores in report.datasets:
        for method in report.spec.methods:
            values = {metric: scores.values(method.name, metric) for metric in report.spec.metrics}
            means = {metric: round(float(v.mean()), 6) for metric, v in values.items() if len(v)}
            if means:
                found.setdefault(scores.name, {})[method.name] = means
    return found


def write_metrics(report: ReportContext, results: Path) -> None:
    """Write `metrics.json` and `seeds.csv` into the folder of a benchmark.

    `seeds.csv` has the columns cell, dataset, method, seed and the metrics of the report. A
    cell is a data set and a method in one word, for the axis of a plot.
    """
    write_json(results / "metrics.json", metrics(report))
    rows: list[list[object]] = []
    for scores in report.datasets:
        for method in report.spec.methods:
            by_metric = [scores.by_seed(method.name, m) for m in report.spec.metrics]
            for seed in by_metric[0]:
                start = [f"{scores.name}/{method.name}", scores.name, method.name, seed]
                rows.append([*start, *(values[seed] for values in by_metric)])
    columns = ["cell", "dataset", "method", "seed", *report.spec.metrics]
    write_text(results / "seeds.csv", csv_text(columns, rows))
