"""What `score` stored of one data set, read for a report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError, unknown
from mmbench.files import read_csv, read_json
from mmbench.reporting.spec import DatasetSpec, ReportSpec

BEST_VIEW = "best-view"


@dataclass(frozen=True, eq=False)
class Stored:
    """The scores, records and card of a data set.

    Attributes:
        dataset: which.
        card: what `prepare` says of the data.
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

    def values(
        self, method: str, metric: str, *, selection: str = "last", subset: str = "all"
    ) -> NDArray[np.float64]:
        """Return (n_ok,), the values of the seeds that ended ok, by seed; empty if none."""
        by_seed = self.scores.get((method, selection, subset, metric), {})
        return np.array([by_seed[seed] for seed in sorted(by_seed)])

    def is_imported(self, method: str) -> bool:
        """Whether a seed was imported: nobody knows whether labels had a part in it."""
        return any(r.get("origin") == "imported" for r in self.records[method].values())

    def subsets(self, start: str, method: str | None = None) -> list[str]:
        """Return the subsets whose name begins with `start`, in the order of the file."""
        found = dict.fromkeys(s for m, _, s, _ in self.scores if method in (None, m))
        return [subset for subset in found if subset.startswith(start)]

    def about(self) -> str:
        """Return what the data are, in a few words, as far as the card tells."""
        card = self.card
        words = [
            f"{card[key]} {noun}"
            for key, noun in (("n_samples", "samples"), ("n_classes", "classes"))
            if card.get(key)
        ]
        if card.get("n_clusters") != card.get("n_classes"):
            words.append(f"{card.get('n_clusters')} clusters asked for")
        views = [
            f"{view['name']} ({' × '.join(map(str, view['dims']))})"
            for view in card.get("views") or ()
        ]
        if views:
            words.append(f"{'view' if len(views) == 1 else 'views'} {', '.join(views)}")
        return "; ".join(words)


def read_stored(spec: ReportSpec, dataset: DatasetSpec, *, results: Path, cards: Path) -> Stored:
    """Read what is stored of a data set, for the methods and seeds of a report.

    Args:
        spec: the report.
        dataset: one of its data sets.
        results: the folder of the benchmark, with `scores/` and `records/`.
        cards: the folder with a `{dataset}/card.json` each.

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
    return Stored(
        dataset, read_json(cards / dataset.name / "card.json"), records, scores, best_views
    )
