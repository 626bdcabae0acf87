"""What looks wrong in a benchmark, before anybody reads its scores: tables/quality_checks.{md,csv}.

A finding is no verdict. Each is a sentence that names the data set, the method and the seeds,
and is worth a look: a collapsed run, a seed that changes nothing, a score that cannot be, a
method below chance, seeds that are missing, two rows that are the same, runs that were not made
alike.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import methodcaller
from pathlib import Path

from scipy.stats import entropy

from mmbench.files import write_text
from mmbench.reporting.leaderboard import HEADS, STATUS_WORDS, UNRANKED
from mmbench.reporting.rounding import told_score
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import Cell, Document, Section, Table, csv_text, markdown

BALANCED = 1.5  # the largest class is at most so many times the smallest
USED = 0.9  # of the clusters asked for, at least, where the classes are balanced
RANDOM = "random"  # the control that draws clusters
EFFECTIVE = 0.5  # of the classes' effective number, at least that of the clusters, anywhere

# the lowest and the highest value that a metric can have
RANGES = {
    "acc": (0.0, 1.0),
    "nmi": (0.0, 1.0),
    "ari": (-0.5, 1.0),
    "ami": (-1.0, 1.0),
    "purity": (0.0, 1.0),
    "pairwise_f": (0.0, 1.0),
    "clusters_used": (1.0, math.inf),
    "size_entropy": (0.0, math.inf),
    "nmi_modality": (0.0, 1.0),
    "modality_mixing": (0.0, 1.0),
}
_ROUNDING = 1e-6  # scores are stored with six digits

# what should be the same for all runs of a table, and why it matters
ALIKE = {
    "data_checksum": "different data: the scores cannot be compared",
    "precision": "different precisions",
    "git_commit": "different commits of the project",
    "device": "different devices: do not compare seconds",
    "threads": "different numbers of threads: do not compare seconds",
}


@dataclass(frozen=True)
class Finding:
    """Something that is worth a look.

    Attributes:
        kind: a few words, the same for all of its kind.
        dataset: its name.
        method: its name, or nothing where several are concerned.
        seeds: which, or none where all are concerned.
        sentence: what was seen.
    """

    kind: str
    dataset: str
    method: str
    seeds: tuple[int, ...]
    sentence: str


def quality_checks(spec: ReportSpec, stored: Sequence[Stored]) -> list[Finding]:
    """Return what looks wrong, data set by data set."""
    checks: list[Callable[[ReportSpec, Stored], Iterator[Finding]]] = [
        _impossible,
        _missing,
        _collapsed,
        _below_random,
        _same_for_all_seeds,
        _same_rows,
        _not_alike,
        _unclean,
    ]
    return [found for one in stored for check in checks for found in check(spec, one)]


def write_quality_checks(spec: ReportSpec, stored: Sequence[Stored], folder: Path) -> Document:
    """Write quality_checks.md and .csv into a folder; return what the first shows."""
    found = quality_checks(spec, stored)
    n = len(found)
    text = [
        "Nothing looks wrong."
        if not found
        else f"{n} {'thing looks' if n == 1 else 'things look'} worth a look; none is a verdict."
    ]
    titles = {d.name: d.title for d in spec.datasets}
    names = {m.name: m.printed for m in spec.methods}
    head = [Cell(name) for name in ("what was seen", "kind", "method", "seeds")]
    tables = [
        Table(
            f"{spec.name}-{name}-quality_checks",
            title,
            "",
            head,
            [
                [
                    Cell(s.sentence),
                    Cell(s.kind),
                    Cell(names.get(s.method, "–")),
                    Cell(", ".join(map(str, s.seeds)) or "all"),
                ]
                for s in found
                if s.dataset == name
            ],
        )
        for name, title in titles.items()
        if any(s.dataset == name for s in found)
    ]
    sections = [Section("By data set", "", tables)] if tables else []
    title = f"Suspicions about {spec.name}"
    write_text(folder / "quality_checks.md", markdown(title, text, sections))
    rows = [
        [spec.name, s.kind, s.dataset, s.method, " ".join(map(str, s.seeds)), s.sentence]
        for s in found
    ]
    columns = ("benchmark", "kind", "dataset", "method", "seeds", "sentence")
    write_text(folder / "quality_checks.csv", csv_text(columns, rows))
    return Document(title, text, sections)


def _impossible(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find scores outside the range of their metric."""
    for (name, selection, subset, metric), scores in stored.scores.items():
        low, high = RANGES.get(metric, (-math.inf, math.inf))
        if metric == "clusters_used":
            high = stored.card.get("n_clusters") or math.inf
        bad = [
            seed
            for seed, x in sorted(scores.items())
            if not (math.isfinite(x) and low - _ROUNDING <= x <= high + _ROUNDING)
        ]
        if bad:
            where = metric if subset == "all" else f"{metric} of {subset}"
            told = f"{where} is {scores[bad[0]]:g}, which is not in {low:g} to {high:g}"
            told += " (oracle)" if selection == "oracle" else ""
            yield Finding("impossible score", stored.dataset.name, name, tuple(bad), told)


