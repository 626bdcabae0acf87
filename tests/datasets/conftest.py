"""A small data set on disk, and a way to write entries for it."""

import hashlib

import numpy as np
import pytest
import yaml

from mmbench.config import read_datasets


@pytest.fixture
def arrays():
    """Two views of 12 samples in two classes of six, sorted by class."""
    rng = np.random.default_rng(0)
    return {
        "first": rng.normal(size=(12, 3)),
        "second": rng.normal(size=(12, 2)),
        "labels": np.repeat([1, 2], 6),
    }


@pytest.fixture
def make_entry(tmp_path):
    """Return the entry `tiny`, by default two views in tiny.npz; keys override its own."""

    def make(name="tiny", source=None, also=None, **keys):
        entry = {
            "title": "Tiny",
            "citation": "nobody",
            "licence": "none",
            "pairing": "same-object",
            "n_samples": 12,
            "n_clusters": 2,
            "views": {
                "first": {"modality": "image", "dims": 3},
                "second": {"modality": "text", "dims": 2},
            },
            "sources": [
                {
                    "name": "here",
                    "loader": "npz",
                    "files": {"tiny.npz": {"sha256": "unknown", "urls": "manual:make one"}},
                    "views": {"first": {"key": "first"}, "second": {"key": "second"}},
                    "labels": {"key": "labels"},
                }
                | (source or {})
            ],
        } | keys
        written = {key: value for key, value in entry.items() if value is not None}
        path = tmp_path / "datasets.yaml"
        path.write_text(
            yaml.safe_dump({"tiny": written, **(also or {})}, sort_keys=False), encoding="utf-8"
        )
        return read_datasets([path])[name]

    return make


@pytest.fixture
def sha():
    """Return the sha256 of bytes."""
    return lambda content: hashlib.sha256(content).hexdigest()
