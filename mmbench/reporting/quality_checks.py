"""Checks of the scores and records of a benchmark for what deserves a look before they are read.

A finding is not a verdict. Each is a sentence about a data set, a method and its seeds: a
collapsed run, a seed that changes nothing, an impossible score, a method below chance, missing
seeds, two equal rows, or runs made under different conditions.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import methodcaller

from scipy.stats import entropy

from mmbench.reporting.formatting import format_score
from mmbench.reporting.labels import UNRANKED, metric_head, status_text
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

BALANCED = 1.5  # classes are balanced if the largest has at most so many times the smallest
MIN_USED = 0.9  # the share of the clusters that balanced classes should fill
MIN_EFFECTIVE = 0.5  # of the effective number of classes, at least that of clusters
RANDOM = "random"  # the control that draws clusters at random

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

# columns that should be the same for all runs of a table, with the consequence if they differ
CONDITIONS = {
    "data_checksum": "different data: the scores cannot be compared",
    "precision": "different precisions",
    "git_commit": "different commits of the project",
    "device": "different devices: do not compare seconds",
    "threads": "different numbers of threads: do not compare seconds",
}


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        kind: a few words, the same for all findings of a kind.
        dataset: its name.
        method: its name, or nothing where the finding is about several.
        seeds: those concerned, or none where all are.
        sentence: what was found.
    """

    kind: str
    dataset: str
    method: str
    seeds: tuple[int, ...]
    sentence: str


def check_quality(spec: ReportSpec, datasets: Sequence[DatasetScores]) -> list[Finding]:
    """Return the findings, data set by data set."""
    checks: list[Callable[[ReportSpec, DatasetScores], Iterator[Finding]]] = [
        _impossible_scores,
        _missing_seeds,
        _collapsed,
        _below_random,
        _same_for_all_seeds,
        _duplicated_rows,
        _different_conditions,
        _unclean_checkouts,
    ]
    return [found for scores in datasets for check in checks for found in check(spec, scores)]


