"""What changed between two results, cell by cell, with intervals.

A side is a folder of results or a commit of git. Both are read from `tables/leaderboard.csv`,
which is in git and holds mean, standard deviation and number of seeds of every cell; a folder
without tables is read from its `scores/`.

The interval of a difference of means is Welch's: neither side's variance is assumed to be the
other's. It is over seeds alone; the data set is the same. Source: Welch, Biometrika 34, 1947.
"""

import csv
import io
import math
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from mmbench.errors import InputError
from mmbench.files import read_csv

METRICS = ("acc", "nmi", "ari")
_COLUMNS = (
    "dataset",
    "method",
    "params_hash",
    "row",
    "selection",
    "subset",
    "metric",
    "mean",
    "std",
)
_SCORES = ("dataset", "method", "selection", "subset", "metric", "value")
_RECORDS = ("dataset", "method", "params_hash", "status")


@dataclass(frozen=True)
class Score:
    """A cell of a table: the mean over seeds, their standard deviation (n - 1), how many."""

    mean: float
    std: float | None
    n: int


@dataclass(frozen=True)
class Place:
    """Which cell: a metric of a row, over a subset, by a selection."""

    dataset: str
    method: str
    row: str
    selection: str
    subset: str
    metric: str


@dataclass(frozen=True)
class Side:
    """A result.

    Attributes:
        scores: by place.
        entries: by (data set, method), its settings and how its seeds ended, in words.
    """

    scores: Mapping[Place, Score]
    entries: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A cell whose mean changed.

    Attributes:
        place: which cell.
        before: the mean of the first side.
        after: the mean of the second side.
        difference: after minus before.
        low: end of the interval of the difference; None where a side has a single seed.
        high: the other end.
    """

    place: Place
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """What changed.

    Attributes:
        changes: cells on both sides whose mean changed, the largest difference first.
        same: how many cells did not change.
        added: (data set, method) only on the second side.
        removed: (data set, method) only on the first side.
        params_hash: (data set, method, before, after) whose parameters changed.
        statuses: (data set, method, before, after) whose seeds ended otherwise.
    """

    changes: Sequence[Change]
    same: int
    added: Sequence[tuple[str, str]]
    removed: Sequence[tuple[str, str]]
    params_hash: Sequence[tuple[str, str, str, str]]
    statuses: Sequence[tuple[str, str, str, str]]


def read_side(name: str, benchmark: str) -> Side:
    """Return a result.

    Args:
        name: a folder (of a benchmark, or a project's root) or a commit of git.
        benchmark: whose tables to read of a commit or a root.

    Raises:
        InputError: it is neither, or has no tables.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "results" / benchmark).is_dir():
            folder = folder / "results" / benchmark
        table = folder / "tables" / "leaderboard.csv"
        if table.is_file():
            return _from_table(table.read_text(encoding="utf-8"), str(table))
        return _from_scores(folder)
    path = f"results/{benchmark}/tables/leaderboard.csv"
    if (
        name.startswith("-")
        or _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") is None
    ):
        raise InputError(f"{name}: expected a folder of results or a commit of git, found neither")
    text = _git("show", f"{name}:./{path}")
    if text is None:
        raise InputError(f"{name}: the commit has no {path}")
    return _from_table(text, f"{name}:{path}")


