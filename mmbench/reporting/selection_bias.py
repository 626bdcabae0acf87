"""What the selection_bias of publishing would buy here: tables/selection_bias.{md,tex,csv}.

Three selection_bias, each with its price on our own runs: showing the epoch with the highest ACC, showing
the best of several seeds, and both at once. Labels choose in all three, so every such number
carries the word oracle. Where a number is in print, it is placed among our seeds: if it lies above
all of them, a seed picked by label explains nothing, and something else must differ.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from mmbench.files import write_text
from mmbench.reporting.leaderboard import HEADS, SECTIONS, UNRANKED, leaderboard
from mmbench.reporting.rounding import told_gain, told_score
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import Cell, Document, Section, Table, csv_text, latex, markdown

Key = tuple[str, str, str]  # method, data set, metric
_NO_SPREAD = 1e-9  # equal scores differ in the last bits

TEXT = (
    "Nobody may claim what stands in italics: labels chose it.",
    "Oracle epoch: what showing the epoch with the highest ACC would add to the last epoch's, on"
    " average. Oracle seed: the best seed minus the mean. Oracle both: the best epoch of the best"
    " seed minus the mean of the last epochs.",
)
PUBLISHED_TEXT = (
    "Published: a number in print, with the share of our seeds below it and its distance from"
    " our mean in standard deviations of our seeds (z). Far above every seed means that something"
    " other than a lucky seed differs. There is none where the benchmark sets hyperparameters on"
    " top of the catalogue's."
)


@dataclass(frozen=True)
class Habit:
    """What selection_bias would add to one score; figures that cannot be had are NaN.

    Attributes:
        mean: over the seeds that ended ok, last epoch.
        oracle_epoch: mean of the best epoch minus the last; known for ACC alone.
        oracle_seed: the best seed minus the mean.
        oracle_both: the best epoch of the best seed minus `mean`; known for ACC alone.
        published: the number in print.
        seeds_below: share of seeds below it.
        z: its distance from `mean` in standard deviations (n - 1) of the seeds.
    """

    mean: float
    oracle_epoch: float = math.nan
    oracle_seed: float = math.nan
    oracle_both: float = math.nan
    published: float = math.nan
    seeds_below: float = math.nan
    z: float = math.nan


def habit(
    stored: Stored, method: MethodSpec, metric: str, published: float | None = None
) -> Habit | None:
    """Return what selection_bias would add to the score of a method, or None where it has none.

    Args:
        stored: the data set.
        method: which.
        metric: as `score` names it.
        published: the number in print, a fraction.
    """
    last = stored.values(method.name, metric)
    if not len(last):
        return None
    mean = float(last.mean())
    seed = float(last.max()) - mean if len(last) > 1 else math.nan
    epoch = both = below = z = math.nan
    best = stored.values(method.name, metric, selection="oracle")
    # the best epoch is chosen by ACC: another metric may well be lower there. A method stores
    # checkpoints for every seed or for none
    if metric == "acc" and len(best) == len(last):
        epoch, both = float((best - last).mean()), float(best.max()) - mean
    if published is not None:
        below = float(np.mean(last < published))
        sd = float(last.std(ddof=1)) if len(last) > 1 else 0.0
        z = (published - mean) / sd if sd > _NO_SPREAD else math.nan
    told = math.nan if published is None else published
    return Habit(mean, epoch, seed, both, told, below, z)


def write_selection_bias(
    spec: ReportSpec,
    stored: Sequence[Stored],
    folder: Path,
    published: Mapping[Key, float] | None = None,
) -> Document:
    """Write selection_bias.md, .tex and .csv into a folder; return what they show.

    Args:
        spec: the report.
        stored: its data sets.
        folder: of the tables.
        published: numbers in print, as fractions, by method entry, data set and metric.
    """
    known = published or {}
    placed = [one for s in stored for one in _habits(spec, s, known).values()]
    is_placed = any(not math.isnan(one.published) for one in placed)
    text = [*TEXT, PUBLISHED_TEXT] if is_placed else TEXT
    sections = []
    for key, (title, about) in SECTIONS.items():
        blocks = [b for b in leaderboard(spec, stored) if b.section == key]
        tables = [table for block in blocks if (table := _table(spec, block.stored, known))]
        if tables:
            sections.append(Section(title, about, tables))
    title = f"What publishing selection_bias would buy in {spec.name}"
    write_text(folder / "selection_bias.md", markdown(title, text, sections))
    write_text(folder / "selection_bias.tex", latex(text, sections))
    rows = [row for one in stored for row in _csv_rows(spec, one, known)]
    write_text(folder / "selection_bias.csv", csv_text(_CSV_COLUMNS, rows))
    return Document(title, text, sections)


def _habits(
    spec: ReportSpec, stored: Stored, known: Mapping[Key, float]
) -> dict[tuple[str, str], Habit]:
    """Return what there is, by method and metric; views differ, so rows per view have none."""
    found = {}
    for method in (m for m in spec.methods if m.rows == "one"):
        for metric in (m for m in spec.metrics if m not in UNRANKED):
            # with hyperparameters of the benchmark's own, no number in print is about it
            key = (method.name, stored.dataset.name, metric)
            number = None if method.changed else known.get(key)
            one = habit(stored, method, metric, number)
            if one:
                found[method.name, metric] = one
    return found


def _table(spec: ReportSpec, stored: Stored, known: Mapping[Key, float]) -> Table | None:
    """Return the table of a data set, or None where no method has a score."""
    found = _habits(spec, stored, known)
    if not found:
        return None
    metrics = list(dict.fromkeys(metric for _, metric in found))
    printed = {metric for (_, metric), one in found.items() if not math.isnan(one.published)}
    head = ["method"]
    for metric in metrics:
        name = HEADS.get(metric, metric.replace("_", " "))
        gains = ["epoch", "seed", "both"] if metric == "acc" else ["seed"]
        head += [name, *(f"{name}, oracle {gain}" for gain in gains)]
        head += [f"{name} published (seeds below, z)"] * (metric in printed)
    rows = []
    for method in (m for m in spec.methods if any(m.name == name for name, _ in found)):
        row = [Cell(method.printed)]
        for metric in metrics:
            one = found[method.name, metric]
            gained = [one.oracle_epoch, one.oracle_seed, one.oracle_both]
            row.append(Cell(told_score(one.mean)))
            row += [_gain(x) for x in (gained if metric == "acc" else gained[1:2])]
            row += [Cell(_placed(one))] * (metric in printed)
        rows.append(row)
    dataset = stored.dataset
    label = f"{spec.name}-{dataset.name}-selection_bias"
    return Table(label, dataset.title, _result(spec, found), list(map(Cell, head)), rows)


def _result(spec: ReportSpec, found: Mapping[tuple[str, str], Habit]) -> str:
    """Return the first thing to know: what labels would buy at most."""
    gains = [
        (one.oracle_seed if math.isnan(one.oracle_both) else one.oracle_both, name)
        for (name, metric), one in found.items()
        if metric == "acc" and not math.isnan(one.oracle_seed)
    ]
    if not gains:
        return ""
    gain, name = max(gains, key=lambda pair: pair[0])
    title = next(m.printed for m in spec.methods if m.name == name)
    most = f"{told_gain(gain)} ACC ({title})"
    return f"An oracle that picks epoch and seed by label would add up to {most}"


def _gain(value: float) -> Cell:
    return Cell("–") if math.isnan(value) else Cell(told_gain(value), "oracle")


def _placed(one: Habit) -> str:
    """Return a number in print and where it falls among our seeds."""
    if math.isnan(one.published):
        return "–"
    z = "–" if math.isnan(one.z) else f"{one.z:+.1f}"
    return f"{told_score(one.published)} ({one.seeds_below:.2f}, {z})"


_CSV_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "metric",
    "mean",
    "oracle_epoch",
    "oracle_seed",
    "oracle_both",
    "published",
    "seeds_below",
    "z",
)


def _csv_rows(
    spec: ReportSpec, stored: Stored, known: Mapping[Key, float]
) -> Iterator[list[object]]:
    for (name, metric), one in _habits(spec, stored, known).items():
        figures = ["" if math.isnan(x) else round(x, 6) + 0.0 for x in astuple(one)]
        yield [spec.name, stored.dataset.name, name, metric, *figures]
