"""Checks of the scores and records of a benchmark for what deserves a look before they are read.

A finding is not a verdict. A new check is a function that yields `Found`, and a line of `CHECKS`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.stats import entropy

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, format_count, format_score
from mmbench.reporting.labels import UNRANKED, metric_head, status_text
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

BALANCED = 1.5  # classes are balanced if the largest has at most so many times the smallest
MIN_USED = 0.9  # the share of the clusters that balanced classes should fill
MIN_EFFECTIVE = 0.5  # of the effective number of classes, at least that of clusters
RANDOM = "random"  # the control that draws clusters at random

# the lowest and the highest value that a metric can have
RANGES = dict.fromkeys(
    ("acc", "nmi", "purity", "pairwise_f", "nmi_modality", "modality_mixing"), (0.0, 1.0)
) | {
    "ari": (-0.5, 1.0),
    "ami": (-1.0, 1.0),
    "clusters_used": (1.0, math.inf),
    "size_entropy": (0.0, math.inf),
}
_ROUNDING = 1e-6  # scores are stored with six digits
_HEAD = ("finding", "kind", "method", "seeds")

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
        kind: a few words, the same for all findings of a check.
        method: its name, or nothing where the finding is about several.
        seeds: those concerned, or none where all are.
    """

    kind: str
    dataset: str
    method: str
    seeds: tuple[int, ...]
    sentence: str


# a method or nothing, its seeds or none where all are concerned, and what was found
Found = tuple[str, Sequence[int], str]


def document(report: ReportContext) -> Document:
    """Return a table for each data set with a finding."""
    spec, found = report.spec, check_quality(report.spec, report.datasets)
    n = format_count(len(found), "finding")
    text = [f"{n} to look at; a finding is not a verdict." if found else "No finding."]
    titles = {method.name: method.printed for method in spec.methods}
    tables = []
    for dataset in spec.datasets:
        rows = [
            [
                f.sentence,
                f.kind,
                titles.get(f.method, MISSING),
                ", ".join(map(str, f.seeds)) or "all",
            ]
            for f in found
            if f.dataset == dataset.name
        ]
        if rows:
            name = f"{spec.name}-{dataset.name}-quality_checks"
            head, *body = [[*map(Cell, row)] for row in (_HEAD, *rows)]
            tables.append(Table(name, dataset.title, "", head, body))
    sections = [Section("By data set", "", tables)] if tables else []
    return Document(
        f"Quality checks of {spec.name}",
        text,
        sections,
        "kind dataset method seeds sentence",
        [[f.kind, f.dataset, f.method, " ".join(map(str, f.seeds)), f.sentence] for f in found],
        page_section("Quality checks", text, sections, is_open=True),
    )


def check_quality(spec: ReportSpec, datasets: Sequence[DatasetScores]) -> list[Finding]:
    """Return the findings, data set by data set."""
    return [
        Finding(kind, scores.name, method, tuple(seeds), sentence)
        for scores in datasets
        for check, kind in CHECKS.items()
        for method, seeds, sentence in check(spec, scores)
    ]


