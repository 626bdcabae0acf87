"""The content of the page as plain values for its templates, which alone contain HTML."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmbench.reporting.context import ReportContext
from mmbench.reporting.formatting import rounded
from mmbench.reporting.labels import (
    BY_LABEL,
    CHANGED,
    FIDELITIES,
    MARKS,
    PAIRINGS,
    SECTIONS,
    UNRANKED,
    metric_head,
    status_text,
)
from mmbench.reporting.scores import BEST_VIEW, DatasetScores
from mmbench.reporting.spec import MethodSpec

MAX_CAUSES = 200  # of runs without a score; thousands would not be read
NO_FAILURES = ("not_applicable", "data_unavailable")  # nothing ran that could have failed
IMBALANCE = 3  # the least ratio of the largest class to the smallest that a card mentions

# the columns of the records that the page counts, with their titles
_PROVENANCE = {
    "origin": "Origin, where it was not trained here",
    "host": "Machine",
    "device": "Device",
    "threads": "Threads",
    "precision": "Precision",
    "git_commit": "Commit",
    "git_clean": "Checkout without changes",
    "versions": "Versions",
}


def board(report: ReportContext) -> dict[str, Any]:
    """Return the leaderboard, methods by data sets, for every metric and both selections.

    Returns:
        `scores[metric][selection][method][dataset]` is (mean, standard deviation) with three
        digits, or None; the deviation is None for a single seed. `ok[method][dataset]` counts
        the seeds that ended ok, `statuses` says how the others ended where that is none, and
        `marks` are those of the leaderboard's tables. `competes` is false for imported rows,
        which are never best or second.
    """
    spec, boards = report.spec, report.boards
    stored = {m for d in report.datasets for _, _, subset, m in d.scores if subset == "all"}
    metrics = dict.fromkeys([*spec.metrics, *sorted(stored)])
    marks = [[b.marks(method) for b in boards] for method in spec.methods]
    used = {mark for row in marks for cell in row for mark in cell}
    return {
        "seeds": len(spec.seeds),
        "metrics": [
            {"name": m, "head": metric_head(m), "ranked": m not in UNRANKED} for m in metrics
        ],
        "datasets": [
            {
                "name": b.dataset.name,
                "title": b.dataset.title,
                "data_setting": b.dataset.data_setting,
                "by_label": b.section == BY_LABEL,
                # the name is for people who look into the folder; the number makes it unique
                "file": f"{i:03d}-{re.sub(r'[^A-Za-z0-9_]+', '-', b.dataset.name)[:60]}.js",
            }
            for i, b in enumerate(boards)
        ],
        "data_settings": {
            b.dataset.data_setting: SECTIONS[b.dataset.data_setting][0] for b in boards
        },
        "methods": [
            {"name": m.name, "title": m.printed + f" {CHANGED}" * m.changed} for m in spec.methods
        ],
        "scores": {
            metric: {
                selection: [
                    [_cell(d, method, metric, selection) for d in report.datasets]
                    for method in spec.methods
                ]
                for selection in ("last", "oracle")
            }
            for metric in metrics
        },
        "ok": [[len(d.ok_records(m.name)) for d in report.datasets] for m in spec.methods],
        "statuses": [
            ["" if d.ok_records(m.name) else d.status_text(m.name) for d in report.datasets]
            for m in spec.methods
        ],
        "marks": [["".join(x for x in cell if x != CHANGED) for cell in row] for row in marks],
        "legend": {mark: text for mark, text in MARKS.items() if mark in used},
        "competes": [[not d.is_imported(m.name) for d in report.datasets] for m in spec.methods],
    }


def endings(report: ReportContext) -> dict[str, Any]:
    """Return how many runs ended in which way, and the cells behind each cause of no score."""
    statuses: Counter[str] = Counter()
    causes: defaultdict[tuple[str, str], Counter[tuple[int, int]]] = defaultdict(Counter)
    for j, scores in enumerate(report.datasets):
        for i, method in enumerate(report.spec.methods):
            for record in scores.records[method.name].values():
                statuses[record["status"]] += 1
                if record["status"] != "ok":
                    causes[record["status"], scores.reason(record)][i, j] += 1
    by_runs = sorted(causes.items(), key=lambda item: -item[1].total())
    titles = [method.printed for method in report.spec.methods]
    # runs that could not start did not fail
    counts = {status: statuses[status] for status in ("ok", *NO_FAILURES)}
    n_failed = statuses.total() - sum(counts.values())
    parts = [f"{n} {status_text(status)}" for status, n in counts.items() if n or status == "ok"]
    return {
        "statuses": {status_text(status): n for status, n in statuses.most_common()},
        "n_runs": statuses.total(),
        "summary": ", ".join([*parts, f"{n_failed} failed"]),
        "causes": [
            {
                "status": status_text(status),
                "reason": reason,
                "runs": cells.total(),
                "cells": [
                    {"at": f"{i},{j}", "title": f"{titles[i]}, {report.datasets[j].dataset.title}"}
                    for i, j in cells
                ],
            }
            for (status, reason), cells in by_runs[:MAX_CAUSES]
        ],
        "left_out": max(0, len(by_runs) - MAX_CAUSES),
    }


def figures_by_family(captions: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return the file and caption of each figure by its family, with which its name begins."""
    families: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for name, caption in captions.items():
        families[name.partition("-")[0]].append({"file": f"{name}.png", "caption": caption})
    return families