def _impossible_scores(_spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield scores outside the range of their metric."""
    for (method, selection, subset, metric), by_seed in scores.scores.items():
        low, high = RANGES.get(metric, (-math.inf, math.inf))
        if metric == "clusters_used":
            high = scores.card.get("n_clusters") or math.inf
        seeds = [
            seed
            for seed, x in sorted(by_seed.items())
            if not (math.isfinite(x) and low - _ROUNDING <= x <= high + _ROUNDING)
        ]
        if seeds:
            name = metric if subset == "all" else f"{metric} of {subset}"
            sentence = f"{name} is {by_seed[seeds[0]]:g}, which is not in {low:g} to {high:g}"
            sentence += " (oracle)" if selection == "oracle" else ""
            yield Finding("impossible score", scores.name, method, tuple(seeds), sentence)


def _missing_seeds(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield seeds that failed; a method that does not accept the data has not failed."""
    for method in spec.methods:
        records = scores.records[method.name]
        failed: dict[str, list[int]] = {}
        for seed, record in sorted(records.items()):
            if record["status"] not in ("ok", "not_applicable", "data_unavailable"):
                failed.setdefault(record["status"], []).append(seed)
        for status, seeds in failed.items():
            sentence = f"{len(seeds)} of {len(spec.seeds)} seeds {status_text(status)}"
            if reason := records[seeds[0]]["reason"]:
                sentence += f": {reason}"
            yield Finding("missing seeds", scores.name, method.name, tuple(seeds), sentence)


def _collapsed(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield runs that put the samples into too few clusters; controls may do so on purpose."""
    sizes = [n for n in scores.card.get("class_sizes", {}).values() if n]
    n_clusters = scores.card.get("n_clusters")
    if not sizes or not n_clusters:
        return
    is_balanced = max(sizes) <= BALANCED * min(sizes)
    # with fewer clusters than classes, no method can reach the number of classes
    effective = min(math.exp(entropy(sizes)), n_clusters)
    for method in _not_controls(spec):
        few: tuple[int, ...] = ()
        if is_balanced:
            few, sentence = _too_few_clusters(scores, method, "all", n_clusters)
            if few:
                sentence += ", though the classes are about equally large"
                yield Finding("collapsed", scores.name, method.name, few, sentence)
            yield from _collapsed_views(scores, method, n_clusters, already_found=few)
        entropies = scores.by_seed(method.name, "size_entropy")
        uneven = tuple(
            seed
            for seed, x in entropies.items()
            if seed not in few and math.exp(x) < MIN_EFFECTIVE * effective
        )
        if uneven:
            sentence = (
                "the clusters are as uneven as if there were only"
                f" {math.exp(min(entropies[seed] for seed in uneven)):.1f} of them, the classes as"
                f" if there were {effective:.1f} (the exponential of the entropy of the sizes)"
            )
            yield Finding("collapsed", scores.name, method.name, uneven, sentence)


def _collapsed_views(
    scores: DatasetScores, method: MethodSpec, n_clusters: int, *, already_found: Sequence[int]
) -> Iterator[Finding]:
    """Yield views whose own assignments collapsed, which those of all views together may hide.

    A k-means of soft assignments always fills every cluster, however few the heads use.
    """
    for subset in scores.subsets("view:", method.name):
        few, sentence = _too_few_clusters(scores, method, subset, n_clusters, already_found)
        if few:
            view = subset.removeprefix("view:")
            sentence = f"by view {view} alone {sentence}, though all views together fill them"
            yield Finding("collapsed", scores.name, method.name, few, sentence)


def _too_few_clusters(
    scores: DatasetScores,
    method: MethodSpec,
    subset: str,
    n_clusters: int,
    ignored: Sequence[int] = (),
) -> tuple[tuple[int, ...], str]:
    """Return the seeds that fill too few clusters, and how few they fill."""
    used = scores.by_seed(method.name, "clusters_used", subset=subset)
    few = [seed for seed, n in used.items() if n < MIN_USED * n_clusters and seed not in ignored]
    least = min((used[seed] for seed in few), default=0)
    return tuple(few), f"as few as {least:.0f} of {n_clusters} clusters have a sample"


def _below_random(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield methods that score lower than clusters drawn at random."""
    if not any(method.name == RANDOM for method in spec.methods):
        return
    for method in _not_controls(spec):
        low = []
        for metric in (m for m in spec.metrics if m not in UNRANKED):
            ours, chance = (scores.values(name, metric) for name in (method.name, RANDOM))
            if len(ours) and len(chance) and ours.mean() < chance.mean():
                ours_text, chance_text = format_score(ours.mean()), format_score(chance.mean())
                low.append(f"{metric_head(metric)} {ours_text}, at random {chance_text}")
        if low:
            yield Finding("below random", scores.name, method.name, (), "; ".join(low))


def _same_for_all_seeds(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield methods whose seed changes no score of any kind."""
    for method in _not_controls(spec):
        found = [by_seed for key, by_seed in scores.scores.items() if key[0] == method.name]
        n_seeds = max(map(len, found), default=0)
        if n_seeds > 1 and all(len(set(by_seed.values())) == 1 for by_seed in found):
            sentence = (
                f"all seeds gave the same assignment, as far as {len(found)} scores show. This is"
                " correct for a deterministic method; otherwise the seed has no effect"
            )
            yield Finding("same for all seeds", scores.name, method.name, (), sentence)


def _duplicated_rows(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield pairs of methods that agree in every score of every seed."""
    rows: dict[str, dict[str, Mapping[int, float]]] = {}
    for (method, selection, subset, metric), by_seed in scores.scores.items():
        if (selection, subset) == ("last", "all"):
            rows.setdefault(method, {})[metric] = by_seed
    for first, second in combinations([m.name for m in spec.methods if m.name in rows], 2):
        if rows[first] == rows[second]:
            sentence = f"every score of every seed is that of {first}"
            yield Finding("duplicated row", scores.name, second, (), sentence)


def _different_conditions(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield conditions that differ between the runs of a table."""
    conditions = {
        text: _methods_by_value(spec, scores, methodcaller("get", column, ""))
        for column, text in CONDITIONS.items()
    }
    records = [r for by_seed in scores.records.values() for r in by_seed.values()]
    for library in sorted({name for record in records for name in _versions(record)}):

        def version(record: Mapping[str, str], library: str = library) -> str:
            return _versions(record).get(library, "")

        name = f"different versions of {library}"
        conditions[name] = _methods_by_value(spec, scores, version)
    for text, methods in conditions.items():
        if len(methods) > 1:
            values = "; ".join(f"{_short(value)} ({names})" for value, names in methods.items())
            yield Finding("different conditions", scores.name, "", (), f"{text}: {values}")
    for method in spec.methods:
        sources = {r.get("fingerprint", "") for r in scores.ok_records(method.name)} - {""}
        if len(sources) > 1:
            sentence = f"its seeds ran {len(sources)} different sources of the method"
            yield Finding("different conditions", scores.name, method.name, (), sentence)


def _unclean_checkouts(spec: ReportSpec, scores: DatasetScores) -> Iterator[Finding]:
    """Yield runs whose source is in no commit."""
    found = _methods_by_value(spec, scores, methodcaller("get", "git_clean", ""))
    if "False" in found:
        sentence = f"the checkout had changes that are in no commit: {found['False']}"
        yield Finding("unclean checkout", scores.name, "", (), sentence)


def _not_controls(spec: ReportSpec) -> list[MethodSpec]:
    return [method for method in spec.methods if method.fidelity != "control"]


def _methods_by_value(
    spec: ReportSpec, scores: DatasetScores, value_of: Callable[[Mapping[str, str]], str]
) -> dict[str, str]:
    """Return, by value of their records, the names of the methods with runs that ended ok."""
    found: dict[str, dict[str, None]] = {}
    for method in spec.methods:
        for record in scores.ok_records(method.name):
            if value := value_of(record):
                found.setdefault(value, {})[method.name] = None
    return {value: ", ".join(names) for value, names in sorted(found.items())}


def _versions(record: Mapping[str, str]) -> dict[str, str]:
    """Return the versions in a record, by library."""
    pairs = (part.rpartition(" ") for part in record.get("versions", "").split("; "))
    return {name: version for name, _, version in pairs if name}


def _short(value: str) -> str:
    """Return the first digits of a checksum or a commit, other values as they are."""
    is_hash = len(value) >= 40 and all(c in "0123456789abcdef" for c in value)
    return value[:8] if is_hash else value