def compare(
    before: Side, after: Side, *, metrics: Sequence[str] = METRICS, confidence: float = 0.95
) -> Difference:
    """Return what changed from one result to another.

    Args:
        before: the first side.
        after: the second side.
        metrics: whose cells to compare.
        confidence: that the intervals cover the difference of the means.
    """
    changes = []
    same = 0
    for place, a in before.scores.items():
        b = after.scores.get(place)
        if b is None or place.metric not in metrics:
            continue
        if (a.mean, a.std) == (b.mean, b.std):
            same += 1
            continue
        low, high = welch(a, b, confidence) or (None, None)
        changes.append(Change(place, a.mean, b.mean, b.mean - a.mean, low, high))
    both = [key for key in before.entries if key in after.entries]
    told = [(*key, before.entries[key], after.entries[key]) for key in both]
    return Difference(
        changes=sorted(changes, key=lambda change: -abs(change.difference)),
        same=same,
        added=[key for key in after.entries if key not in before.entries],
        removed=[key for key in before.entries if key not in after.entries],
        params_hash=[(d, m, a[0], b[0]) for d, m, a, b in told if a[0] != b[0]],
        statuses=[(d, m, a[1], b[1]) for d, m, a, b in told if a[1] != b[1]],
    )


def welch(a: Score, b: Score, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the mean of b minus that of a; None where a side has one seed.

    The degrees of freedom are those of Welch and Satterthwaite. Where neither side varies the
    interval is the difference itself.
    """
    if a.std is None or b.std is None:
        return None
    difference = b.mean - a.mean
    parts = (a.std**2 / a.n, b.std**2 / b.n)
    error = math.sqrt(sum(parts))
    if error == 0:
        return difference, difference
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    reach = float(student.ppf((1 + confidence) / 2, freedom)) * error
    return difference - reach, difference + reach


def _from_table(text: str, where: str) -> Side:
    reader = csv.DictReader(io.StringIO(text))
    missing = [c for c in (*_COLUMNS, "seeds_ok", "seeds") if c not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{where}: expected a column {missing[0]!r}, found none")
    scores: dict[Place, Score] = {}
    entries: dict[tuple[str, str], tuple[str, str]] = {}
    for row in reader:
        ok, wanted = row["seeds_ok"], row["seeds"]
        about = "" if row["selection"] == "oracle" else row.get("note") or ""
        ended = f"{ok}/{wanted} ok" + (f": {about}" if about and ok != wanted else "")
        entries.setdefault((row["dataset"], row["method"]), (row["params_hash"], ended))
        if row["mean"]:
            place = (row["dataset"], row["method"], row["row"], row["selection"])
            std = float(row["std"]) if row["std"] else None
            score = Score(float(row["mean"]), std, int(ok))
            scores[Place(*place, row["subset"], row["metric"])] = score
    return Side(scores, entries)


def _from_scores(folder: Path) -> Side:
    files = sorted((folder / "scores").glob("*.csv"))
    if not files:
        raise InputError(f"{folder}: expected tables/leaderboard.csv or scores/, found neither")
    values: dict[Place, list[float]] = defaultdict(list)
    for row in _rows(files, _SCORES):
        # as the leaderboard has it: a view is a row, and the oracle's view one of its own
        subset, oracle = row["subset"], row["selection"] == "oracle"
        is_view = subset.startswith("view:")
        if oracle and not is_view:
            continue  # the leaderboard keeps the gap alone
        kind = ("best-view" if oracle else subset) if is_view else "all"
        place = (row["dataset"], row["method"], kind, row["selection"])
        key = Place(*place, "all" if is_view else subset, row["metric"])
        values[key].append(float(row["value"]))
    scores = {
        place: Score(
            round(float(np.mean(x)), 6),
            round(float(np.std(x, ddof=1)), 6) if len(x) > 1 else None,
            len(x),
        )
        for place, x in values.items()
    }
    ended: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in _rows(sorted((folder / "records").glob("*.csv")), _RECORDS):
        ended[row["dataset"], row["method"]].append((row["params_hash"], row["status"]))
    entries = {}
    for cell, told in ended.items():
        ok = sum(status == "ok" for _, status in told)
        entries[cell] = (told[0][0], f"{ok}/{len(told)} ok")
    return Side(scores, entries)


def _rows(files: Iterable[Path], columns: Sequence[str]) -> Iterable[dict[str, str]]:
    for path in files:
        yield from read_csv(path, columns)


def _git(*arguments: str) -> str | None:
    """Return what git prints; None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
