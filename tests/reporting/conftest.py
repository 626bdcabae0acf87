"""A small benchmark as `score` leaves it: five data sets, six methods, three seeds."""

import csv
import json
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from mmbench.datasets.status import FetchedFile
from mmbench.reporting import ReportSpec
from mmbench.reporting.context import ReportContext, open_report, read_report
from mmbench.reporting.page import write_page
from mmbench.reporting.tables import TABLES

SEEDS = (0, 1, 2)
SPEC = {
    "name": "tiny",
    "seeds": list(SEEDS),
    "datasets": [
        {"name": n, "title": title, "pairing": pairing, "data_setting": data_setting}
        for n, title, pairing, data_setting in [
            ("digits", "Digits", "same-object", "paired"),
            ("joined", "Joined", "by-label", "paired"),
            ("halves", "Halves", "none", "mixed"),
            ("parts", "Parts & <b>bold</b>|50%", "same-object", "paired"),
            ("away", "Away", "none", "images"),
        ]
    ],
    "methods": [
        {"name": "majority", "title": "Majority", "fidelity": "control"},
        {"name": "km-view", "title": "k-means", "fidelity": "baseline", "rows": "views"},
        {"name": "km_all", "title": "k_means, all", "fidelity": "baseline", "changed": True},
        {"name": "cmmc", "title": "CMMC", "fidelity": "reference", "tuned_on": ["digits"]},
        {"name": "dmim", "title": "DMIM", "fidelity": "paper"},
        {"name": "sacc", "title": "SACC", "fidelity": "reference"},
    ],
}


