"""The fixture of the tests of commands."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a project folder with the shipped catalogues, as the working directory."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "mmbench/methods").mkdir(parents=True)
    (tmp_path / "tests/methods").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MMBENCH_MIRROR", raising=False)
    return tmp_path