def _missing(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find seeds that failed; a method that is not made for the data is no failure."""
    for method in spec.methods:
        failed: dict[str, list[int]] = {}
        for seed, record in sorted(stored.records[method.name].items()):
            if record["status"] not in ("ok", "not_applicable", "data_unavailable"):
                failed.setdefault(record["status"], []).append(seed)
        for status, seeds in failed.items():
            reason = stored.records[method.name][seeds[0]]["reason"]
            what = STATUS_WORDS.get(status, status)
            told = f"{len(seeds)} of {len(spec.seeds)} seeds {what}"
            yield Finding(
                "missing seeds",
                stored.dataset.name,
                method.name,
                tuple(seeds),
                f"{told}: {reason}" if reason else told,
            )


def _collapsed(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find runs that put samples into too few clusters; controls may do so on purpose."""
    sizes = [n for n in stored.card.get("class_sizes", {}).values() if n]
    n_clusters = stored.card.get("n_clusters")
    if not sizes or not n_clusters:
        return
    is_balanced = max(sizes) <= BALANCED * min(sizes)
    # with fewer clusters asked for than there are classes, no method can have as many
    effective = min(math.exp(entropy(sizes)), n_clusters)
    for method in _not_controls(spec):
        used = stored.scores.get((method.name, "last", "all", "clusters_used"), {})
        sized = stored.scores.get((method.name, "last", "all", "size_entropy"), {})
        few = tuple(s for s in sorted(used) if is_balanced and used[s] < USED * n_clusters)
        if few:
            told = (
                f"as few as {min(used[s] for s in few):.0f} of {n_clusters} clusters have a"
                " sample, though the classes are about equally large"
            )
            yield Finding("collapsed", stored.dataset.name, method.name, few, told)
        if is_balanced:
            yield from _collapsed_alone(stored, method, n_clusters, told_already=few)
        uneven = tuple(
            s for s in sorted(sized) if s not in few and math.exp(sized[s]) < EFFECTIVE * effective
        )
        if uneven:
            told = (
                "the clusters are as uneven as if there were only"
                f" {math.exp(min(sized[s] for s in uneven)):.1f} of them, the classes as if there"
                f" were {effective:.1f} (the exponential of the entropy of the sizes)"
            )
            yield Finding("collapsed", stored.dataset.name, method.name, uneven, told)


def _collapsed_alone(
    stored: Stored, method: MethodSpec, n_clusters: int, *, told_already: Sequence[int]
) -> Iterator[Finding]:
    """Find views whose own assignments collapsed, which those of all views together may hide.

    A k-means of soft assignments always fills every cluster, however few the heads use.
    """
    for subset in stored.subsets("view:", method.name):
        used = stored.scores.get((method.name, "last", subset, "clusters_used"), {})
        few = tuple(
            s for s in sorted(used) if used[s] < USED * n_clusters and s not in told_already
        )
        if few:
            told = (
                f"by view {subset.removeprefix('view:')} alone as few as"
                f" {min(used[s] for s in few):.0f} of {n_clusters} clusters have a sample, though"
                " all views together fill them"
            )
            yield Finding("collapsed", stored.dataset.name, method.name, few, told)


def _below_random(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find methods that score lower than clusters drawn at random."""
    if not any(method.name == RANDOM for method in spec.methods):
        return
    for method in _not_controls(spec):
        low = []
        for metric in (m for m in spec.metrics if m not in UNRANKED):
            ours, chance = (stored.values(name, metric) for name in (method.name, RANDOM))
            if len(ours) and len(chance) and ours.mean() < chance.mean():
                name = HEADS.get(metric, metric)
                low.append(
                    f"{name} {told_score(ours.mean())}, at random {told_score(chance.mean())}"
                )
        if low:
            told = "; ".join(low)
            yield Finding("below random", stored.dataset.name, method.name, (), told)


def _same_for_all_seeds(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find methods whose seed changes no score of any kind."""
    for method in _not_controls(spec):
        by_seed = [scores for key, scores in stored.scores.items() if key[0] == method.name]
        n_seeds = max(map(len, by_seed), default=0)
        if n_seeds > 1 and all(len(set(scores.values())) == 1 for scores in by_seed):
            told = (
                f"all seeds gave the same assignment, as far as {len(by_seed)} scores can tell:"
                " right for a deterministic method, else its seed reaches nothing"
            )
            yield Finding("same for all seeds", stored.dataset.name, method.name, (), told)


def _same_rows(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find two methods that agree in every score of every seed."""
    rows: dict[str, dict[str, Mapping[int, float]]] = {}
    for (name, selection, subset, metric), scores in stored.scores.items():
        if (selection, subset) == ("last", "all"):
            rows.setdefault(name, {})[metric] = scores
    for first, second in combinations([m for m in spec.methods if m.name in rows], 2):
        if rows[first.name] == rows[second.name]:
            told = f"every score of every seed is that of {first.name}"
            yield Finding("duplicated row", stored.dataset.name, second.name, (), told)


def _not_alike(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find runs of one table that were not made under the same conditions."""
    conditions = {
        what: _by_value(spec, stored, methodcaller("get", column, ""))
        for column, what in ALIKE.items()
    }
    records = [r for by_seed in stored.records.values() for r in by_seed.values()]
    for library in sorted({name for record in records for name in _versions(record)}):

        def version(record: Mapping[str, str], library: str = library) -> str:
            return _versions(record).get(library, "")

        conditions[f"different versions of {library}"] = _by_value(spec, stored, version)
    for what, found in conditions.items():
        if len(found) > 1:
            told = "; ".join(f"{_short(value)} ({names})" for value, names in found.items())
            yield Finding("not made alike", stored.dataset.name, "", (), f"{what}: {told}")
    for method in spec.methods:
        by_seed = stored.records[method.name]
        sources = {r.get("fingerprint", "") for r in by_seed.values() if r["status"] == "ok"}
        if len(sources - {""}) > 1:
            told = f"its seeds ran {len(sources - {''})} different sources of the method"
            yield Finding("not made alike", stored.dataset.name, method.name, (), told)


def _unclean(spec: ReportSpec, stored: Stored) -> Iterator[Finding]:
    """Find runs whose source is in no commit."""
    found = _by_value(spec, stored, lambda record: record.get("git_clean", ""))
    if "False" in found:
        told = f"the checkout had changes that are in no commit: {found['False']}"
        yield Finding("unclean checkout", stored.dataset.name, "", (), told)


def _not_controls(spec: ReportSpec) -> list[MethodSpec]:
    return [method for method in spec.methods if method.fidelity != "control"]


def _by_value(
    spec: ReportSpec, stored: Stored, value: Callable[[Mapping[str, str]], str]
) -> dict[str, str]:
    """Return which methods have which value in runs that ended ok, by value."""
    found: dict[str, dict[str, None]] = {}
    for method in spec.methods:
        for record in stored.records[method.name].values():
            if record["status"] == "ok" and value(record):
                found.setdefault(value(record), {})[method.name] = None
    return {key: ", ".join(names) for key, names in sorted(found.items())}


def _versions(record: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that a record tells, by library."""
    pairs = (part.rpartition(" ") for part in record.get("versions", "").split("; "))
    return {name: version for name, _, version in pairs if name}


def _short(value: str) -> str:
    """Return a checksum or a commit by its first digits."""
    is_hash = len(value) >= 40 and all(c in "0123456789abcdef" for c in value)
    return value[:8] if is_hash else value
