"""Compares two results cell by cell, with intervals.

A side is a folder of results or a commit of git. Both are read from `tables/leaderboard.csv`,
which is in git and holds the mean, the standard deviation and the number of seeds of every cell.

The interval of a difference of means is Welch's, which does not assume equal variances. It covers
the seeds only, since both sides use the same data. Source: Welch, Biometrika 34, 1947.
"""

import csv
import io
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from scipy.stats import t as student

from mmbench.errors import InputError

METRICS = ("acc", "nmi", "ari")


@dataclass(frozen=True)
class Score:
    """A cell of a table: the mean over seeds, their standard deviation (n - 1) and number."""

    mean: float
    std: float | None
    n: int


@dataclass(frozen=True)
class Place:
    """The place of a score: a metric of a row, over a subset, by a selection."""

    dataset: str
    method: str
    row: str
    selection: str
    subset: str
    metric: str


@dataclass(frozen=True)
class Side:
    """One of two results.

    `entries` holds, by (data set, method), the hash of its parameters and how its seeds ended.
    """

    scores: Mapping[Place, Score]
    entries: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A cell whose mean changed, by `difference` = `after` - `before`.

    `low` and `high` are the interval of the difference; None if a side has a single seed.
    """

    place: Place
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """The differences of two results.

    The largest change is first, and `same` is the number of cells that did not change. `added`
    and `removed` list (data set, method), of the second side only and of the first side only;
    `params_hash` and `statuses`, of how the seeds ended, list (data set, method, before, after).
    """

    changes: Sequence[Change]
    same: int
    added: Sequence[tuple[str, str]]
    removed: Sequence[tuple[str, str]]
    params_hash: Sequence[tuple[str, str, str, str]]
    statuses: Sequence[tuple[str, str, str, str]]


def read_side(name: str, benchmark: str) -> Side:
    """Return a result by its name, a folder (of a benchmark or a project) or a commit of git.

    Of a project or a commit, the tables of `benchmark` are read.

    Raises:
        InputError: it is neither, or has no tables.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "results" / benchmark).is_dir():
            folder = folder / "results" / benchmark
        table = folder / "tables" / "leaderboard.csv"
        if not table.is_file():
            raise InputError(f"{folder}: expected tables/leaderboard.csv, found none")
        return _parse(table.read_text(encoding="utf-8"), str(table))
    path = f"results/{benchmark}/tables/leaderboard.csv"
    is_commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") is not None
    if name.startswith("-") or not is_commit:
        raise InputError(f"{name}: expected a folder of results or a commit of git, found neither")
    text = _git("show", f"{name}:./{path}")
    if text is None:
        raise InputError(f"{name}: the commit has no {path}")
    return _parse(text, f"{name}:{path}")


def compare(before: Side, after: Side, *, metrics: Sequence[str] = METRICS) -> Difference:
    """Return the differences of two results in the cells of some metrics."""
    pairs = [
        (place, score, after.scores[place])
        for place, score in before.scores.items()
        if place in after.scores and place.metric in metrics
    ]
    changes = [
        Change(place, a.mean, b.mean, b.mean - a.mean, *(welch(a, b) or (None, None)))
        for place, a, b in pairs
        if (a.mean, a.std) != (b.mean, b.std)
    ]
    both = [(*k, v, after.entries[k]) for k, v in before.entries.items() if k in after.entries]
    return Difference(
        changes=sorted(changes, key=lambda change: -abs(change.difference)),
        same=len(pairs) - len(changes),
        added=[key for key in after.entries if key not in before.entries],
        removed=[key for key in before.entries if key not in after.entries],
        params_hash=[(d, m, a[0], b[0]) for d, m, a, b in both if a[0] != b[0]],
        statuses=[(d, m, a[1], b[1]) for d, m, a, b in both if a[1] != b[1]],
    )


def welch(a: Score, b: Score, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the mean of b minus that of a; None if a side has one seed.

    The degrees of freedom are those of Welch and Satterthwaite. If neither side varies, both ends
    are the difference itself.
    """
    if a.std is None or b.std is None:
        return None
    difference = b.mean - a.mean
    parts = (a.std**2 / a.n, b.std**2 / b.n)
    error = math.sqrt(sum(parts))
    if error == 0:
        return difference, difference
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    low, high = student.interval(confidence, freedom, loc=difference, scale=error)
    return float(low), float(high)


def _parse(text: str, where: str) -> Side:
    reader = csv.DictReader(io.StringIO(text))
    key = [place_field.name for place_field in fields(Place)]
    for column in (*key, "params_hash", "mean", "std", "seeds_ok", "seeds"):
        if column not in (reader.fieldnames or ()):
            raise InputError(f"{where}: expected a column {column!r}, found none")
    scores: dict[Place, Score] = {}
    entries: dict[tuple[str, str], tuple[str, str]] = {}
    for row in reader:
        ok, wanted = row["seeds_ok"], row["seeds"]
        note = "" if row["selection"] == "oracle" else row.get("note") or ""
        ended = f"{ok}/{wanted} ok" + (f": {note}" if note and ok != wanted else "")
        entries.setdefault((row["dataset"], row["method"]), (row["params_hash"], ended))
        if row["mean"]:
            std = float(row["std"]) if row["std"] else None
            place = Place(*(row[name] for name in key))
            scores[place] = Score(float(row["mean"]), std, int(ok))
    return Side(scores, entries)


def _git(*arguments: str) -> str | None:
    """Return the output of git; None if it fails or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
