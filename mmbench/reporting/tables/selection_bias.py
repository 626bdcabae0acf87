"""Selection bias: how much a score would gain if labels chose the epoch, the seed, or both.

Where a number is in print, it is placed among the seeds of the benchmark. If it is above all of
them, choosing a seed by label does not explain it, and something else must differ.
"""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Table, by_section, page_section
from mmbench.reporting.formatting import MISSING, csv_number, format_gain, format_score
from mmbench.reporting.labels import UNRANKED, metric_head
from mmbench.reporting.published import published_scores
from mmbench.reporting.scores import DatasetScores

_NO_SPREAD = 1e-9  # equal scores differ in the last bits

TEXT = (
    "Numbers in italics were chosen by label and are not valid results.",
    "Oracle epoch: what showing the epoch with the highest ACC would add to the last epoch's, on"
    " average. Oracle seed: the best seed minus the mean. Oracle both: the best epoch of the best"
    " seed minus the mean of the last epochs.",
)
PUBLISHED_TEXT = (
    "Published: a number in print, with the share of our seeds below it and its distance from"
    " our mean in standard deviations of our seeds (z). A number far above every seed means that"
    " something other than a lucky seed differs. There is none where the benchmark sets"
    " hyperparameters on top of the catalogue's."
)


@dataclass(frozen=True)
class SelectionBias:
    """The bias of one score; values that cannot be computed are NaN.

    Attributes:
        mean: over the seeds that ended ok, last epoch.
        oracle_epoch, oracle_seed, oracle_both: see `TEXT`; where an epoch is chosen, for ACC.
        published: the number in print.
        seeds_below, z: see `PUBLISHED_TEXT`.
    """

    mean: float
    oracle_epoch: float
    oracle_seed: float
    oracle_both: float
    published: float
    seeds_below: float
    z: float

    @property
    def is_published(self) -> bool:
        """Whether a number is in print."""
        return not math.isnan(self.published)


# by method and metric
Biases = Mapping[tuple[str, str], SelectionBias]


def selection_bias(
    scores: DatasetScores, method: str, metric: str, published: float = math.nan
) -> SelectionBias | None:
    """Return the selection bias of the score of a method, or None where it has no score."""
    last = scores.values(method, metric)
    if not len(last):
        return None
    mean, sd = float(last.mean()), float(last.std(ddof=1)) if len(last) > 1 else 0.0
    seed = float(last.max()) - mean if len(last) > 1 else math.nan
    epoch = both = below = z = math.nan
    best = scores.values(method, metric, selection="oracle")
    # the best epoch is chosen by ACC: another metric may be lower there. A method stores
    # checkpoints for every seed or for none
    if metric == "acc" and len(best) == len(last):
        epoch, both = float((best - last).mean()), float(best.max()) - mean
    if not math.isnan(published):
        below = float(np.mean(last < published))
        z = (published - mean) / sd if sd > _NO_SPREAD else math.nan
    return SelectionBias(mean, epoch, seed, both, published, below, z)


def document(report: ReportContext) -> Document:
    """Return a table for each data set with a score."""
    spec = report.spec
    published = published_scores(report.published)
    biases = {scores.name: _biases(report, scores, published) for scores in report.datasets}
    is_published = any(b.is_published for found in biases.values() for b in found.values())
    text = [*TEXT, PUBLISHED_TEXT] if is_published else TEXT
    sections = by_section(
        (board.section, _table(report, board.scores, biases[board.dataset.name]))
        for board in report.boards
        if biases[board.dataset.name]
    )
    return Document(
        f"Selection bias in {spec.name}",
        text,
        sections,
        "dataset method metric mean oracle_epoch oracle_seed oracle_both published seeds_below z",
        [
            [name, *key, *map(csv_number, astuple(bias))]
            for name, found in biases.items()
            for key, bias in found.items()
        ],
        page_section("Selection bias", text, sections),
    )


def _biases(
    report: ReportContext, scores: DatasetScores, published: Mapping[tuple[str, str, str], float]
) -> Biases:
    """Return the biases by method and metric; methods with a row for each view have none."""
    found = {}
    for method in (m for m in report.spec.methods if m.rows == "one"):
        for metric in (m for m in report.spec.metrics if m not in UNRANKED):
            number = published.get((method.name, scores.name, metric), math.nan)
            # numbers in print do not apply to parameters of the benchmark
            number = math.nan if method.changed else number
            if bias := selection_bias(scores, method.name, metric, number):
                found[method.name, metric] = bias
    return found


def _table(report: ReportContext, scores: DatasetScores, found: Biases) -> Table:
    metrics = list(dict.fromkeys(metric for _, metric in found))
    published = {metric for (_, metric), bias in found.items() if bias.is_published}
    head = ["method"]
    for metric in metrics:
        name = metric_head(metric)
        choices = ["epoch", "seed", "both"] if metric == "acc" else ["seed"]
        head += [name, *(f"{name}, oracle {choice}" for choice in choices)]
        head += [f"{name} published (seeds below, z)"] * (metric in published)
    rows = []
    for method in (m for m in report.spec.methods if any(m.name == name for name, _ in found)):
        row = [Cell(method.printed)]
        for metric in metrics:
            bias = found[method.name, metric]
            gains = [bias.oracle_epoch, bias.oracle_seed, bias.oracle_both]
            row.append(Cell(format_score(bias.mean)))
            for gain in gains if metric == "acc" else gains[1:2]:
                row.append(Cell(format_gain(gain), "" if math.isnan(gain) else "oracle"))
            row += [Cell(_format_published(bias))] * (metric in published)
        rows.append(row)
    name, title = f"{report.spec.name}-{scores.name}-selection_bias", scores.dataset.title
    return Table(name, title, _result(report, found), [*map(Cell, head)], rows)


def _result(report: ReportContext, found: Biases) -> str:
    """Return the result of a table: the largest gain in ACC."""
    gains = {
        name: bias.oracle_seed if math.isnan(bias.oracle_both) else bias.oracle_both
        for (name, metric), bias in found.items()
        if metric == "acc" and not math.isnan(bias.oracle_seed)
    }
    if not gains:
        return ""
    name = max(gains, key=gains.__getitem__)
    title = next(m.printed for m in report.spec.methods if m.name == name)
    most = f"{format_gain(gains[name])} ACC ({title})"
    return f"An oracle that picks epoch and seed by label would add up to {most}"


def _format_published(bias: SelectionBias) -> str:
    """Return a number in print and where it is among the seeds."""
    if not bias.is_published:
        return MISSING
    z = MISSING if math.isnan(bias.z) else f"{bias.z:+.1f}"
    return f"{format_score(bias.published)} ({bias.seeds_below:.2f}, {z})"
