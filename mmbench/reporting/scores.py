"""The stored scores, records and data card of one data set."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError, unknown
from mmbench.files import read_csv, read_json
from mmbench.reporting.labels import status_cell, status_text
from mmbench.reporting.spec import DatasetSpec, ReportSpec

BEST_VIEW = "best-view"


@dataclass(frozen=True, eq=False)
class DatasetScores:
    """The scores, records and card of a data set.

    Attributes:
        card: the content of the file that `prepare` wrote.
        records: by method and seed, the row of the records file.
        scores: by (method, selection, subset, metric), the value of each seed that ended ok.
            The oracle's choice among views, whichever view it is, has the subset `best-view`.
        best_views: by method and seed, which view that is.
    """

    dataset: DatasetSpec
    card: Mapping[str, Any]
    records: Mapping[str, Mapping[int, Mapping[str, str]]]
    scores: Mapping[tuple[str, str, str, str], Mapping[int, float]]
    best_views: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the data set."""
        return self.dataset.name

    def by_seed(
        self, method: str, metric: str, *, selection: str = "last", subset: str = "all"
    ) -> dict[int, float]:
        """Return the score of each seed that ended ok, in the order of seeds."""
        return dict(sorted(self.scores.get((method, selection, subset, metric), {}).items()))

    def values(
        self, method: str, metric: str, *, selection: str = "last", subset: str = "all"
    ) -> NDArray[np.float64]:
        """Return (n_ok,), the scores of the seeds that ended ok, in the order of seeds."""
        by_seed = self.by_seed(method, metric, selection=selection, subset=subset)
        return np.array(list(by_seed.values()))

    def subsets(self, prefix: str, method: str | None = None) -> list[str]:
        """Return the subsets whose name begins with `prefix`, in the order of the file."""
        found = dict.fromkeys(s for m, _, s, _ in self.scores if method in (None, m))
        return [subset for subset in found if subset.startswith(prefix)]

    def ok_records(self, method: str) -> list[Mapping[str, str]]:
        """Return the records of the seeds that ended ok."""
        return [r for r in self.records[method].values() if r["status"] == "ok"]

    def params_hash(self, method: str) -> str:
        """Return the hash of the hyperparameters of a method's runs."""
        return next(iter(self.records[method].values()))["params_hash"]

    def status_text(self, method: str) -> str:
        """Return how most seeds of a method ended, as a cell of a table shows it."""
        statuses = Counter(r["status"] for r in self.records[method].values())
        return status_cell(statuses.most_common(1)[0][0])

    def reason(self, record: Mapping[str, str]) -> str:
        """Return why a run has no score, without the name of the data set before it."""
        return record["reason"].removeprefix(f"{self.name}: ")

    def failures(self, method: str) -> str:
        """Return which seeds of a method did not end ok and why, or an empty text."""
        texts = {
            seed: ": ".join(filter(None, [status_text(r["status"]), self.reason(r)]))
            for seed, r in self.records[method].items()
            if r["status"] != "ok"
        }
        return _seeds_by_text(texts, len(self.records[method]))

    def is_imported(self, method: str) -> bool:
        """Return whether a seed was imported, so that it is unknown whether it used labels."""
        return any(r.get("origin") == "imported" for r in self.records[method].values())

    def origin(self, method: str) -> str:
        """Return which seeds of a method were not trained here, or an empty text."""
        texts = {
            seed: origin if origin == "imported" else f"trained on {origin}"
            for seed, record in self.records[method].items()
            if (origin := record.get("origin"))
        }
        return _seeds_by_text(texts, len(self.records[method]))

    def description(self) -> str:
        """Return the size and the views of the data, as far as the card has them."""
        card = self.card
        kinds = [kind for kind in ("samples", "classes") if card.get(f"n_{kind}")]
        parts = [f"{card[f'n_{kind}']} {kind}" for kind in kinds]
        if card.get("n_clusters") != card.get("n_classes"):
            parts.append(f"{card.get('n_clusters')} clusters asked for")
        if views := card.get("views"):
            names = [f"{view['name']} ({' × '.join(map(str, view['dims']))})" for view in views]
            parts.append(f"{'view' if len(views) == 1 else 'views'} {', '.join(names)}")
        return "; ".join(parts)


def _seeds_by_text(texts: Mapping[int, str], n_seeds: int) -> str:
    """Return each text once, with the seeds that it is about unless it is about all."""
    seeds: dict[str, list[int]] = {}
    for seed, text in sorted(texts.items()):
        seeds.setdefault(text, []).append(seed)
    return "; ".join(
        text
        if len(found) == n_seeds
        else f"{'seed' if len(found) == 1 else 'seeds'} {', '.join(map(str, found))} {text}"
        for text, found in seeds.items()
    )


def read_scores(
    spec: ReportSpec, dataset: DatasetSpec, *, results: Path, cards: Path
) -> DatasetScores:
    """Return the scores of a data set, for the methods and seeds of a report.

    The folders are those of `mmbench.reporting.report`.

    Raises:
        InputError: a file is missing or malformed, or lacks a run or a metric of the report.
    """
    path = results / "records" / f"{dataset.name}.csv"
    records: dict[str, dict[int, Mapping[str, str]]] = {}
    for row in read_csv(path, ("method", "params_hash", "seed", "status", "reason")):
        if int(row["seed"]) in spec.seeds:
            records.setdefault(row["method"], {})[int(row["seed"])] = row
    for method in spec.methods:
        if method.name not in records:
            raise unknown("method", method.name, records, where=str(path))
        for seed in spec.seeds:
            if seed not in records[method.name]:
                raise InputError(f"{path}: expected a run of {method.name}, seed {seed}")

    path = results / "scores" / f"{dataset.name}.csv"
    scores: dict[tuple[str, str, str, str], dict[int, float]] = {}
    best_views: dict[str, dict[int, str]] = {}
    metrics = set()
    for row in read_csv(path, ("method", "seed", "selection", "subset", "metric", "value")):
        method_name, subset, seed = row["method"], row["subset"], int(row["seed"])
        if seed not in spec.seeds:
            continue
        if row["selection"] == "oracle" and subset.startswith("view:"):
            best_views.setdefault(method_name, {})[seed] = subset.removeprefix("view:")
            subset = BEST_VIEW
        key = (method_name, row["selection"], subset, row["metric"])
        scores.setdefault(key, {})[seed] = float(row["value"])
        metrics.add(row["metric"])
    for metric in spec.metrics:
        if scores and metric not in metrics:
            raise unknown("metric", metric, metrics, where=str(path))
        for method in spec.methods:
            scored = scores.get((method.name, "last", "all", metric), {})
            for seed, record in records[method.name].items():
                if record["status"] == "ok" and seed not in scored:
                    raise InputError(f"{path}: expected the {metric} of {method.name}, seed {seed}")
    card = read_json(cards / dataset.name / "card.json")
    return DatasetScores(dataset, card, records, scores, best_views)
