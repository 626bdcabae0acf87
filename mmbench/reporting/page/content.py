"""What the page shows, as plain values for its templates. Nothing here knows HTML."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.boards import Column
from mmbench.reporting.formatting import rounded
from mmbench.reporting.labels import (
    FIDELITIES,
    PAIRINGS,
    SECTIONS,
    UNRANKED,
    status_cell,
    status_text,
)
from mmbench.reporting.scores import BEST_VIEW, DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

MAX_CAUSES = 200  # of no score; thousands would not be read
NO_FAILURES = ("not_applicable", "data_unavailable")  # nothing ran that could have failed
IMBALANCE = 3  # the largest class over the smallest, from which on a card says so


def board(spec: ReportSpec, stored: Sequence[DatasetScores]) -> dict[str, Any]:
    """Return the leaderboard, methods by data sets, for every metric and both selections.

    Returns:
        `scores[metric][selection][method][dataset]` is (mean, standard deviation) with three
        digits, or None; the deviation is None for a single seed. `ok[method][dataset]` counts
        the seeds that ended ok, `words` says how the others ended where that is none, and
        `marks` are those of the leaderboard's tables. `competes` is false for imported rows,
        which are never best or second.
    """
    metrics = dict.fromkeys(spec.metrics) | dict.fromkeys(
        sorted({m for one in stored for _, _, subset, m in one.scores if subset == "all"})
    )
    return {
        "seeds": len(spec.seeds),
        "metrics": [
            {"name": m, "head": Column(m).head, "ranked": m not in UNRANKED} for m in metrics
        ],
        "datasets": [
            {
                "name": one.dataset.name,
                "title": one.dataset.title,
                "data_setting": one.dataset.data_setting,
                "by_label": one.dataset.pairing == "by-label",
                # the name is for people who look into the folder; the number makes it unique
                "file": f"{i:03d}-{re.sub(r'[^A-Za-z0-9_]+', '-', one.dataset.name)[:60]}.js",
            }
            for i, one in enumerate(stored)
        ],
        "data_settings": {
            data_setting: SECTIONS[data_setting][0]
            for data_setting in dict.fromkeys(one.dataset.data_setting for one in stored)
        },
        "methods": [{"name": m.name, "title": m.printed + " ‡" * m.changed} for m in spec.methods],
        "scores": {
            metric: {
                selection: [
                    [_summary(_values(one, method, metric, selection)) for one in stored]
                    for method in spec.methods
                ]
                for selection in ("last", "oracle")
            }
            for metric in metrics
        },
        "ok": [[_n_ok(one, m) for one in stored] for m in spec.methods],
        "words": [[_word(one, m) for one in stored] for m in spec.methods],
        "marks": [[_marks(one, m) for one in stored] for m in spec.methods],
        "competes": [[not one.is_imported(m.name) for one in stored] for m in spec.methods],
    }


def endings(spec: ReportSpec, stored: Sequence[DatasetScores]) -> dict[str, Any]:
    """Return how many runs ended how, and for each cause of no score the cells it struck."""
    statuses: Counter[str] = Counter()
    causes: dict[tuple[str, str], Counter[tuple[int, int]]] = {}
    for j, one in enumerate(stored):
        for i, method in enumerate(spec.methods):
            for record in one.records[method.name].values():
                statuses[record["status"]] += 1
                if record["status"] != "ok":
                    reason = record["reason"].removeprefix(f"{one.dataset.name}: ")
                    cells = causes.setdefault((record["status"], reason), Counter())
                    cells[i, j] += 1
    most = sorted(causes.items(), key=lambda item: -item[1].total())
    return {
        "statuses": {_plain(status): n for status, n in statuses.most_common()},
        "n_runs": statuses.total(),
        "told": _told(statuses),
        "causes": [
            {
                "status": _plain(status),
                "reason": reason,
                "runs": cells.total(),
                "cells": [
                    {
                        "at": f"{i},{j}",
                        "title": f"{spec.methods[i].printed}, {stored[j].dataset.title}",
                    }
                    for i, j in cells
                ],
            }
            for (status, reason), cells in most[:MAX_CAUSES]
        ],
        "left_out": max(0, len(most) - MAX_CAUSES),
    }


def figures(captions: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return the figures by family, which is how the stem of their file begins."""
    families: dict[str, list[dict[str, str]]] = {}
    for stem, caption in captions.items():
        figure = {"file": f"{stem}.png", "caption": caption}
        families.setdefault(stem.partition("-")[0], []).append(figure)
    return families


def data_card(one: DatasetScores) -> dict[str, Any]:
    """Return the card of a data set: facts, traps and where its files are from."""
    card = one.card
    facts = {
        "Samples": card.get("n_samples"),
        "Classes": card.get("n_classes"),
        "Clusters asked for": card.get("n_clusters"),
        "DataSetting": SECTIONS[one.dataset.data_setting][0],
        "Pairing": PAIRINGS[one.dataset.pairing],
        "Derived from": card.get("base") if card.get("base") != one.dataset.name else None,
        "By": _listed(card.get("derivation") or {}),
        "Licence": card.get("licence"),
        "Citation": card.get("citation"),
        "Checksum of what methods see": card.get("checksum"),
    }
    return {
        "title": one.dataset.title,
        "name": one.dataset.name,
        "about": one.description(),
        "unavailable": card.get("reason", "") if card.get("status") == "data_unavailable" else "",
        "facts": {key: value for key, value in facts.items() if value},
        "traps": list(_traps(one)),
        "views": card.get("views") or [],
        "class_sizes": card.get("class_sizes") or {},
        "files": card.get("files") or {},
    }


