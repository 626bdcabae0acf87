"""The fixture in which the tests of this folder train."""

import pytest
from training_folder import TrainingFolder


@pytest.fixture
def cell(tmp_path, paired_blobs, monkeypatch):
    """A folder with a data set of 180 samples, and locks and devices of its own."""
    monkeypatch.setenv("MMBENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.delenv("MMBENCH_SIMULATED_DEVICES", raising=False)
    views = tmp_path / "data" / "views.safetensors"
    paired_blobs[0].save(views)
    return TrainingFolder(tmp_path, views)