class StoredBenchmark:
    """Scores and records to be written where `report` looks for them."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results" / "tiny"
        self.cards = folder / "processed"
        self.spec = ReportSpec.model_validate(SPEC)
        self.scores = {d.name: [] for d in self.spec.datasets}
        self.records = {d.name: [] for d in self.spec.datasets}
        self.card = {"n_samples": 100, "n_classes": 3, "n_clusters": 3, "views": []}

    def record(self, dataset, method, seed, status="ok", reason="", **values):
        self.records[dataset].append(
            {
                "method": method,
                "params_hash": "0123abcd",
                "seed": seed,
                "status": status,
                "reason": reason,
                "seconds_training": values.get("training", 1.5),
                "seconds_total": values.get("total", 2.0),
                "memory_host": values.get("host", 2**20),
                "device": "cpu",
                "threads": 1,
                "precision": "float32",
            }
        )

    def score(self, dataset, method, seed, acc, *, selection="last", subset="all", **others):
        values = {"acc": acc, "nmi": acc / 2, "ari": acc / 4, **others}
        self.scores[dataset] += [
            {
                "method": method,
                "seed": seed,
                "selection": selection,
                "subset": subset,
                "metric": metric,
                "value": value,
            }
            for metric, value in values.items()
        ]

    def ok(self, dataset, method, accs, **values):
        for seed, acc in zip(SEEDS, accs, strict=True):
            self.record(dataset, method, seed, **values)
            self.score(dataset, method, seed, acc)

    def failed(self, dataset, method, status, reason):
        for seed in SEEDS:
            self.record(dataset, method, seed, status, reason)

    def write(self) -> "StoredBenchmark":
        for kind in ("scores", "records"):
            for dataset, rows in getattr(self, kind).items():
                path = self.results / kind / f"{dataset}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                columns = ["method", "seed", "selection", "subset", "metric", "value"]
                with path.open("w", newline="") as file:
                    writer = csv.DictWriter(file, list(rows[0]) if rows else columns)
                    writer.writeheader()
                    writer.writerows(rows)
        for dataset in self.spec.datasets:
            card = self.cards / dataset.name / "card.json"
            card.parent.mkdir(parents=True, exist_ok=True)
            card.write_text(json.dumps({} if dataset.name == "away" else self.card))
        return self

    def report(self, spec=None, **values) -> ReportContext:
        """The benchmark as a report reads it, without details."""
        read = read_report(spec or self.spec, results=self.results, cards=self.cards)
        return replace(read, **values)

    def read(self):
        return self.report().datasets

    def tables(self, name, spec=None, **values) -> dict[str, str]:
        """The files of one table, by name."""
        return texts_of(self.report(spec, **values), name, self.results / "tables")


def texts_of(report, name, folder):
    """Write one table of a report; return the texts of its files by name."""
    (entry,) = [entry for entry in TABLES if entry.name == name]
    module = import_module(f"mmbench.reporting.tables.{name}")
    entry.write(module.document(report), report.spec, folder)
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@pytest.fixture
def write_table(tmp_path):
    """A function that writes one table of a report and returns its texts by file name."""

    def write(report, name):
        folder = tmp_path / "tables"
        folder.mkdir(exist_ok=True)
        return texts_of(report, name, folder)

    return write


@pytest.fixture
def stored(tmp_path):
    """The benchmark, written."""
    benchmark = StoredBenchmark(tmp_path)
    for dataset in ("digits", "joined", "parts"):
        benchmark.ok(dataset, "majority", [0.1, 0.1, 0.1])
        for seed in SEEDS:
            benchmark.record(dataset, "km-view", seed)
            benchmark.score(dataset, "km-view", seed, 0.3)
            benchmark.score(dataset, "km-view", seed, 0.3, subset="view:pix")
            benchmark.score(dataset, "km-view", seed, 0.2 + seed / 5, subset="view:fou")
            best = ("view:pix", 0.3) if seed == 0 else ("view:fou", 0.2 + seed / 5)
            benchmark.score(dataset, "km-view", seed, best[1], selection="oracle", subset=best[0])
        benchmark.ok(dataset, "km_all", [0.5, 0.6, 0.7])
        benchmark.ok(dataset, "cmmc", [0.8, 0.9, 0.85])
        for seed in SEEDS:
            benchmark.score(dataset, "cmmc", seed, 0.9, selection="oracle")
        benchmark.record(dataset, "dmim", 0, total=10.0)
        benchmark.score(dataset, "dmim", 0, 0.7)
        benchmark.record(dataset, "dmim", 1, "diverged", "loss is NaN at epoch 3", total=90.0)
        benchmark.record(dataset, "dmim", 2, total=20.0)
        benchmark.score(dataset, "dmim", 2, 0.7)
        benchmark.failed(dataset, "sacc", "not_applicable", f"{dataset}: needs images")
    for method in ("majority", "km_all", "cmmc"):
        benchmark.ok("halves", method, [0.4, 0.5, 0.6])
        for seed in SEEDS:
            benchmark.scores["halves"].append(
                {
                    "method": method,
                    "seed": seed,
                    "selection": "last",
                    "subset": "all",
                    "metric": "nmi_modality",
                    "value": 0.25,
                }
            )
            benchmark.scores["halves"].append(
                {**benchmark.scores["halves"][-1], "metric": "modality_mixing", "value": 0.8}
            )
            for modality, acc in (("image", 0.6), ("text", 0.7)):
                benchmark.score("halves", method, seed, acc, subset=f"modality:{modality}")
    for method in ("km-view", "dmim", "sacc"):
        benchmark.failed("halves", method, "not_applicable", "halves: needs paired samples")
    for method in benchmark.spec.methods:
        benchmark.failed("away", method.name, "data_unavailable", "away: no source answered")
    for dataset in benchmark.spec.datasets:
        write_details(benchmark, dataset.name)
    return benchmark.write()


@pytest.fixture
def page_of(stored):
    """A function that writes the page of the benchmark and returns its folder."""
    stored.card |= {
        "remark": "its rows are sorted",
        "licence": "CC BY 4.0",
        "class_sizes": {"one": 10, "two": 60, "<three>": 30},
        "files": {"a.mat": asdict(FetchedFile("00", False, "mirror"))},
    }
    for row in stored.records["digits"]:
        if row["status"] == "diverged":
            row["log_tail"] = "epoch 3\nloss is NaN </script>"
        else:
            row["log_tail"] = ""
    stored.write()
    picture = stored.results / "figures" / "scores-digits.png"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(b"a picture")

    def write(**arguments):
        folder, files = (
            stored.results / "report",
            {"results": stored.results, "cards": stored.cards},
        )
        with open_report(stored.spec, **files, published=None) as report:
            write_page(report, folder, **arguments)
        return folder

    return write


def write_details(stored, dataset):
    """Write curves as `score` does: a long one with a gap, a short one, and a checkpoint's."""
    epochs = np.arange(1000)
    falling = 1000.0 - epochs
    falling[1:20] = np.nan
    arrays = {
        "classes": np.array(["one", "two"]),
        "loss/cmmc/0/loss": np.stack([epochs, falling]),
        "loss/cmmc/1/loss": np.stack([epochs, falling]),
        "loss/cmmc/0/contrast": np.array([[0, 1, 2], [3, 2, 1]]),
        "acc/cmmc/0": np.array([[0, 9], [0.5, 0.9]]),
    }
    path = stored.results / "details" / f"{dataset}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
