"""Where a result comes from."""

import subprocess

import pytest

from mmbench.training import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one commit, as the current directory."""
    monkeypatch.chdir(tmp_path)
    for key in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{key}_NAME", "a")
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "a@b")
    (tmp_path / "method.py").write_text("1\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True)
    return tmp_path


def test_a_clean_checkout_tells_its_commit(checkout):
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert provenance.git_state() == (head.stdout.strip(), True)


@pytest.mark.parametrize("name", ["method.py", "another.py"])
def test_an_edited_or_a_new_file_makes_it_unclean(checkout, name):
    (checkout / name).write_text("2\n")
    commit, clean = provenance.git_state()
    assert commit
    assert not clean


def test_results_and_their_versions_do_not_make_it_unclean(checkout, monkeypatch):
    (checkout / "results").mkdir()
    (checkout / "results" / "table.md").write_text("x")
    (checkout / "dvc.lock").write_text("x")
    assert provenance.git_state()[1]
    (checkout / "deeper").mkdir()
    monkeypatch.chdir(checkout / "deeper")
    assert provenance.git_state()[1], "from a folder inside as well"


def test_outside_a_checkout_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state() == (None, None)


def test_without_git_nothing_is_claimed(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == (None, None)


def test_only_imported_libraries_have_a_version(monkeypatch):
    import sys

    import numpy as np

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    told = provenance.versions()
    assert told["numpy"] == np.__version__
    assert "torch" not in told


def test_the_memory_of_a_process_that_is_gone_is_not_known():
    assert provenance.peak_memory() > 1e6
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert provenance.peak_memory(process.pid) is None
