"""A project folder with prepared toy data, and runs that are made without training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbench.cli import main
from mmbench.config import read_benchmark
from mmbench.plan import Plan, method_fingerprint
from mmbench.runs import Record, Run, RunStore, SeedBlock, write_runs
from mmbench.views_file import read_metadata

ROOT = Path(__file__).parents[2]
CONFIG = Path("config/config.yaml")
PROCESSED = Path("data/processed")
DATASET = "toy-3view"


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

    def fingerprint(self, method):
        return method_fingerprint(method, self.plan.methods[method])

    def record(self, method="majority", **changes):
        plan = self.plan
        record = Record(
            seed=0,
            status="ok",
            method=method,
            uses=plan.methods[method].uses,
            params=plan.params(DATASET, method),
            fingerprint=self.fingerprint(method),
            data_checksum=self.metadata["checksum"],
            started="2026-01-01T00:00:00Z",
            host="node7",
        )
        return replace(record, **changes)

    def run(self, seed=0, y_pred=None, **changes):
        if changes.get("status", "ok") != "ok":
            return Run(self.record(seed=seed, **changes))
        if y_pred is None:
            y_pred = np.random.default_rng(seed).integers(self.n_clusters, size=self.n_samples)
        return Run(self.record(seed=seed, **changes), np.asarray(y_pred, np.int32))

    def blocks(self):
        return list(RunStore().blocks())

    def write(self, runs, root="."):
        """Store runs as one block below a root; return it."""
        method = runs[0].record.method
        params_hash = self.plan.params_hash(DATASET, method)
        block = SeedBlock(DATASET, method, params_hash, tuple(run.record.seed for run in runs))
        write_runs(runs, RunStore(Path(root, "results/runs")).folder(block))
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


def stored_files():
    """Return every file under results/."""
    return sorted(path for path in Path("results").rglob("*") if path.is_file())
