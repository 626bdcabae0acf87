"""Files are compared with the checksums in `dvc.lock`, without network and without training."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.cli import main


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Give a DVC project that has recorded three files."""
    monkeypatch.chdir(tmp_path)
    for kind in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"DVC_{kind}_CONFIG_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    Path("dvc.yaml").write_text("stages: {runs: {cmd: make, outs: [runs, table.csv]}}\n")
    for name in ("runs/a/runs.json", "runs/b/runs.json", "table.csv"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for command in (["init", "--no-scm", "--quiet"], ["commit", "--force", "--quiet", "runs"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], check=True, capture_output=True)


def test_missing_and_changed_files_are_listed(recorded, capsys):
    assert main(["verify", "--files"]) == 0
    assert capsys.readouterr().out == "dvc.lock: 0 of 3 files are not as recorded\n"

    path = Path("runs/a/runs.json")
    times = path.stat()
    path.write_text("runs/A/runs.json")  # of the same size, and with the same times
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    Path("table.csv").unlink()
    assert main(["verify", "--files", "--json"]) == 1
    faults = {row["file"]: row["fault"] for row in json.loads(capsys.readouterr().out)}
    assert set(faults) == {"runs/a/runs.json", "table.csv"}
    assert faults["runs/a/runs.json"].startswith("changed: expected the md5 ")
    assert faults["table.csv"] == "missing"
    assert main(["verify", "--files"]) == 1
    assert "dvc.lock: 2 of 3 files are not as recorded" in capsys.readouterr().out


def test_without_a_record_or_its_lists_of_files_the_error_is_one_line(recorded, capsys):
    shutil.rmtree(".dvc/cache")
    assert main(["verify", "--files"]) == 2
    assert "expected the list of files in runs; `mmbench restore`" in capsys.readouterr().err
    Path("dvc.lock").unlink()
    assert main(["verify", "--files"]) == 2
    assert "dvc.lock: expected the record of `mmbench snapshot`" in capsys.readouterr().err