def _impossible_scores(_spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
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
            yield method, seeds, sentence + (" (oracle)" if selection == "oracle" else "")


def _label_like_columns(_spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield columns of views that alone nearly determine the classes."""
    for view in scores.card.get("views", []):
        for column, nmi in view.get("suspicious_columns", {}).items():
            yield "", (), f"column {column} of view {view['name']} alone has NMI {nmi:.3f}"


def _missing_seeds(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield seeds that failed; a method that does not accept the data has not failed."""
    for method in spec.methods:
        failed: dict[str, list[int]] = {}
        for seed, record in sorted(scores.records[method.name].items()):
            if record["status"] not in ("ok", "not_applicable", "data_unavailable"):
                failed.setdefault(record["status"], []).append(seed)
        for status, seeds in failed.items():
            sentence = f"{len(seeds)} of {len(spec.seeds)} seeds {status_text(status)}"
            reason = scores.records[method.name][seeds[0]]["reason"]
            yield method.name, seeds, f"{sentence}: {reason}" if reason else sentence


def _collapsed(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield runs that put the samples into too few clusters; controls may do so on purpose.

    The assignments of a view alone are checked too, since those of all views together may hide
    that they collapsed: a k-means of soft assignments fills every cluster, however few the heads
    use.
    """
    sizes = [n for n in scores.card.get("class_sizes", {}).values() if n]
    n_clusters = scores.card.get("n_clusters")
    if not sizes or not n_clusters:
        return
    is_balanced = max(sizes) <= BALANCED * min(sizes)
    # with fewer clusters than classes, no method can reach the number of classes
    effective = min(math.exp(entropy(sizes)), n_clusters)
    for method in (m.name for m in _not_controls(spec)):
        found: set[int] = set()  # seeds that fill too few clusters with all views together
        for subset in ["all", *scores.subsets("view:", method)] if is_balanced else []:
            used = scores.by_seed(method, "clusters_used", subset=subset)
            few = [s for s, n in used.items() if n < MIN_USED * n_clusters and s not in found]
            if not few:
                continue
            least = min(used[seed] for seed in few)
            sentence = f"as few as {least:.0f} of {n_clusters} clusters have a sample, though"
            if subset == "all":
                found.update(few)
                yield method, few, f"{sentence} the classes are about equally large"
            else:
                view = subset.removeprefix("view:")
                yield method, few, f"by view {view} alone {sentence} all views together fill them"
        effective_clusters = {
            seed: math.exp(x)
            for seed, x in scores.by_seed(method, "size_entropy").items()
            if seed not in found and math.exp(x) < MIN_EFFECTIVE * effective
        }
        if effective_clusters:
            sentence = (
                "the clusters are as uneven as if there were only"
                f" {min(effective_clusters.values()):.1f} of them, the classes as if there were"
                f" {effective:.1f} (the exponential of the entropy of the sizes)"
            )
            yield method, list(effective_clusters), sentence


def _below_random(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield methods that score lower than clusters drawn at random."""
    if not any(method.name == RANDOM for method in spec.methods):
        return
    for method in _not_controls(spec):
        low = []
        for metric in (m for m in spec.metrics if m not in UNRANKED):
            both = [scores.values(name, metric) for name in (method.name, RANDOM)]
            if all(map(len, both)) and both[0].mean() < both[1].mean():
                ours, chance = (format_score(values.mean()) for values in both)
                low.append(f"{metric_head(metric)} {ours}, at random {chance}")
        if low:
            yield method.name, (), "; ".join(low)


def _same_for_all_seeds(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield trained methods whose seed changes no score; classical ones may be deterministic."""
    for method in (m for m in _not_controls(spec) if m.fidelity != "baseline"):
        found = [by_seed for key, by_seed in scores.scores.items() if key[0] == method.name]
        n_seeds = max(map(len, found), default=0)
        if n_seeds > 1 and all(len(set(by_seed.values())) == 1 for by_seed in found):
            sentence = f"all seeds gave the same assignment, as far as {len(found)} scores show"
            yield method.name, (), sentence


def _duplicated_rows(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield pairs of methods that agree in every score of every seed."""
    rows: dict[str, dict[str, Mapping[int, float]]] = defaultdict(dict)
    for (method, selection, subset, metric), by_seed in scores.scores.items():
        if (selection, subset) == ("last", "all"):
            rows[method][metric] = by_seed
    for first, second in combinations([m.name for m in spec.methods if m.name in rows], 2):
        if rows[first] == rows[second]:
            yield second, (), f"every score of every seed is that of {first}"


def _different_conditions(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield conditions and versions that differ between the runs of a table."""
    ok = [(m.name, record) for m in spec.methods for record in scores.ok_records(m.name)]
    # the methods by condition and value, in order
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for column, text in CONDITIONS.items():
        for method, record in ok:
            if value := record.get(column):
                found[text][value][method] = None
    libraries = (
        (part.rpartition(" "), method)
        for method, record in ok
        for part in record.get("versions", "").split("; ")
    )
    for (library, _, version), method in sorted(libraries, key=lambda found: found[0][0]):
        if library:
            found[f"different versions of {library}"][version][method] = None
    for text, values in found.items():
        if len(values) > 1:
            methods = "; ".join(f"{_short(x)} ({', '.join(m)})" for x, m in sorted(values.items()))
            yield "", (), f"{text}: {methods}"
    for entry in spec.methods:
        sources = {r.get("fingerprint", "") for r in scores.ok_records(entry.name)} - {""}
        if len(sources) > 1:
            yield entry.name, (), f"its seeds ran {len(sources)} different sources of the method"


def _unclean_checkouts(spec: ReportSpec, scores: DatasetScores) -> Iterator[Found]:
    """Yield runs whose source is in no commit."""
    ok = [(m.name, record) for m in spec.methods for record in scores.ok_records(m.name)]
    methods = dict.fromkeys(name for name, r in ok if r.get("git_clean") == "False")
    if methods:
        yield "", (), f"the checkout had changes that are in no commit: {', '.join(methods)}"


# the kind of finding of each check, in the order of the table
CHECKS: dict[Callable[[ReportSpec, DatasetScores], Iterator[Found]], str] = {
    _impossible_scores: "impossible score",
    _label_like_columns: "label-like column",
    _missing_seeds: "missing seeds",
    _collapsed: "collapsed",
    _below_random: "below random",
    _same_for_all_seeds: "same for all seeds",
    _duplicated_rows: "duplicated row",
    _different_conditions: "different conditions",
    _unclean_checkouts: "unclean checkout",
}


def _not_controls(spec: ReportSpec) -> list[MethodSpec]:
    return [method for method in spec.methods if method.fidelity != "control"]


def _short(value: str) -> str:
    """Return the first digits of a checksum or a commit, other values as they are."""
    is_hash = len(value) >= 40 and all(c in "0123456789abcdef" for c in value)
    return value[:8] if is_hash else value
