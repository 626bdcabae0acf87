"""A project folder with prepared toy data, and runs that are made without training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbench.cli import main
from mmbench.config import read_benchmark
from mmbench.plan import Plan, SeedBlock, all_stored_blocks
from mmbench.runs import Record, Run, write_runs
from mmbench.views_file import read_metadata

ROOT = Path(__file__).parents[2]
CONFIG = Path("config/config.yaml")
PROCESSED = Path("data/processed")
DATASET = "toy-3view"
MANIFEST = Path("results/default/manifest.json")


class Lab:
    """The folder, and what one can do in it."""

    def __init__(self, folder):
        self.folder = folder
        self.metadata = read_metadata(PROCESSED / DATASET / "views.safetensors")
        self.n_samples = self.metadata["dataset"]["n_samples"]
        self.n_clusters = self.metadata["dataset"]["n_clusters"]

    @property
    def plan(self):
        return Plan(read_benchmark(CONFIG))

    def record(self, method="majority", **changes):
        plan = self.plan
        told = Record(
            seed=0,
            status="ok",
            method=method,
            uses=plan.methods[method].uses,
            params=plan.params(method, DATASET),
            fingerprint=plan.fingerprint(method),
            data_checksum=self.metadata["checksum"],
            started="2026-01-01T00:00:00Z",
            host="node7",
        )
        return replace(told, **changes)

    def run(self, seed=0, y_pred=None, **changes):
        if changes.get("status", "ok") != "ok":
            return Run(self.record(seed=seed, **changes))
        if y_pred is None:
            y_pred = np.random.default_rng(seed).integers(self.n_clusters, size=self.n_samples)
        return Run(self.record(seed=seed, **changes), np.asarray(y_pred, np.int32))

    def blocks(self):
        return list(all_stored_blocks())

    def write(self, runs, root="."):
        """Store runs as one block below a root; return it."""
        method = runs[0].record.method
        params_hash = self.plan.params_hash(method, DATASET)
        block = SeedBlock(DATASET, method, params_hash, tuple(run.record.seed for run in runs))
        write_runs(runs, Path(root, block.assignments), Path(root, block.records))
        return block


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Give a project folder with the methods `majority` and `theirs`, which is imported."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MMBENCH_MIRROR", raising=False)
    Path("config/mine.yaml").write_text("theirs: {uses: imported, title: Theirs}\n")
    config = {
        "name": "default",
        "datasets": [DATASET],
        "methods": ["majority", "theirs"],
        "method_catalogues": ["config/methods.yaml", "config/mine.yaml"],
        "seeds": 2,
    }
    CONFIG.write_text(yaml.safe_dump(config))
    assert main(["fetch", DATASET]) == 0
    assert main(["prepare", DATASET]) == 0
    return Lab(tmp_path)


@pytest.fixture
def finished(lab):
    """Give a benchmark that looks as if it had been run."""
    lab.write([lab.run(0), lab.run(1, seconds={"total": 60.0})])
    lab.write([lab.run(s, method="theirs", origin="imported") for s in (0, 1)])
    for name in ("tables/leaderboard.csv", "figures/a.png", "scores/toy-3view.csv"):
        path = Path("results/default", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return lab


def stored_files():
    """Return every file under results/."""
    return sorted(path for path in Path("results").rglob("*") if path.is_file())