def data_card(scores: DatasetScores) -> dict[str, Any]:
    """Return the card of a data set: facts, warnings and the sources of its files."""
    card, dataset = scores.card, scores.dataset
    return {
        "title": dataset.title,
        "about": scores.description(),
        "unavailable": card.get("reason", "") if card.get("status") == "data_unavailable" else "",
        "facts": _facts(
            {
                "Samples": card.get("n_samples"),
                "Classes": card.get("n_classes"),
                "Clusters requested": card.get("n_clusters"),
                "Setting": SECTIONS[dataset.data_setting][0],
                "Pairing": PAIRINGS[dataset.pairing],
                "Derived from": card.get("base") if card.get("base") != dataset.name else None,
                "By": _listed(card.get("derivation") or {}),
                "Licence": card.get("licence"),
                "Citation": card.get("citation"),
                "Checksum of the data that methods receive": card.get("checksum"),
            }
        ),
        "warnings": list(_warnings(scores)),
        "views": card.get("views") or [],
        "class_sizes": card.get("class_sizes") or {},
        "files": card.get("files") or {},
    }


def method_card(report: ReportContext, method: MethodSpec) -> dict[str, Any]:
    """Return the card of a method, with the parameters of its runs."""
    datasets_by_params: defaultdict[str, list[str]] = defaultdict(list)
    for scores in report.datasets:
        for params in _distinct(scores.records[method.name].values(), "params"):
            datasets_by_params[params].append(scores.dataset.title)
    tuned_on = [report.by_name[name].dataset.title for name in method.tuned_on]
    return {
        "title": method.printed,
        "citation": method.citation,
        "facts": _facts(
            {
                "Entry": method.name,
                "Module": method.uses,
                "Fidelity": f"{method.fidelity}. {FIDELITIES[method.fidelity]}",
                "Citation": method.citation,
                "Variant of": method.base if method.base != method.name else "",
                "Differs in": _listed(method.varied),
                "Set by this benchmark": _listed(method.params),
                "Parameters of its own on": ", ".join(tuned_on),
            }
        ),
        "params": [
            {
                "where": ", ".join(titles) if len(datasets_by_params) > 1 else "",
                "values": _json_values(json.loads(params)),
            }
            for params, titles in datasets_by_params.items()
        ],
    }


def provenance(report: ReportContext) -> dict[str, Any]:
    """Return the origin of the runs: machines, versions, commits, sources and data."""
    datasets, methods = report.datasets, report.spec.methods
    records = [r for d in datasets for m in methods for r in d.records[m.name].values()]
    started = sorted(_distinct(records, "started"))
    sources = []
    for method in methods:
        of_method = [r for d in datasets for r in d.records[method.name].values()]
        found = (sorted(_distinct(of_method, name)) for name in ("fingerprint", "params_hash"))
        sources.append((method.printed, *found))
    checksums = []
    for scores in datasets:
        of_dataset = (r for m in methods for r in scores.records[m.name].values())
        checksums.append((scores.dataset.title, sorted(_distinct(of_dataset, "data_checksum"))))
    return {
        "counts": {
            title: Counter(r[name] for r in records if r.get(name)).most_common()
            for name, title in _PROVENANCE.items()
        },
        "started": (started[0], started[-1]) if started else None,
        "sources": sources,
        "checksums": checksums,
    }


def _cell(
    scores: DatasetScores, method: MethodSpec, metric: str, selection: str
) -> tuple[float, float | None] | None:
    values = scores.values(method.name, metric, selection=selection)
    if selection == "oracle" and not len(values):  # a method with a row per view
        values = scores.values(method.name, metric, selection=selection, subset=BEST_VIEW)
    if not len(values):
        return None
    return rounded(values.mean()), rounded(values.std(ddof=1)) if len(values) > 1 else None


def _warnings(scores: DatasetScores) -> Iterator[str]:
    """Yield what a reader of scores on these data must know."""
    card = scores.card
    if card.get("remark"):
        yield card["remark"]
    if scores.dataset.pairing == "by-label":
        yield PAIRINGS["by-label"]
    if card.get("n_shuffled"):
        yield f"{card['n_shuffled']} samples were paired wrongly on purpose."
    if card.get("n_classes") not in (None, card.get("n_clusters")):
        yield f"{card['n_clusters']} clusters are requested; it has {card['n_classes']} classes."
    sizes = list((card.get("class_sizes") or {}).values())
    if sizes and max(sizes) >= IMBALANCE * max(1, min(sizes)):
        yield f"The classes are unequal: {min(sizes)} to {max(sizes)} samples."
    if any(not file.get("verified") for file in (card.get("files") or {}).values()):
        yield "Its files were not verified against a published checksum."


def _distinct(records: Iterable[Mapping[str, str]], name: str) -> Sequence[str]:
    """Return the different values of a column, in the order of appearance."""
    return list(dict.fromkeys(record[name] for record in records if record.get(name)))


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _json_values(params: Mapping[str, Any]) -> dict[str, str]:
    return {key: json.dumps(value, ensure_ascii=False) for key, value in params.items()}


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in _json_values(params).items())