def method_card(method: MethodSpec, stored: Sequence[DatasetScores]) -> dict[str, Any]:
    """Return the card of a method, with the parameters that its runs had."""
    titles = {one.dataset.name: one.dataset.title for one in stored}
    facts = {
        "Entry": method.name,
        "Module": method.uses,
        "Fidelity": f"{method.fidelity}. {FIDELITIES[method.fidelity]}",
        "Citation": method.citation,
        "Variant of": method.base if method.base != method.name else "",
        "Differs in": _listed(method.varied),
        "Set by this benchmark": _listed(method.params),
        "Parameters of its own on": ", ".join(titles[name] for name in method.tuned_on),
    }
    used: dict[str, list[str]] = {}
    for one in stored:
        for told in dict.fromkeys(_column(one.records[method.name].values(), "params")):
            used.setdefault(told, []).append(one.dataset.title)
    return {
        "title": method.printed,
        "facts": {key: value for key, value in facts.items() if value},
        "params": [
            {"where": ", ".join(where) if len(used) > 1 else "", "values": _shown(json.loads(told))}
            for told, where in used.items()
        ],
    }


def provenance(spec: ReportSpec, stored: Sequence[DatasetScores]) -> dict[str, Any]:
    """Return what made the runs: machines, versions, commits, sources and data."""
    records = [
        record for one in stored for by_seed in one.records.values() for record in by_seed.values()
    ]
    columns = {
        "origin": "Origin, where it was not trained here",
        "host": "Machine",
        "device": "Device",
        "threads": "Threads",
        "precision": "Precision",
        "git_commit": "Commit",
        "git_clean": "Checkout without changes",
        "versions": "Versions",
    }
    started = sorted(_column(records, "started"))
    return {
        "counts": {
            title: Counter(_column(records, name)).most_common() for name, title in columns.items()
        },
        "started": (started[0], started[-1]) if started else None,
        "sources": [
            {
                "title": method.printed,
                "fingerprints": sorted(set(_column(of_method, "fingerprint"))),
                "params_hash": sorted(set(_column(of_method, "params_hash"))),
            }
            for method in spec.methods
            for of_method in [[r for one in stored for r in one.records[method.name].values()]]
        ],
        "checksums": [
            {
                "title": one.dataset.title,
                "checksums": sorted(
                    {
                        checksum
                        for by_seed in one.records.values()
                        for checksum in _column(by_seed.values(), "data_checksum")
                    }
                ),
            }
            for one in stored
        ],
    }


def _values(
    one: DatasetScores, method: MethodSpec, metric: str, selection: str
) -> NDArray[np.float64]:
    """Return the scores of a cell; an oracle of a method with a row per view picks the view."""
    values = one.values(method.name, metric, selection=selection)
    if selection == "oracle" and not len(values):
        values = one.values(method.name, metric, selection=selection, subset=BEST_VIEW)
    return values


def _summary(values: NDArray[np.float64]) -> tuple[float, float | None] | None:
    if not len(values):
        return None
    return rounded(values.mean()), rounded(values.std(ddof=1)) if len(values) > 1 else None


def _n_ok(one: DatasetScores, method: MethodSpec) -> int:
    return sum(r["status"] == "ok" for r in one.records[method.name].values())


def _word(one: DatasetScores, method: MethodSpec) -> str:
    """Return how the runs of a cell without a score ended, most of them; else nothing."""
    statuses = Counter(r["status"] for r in one.records[method.name].values())
    status = statuses.most_common(1)[0][0]
    return "" if "ok" in statuses else status_cell(status)


def _marks(one: DatasetScores, method: MethodSpec) -> str:
    elsewhere = any(record.get("origin") for record in one.records[method.name].values())
    return "†" * (one.dataset.name in method.tuned_on) + "§" * elsewhere


def _traps(one: DatasetScores) -> Iterable[str]:
    """Yield what a reader of scores on these data must know."""
    card = one.card
    if card.get("remark"):
        yield card["remark"]
    if one.dataset.pairing == "by-label":
        yield PAIRINGS["by-label"]
    if card.get("n_shuffled"):
        yield f"{card['n_shuffled']} samples were paired wrongly on purpose."
    if card.get("n_classes") not in (None, card.get("n_clusters")):
        yield f"{card['n_clusters']} clusters are asked for; it has {card['n_classes']} classes."
    sizes = list((card.get("class_sizes") or {}).values())
    if sizes and max(sizes) >= IMBALANCE * max(1, min(sizes)):
        yield f"Its classes are unequal: {min(sizes)} to {max(sizes)} samples."
    if any(not file.get("verified") for file in (card.get("files") or {}).values()):
        yield "No published checksum vouches for its files."


def _told(statuses: Mapping[str, int]) -> str:
    """Return how many runs ended ok and how many failed; what could not be run did not fail."""
    counts = {status: statuses.get(status, 0) for status in ("ok", *NO_FAILURES)}
    failed = sum(statuses.values()) - sum(counts.values())
    words = [f"{n} {_plain(status)}" for status, n in counts.items() if n or status == "ok"]
    return ", ".join([*words, f"{failed} failed"])


def _plain(status: str) -> str:
    return status_text(status)


def _column(records: Iterable[Mapping[str, str]], name: str) -> list[str]:
    return [record[name] for record in records if record.get(name)]


def _shown(params: Mapping[str, Any]) -> dict[str, str]:
    return {key: json.dumps(value, ensure_ascii=False) for key, value in params.items()}


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in _shown(params).items())
