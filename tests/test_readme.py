"""The commands, the method and the entries of the README work."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbench.cli import main
from mmbench.config import read_datasets, read_methods
from mmbench.data import Dataset
from mmbench.methods.kmeans_concat import KMeansConcat

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

# run by .ci/run as they stand, or by tests/workflow in a folder of their own
ELSEWHERE = (
    "make ",
    "snakemake ",
    *(f"mmbench {verb}" for verb in ("restore", "snapshot", "verify", "diff")),
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line[2:].partition("#")[0].strip() for line in lines if line.startswith("$ ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [c for c in commands() if not c.startswith(ELSEWHERE)])
def test_a_command_of_the_readme_works(folder, command):
    program, *arguments = command.split()
    assert program == "mmbench"
    if arguments[0] == "run":  # the same on toy data, which needs no network
        arguments[2] = "toy-3view"
    assert main(arguments) == 0


def test_every_command_of_the_readme_is_tested_here_or_elsewhere():
    assert len(commands()) >= 8
    assert all(c.startswith(("mmbench ", *ELSEWHERE)) for c in commands())


def test_the_method_of_the_readme_runs(folder, capsys):
    (source,) = [block for block in blocks("python") if "METHOD = " in block]
    (folder / "my_method.py").write_text(source)
    assert main(["run", "my_method.py", "toy-3view"]) == 0
    assert "ok" in capsys.readouterr().out
    (entry,) = [block for block in blocks("yaml") if "uses:" in block]
    (folder / "entry.yaml").write_text(entry)
    assert read_methods([folder / "entry.yaml"])["my-method"].uses == "my_method.py"


def test_the_python_example_of_the_readme_runs():
    (source,) = [block for block in blocks("python") if "Dataset.paired" in block]
    call = source.strip().splitlines()[-1]
    rng = np.random.default_rng(0)
    names = {"x1": rng.random((50, 3)), "x2": rng.random((50, 4))}
    y_pred = eval(call, {"KMeansConcat": KMeansConcat, "Dataset": Dataset, **names})
    assert y_pred.shape == (50,)


def test_the_data_set_of_the_readme_is_a_valid_entry(folder):
    (entry,) = [block for block in blocks("yaml") if "sources:" in block]
    (folder / "entry.yaml").write_text(entry)
    entries = read_datasets([folder / "entry.yaml"])
    assert entries["my-data-mixed"].data_setting == "mixed"


def test_the_folders_that_the_readme_names_are_there():
    for path in re.findall(r"^\| `([a-z]+)/`", README, flags=re.MULTILINE):
        assert (ROOT / path).is_dir() or path in ("data", "results"), path
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_the_leaderboard_in_the_readme_names_every_method_of_the_default_benchmark():
    shown = README.partition("<!-- leaderboard -->")[2].partition("<!-- /leaderboard -->")[0]
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    entries = read_methods([ROOT / "config/methods.yaml"])
    for name in config["methods"]:
        assert (entries[name].title or name) in shown


def test_the_numbers_of_the_leaderboard_in_the_readme_are_those_of_the_stored_one():
    shown = README.partition("<!-- leaderboard -->")[2].partition("```\n")[0]
    title = shown.partition("```text\n")[2].partition("\n")[0]
    stored = (ROOT / "results/default/tables/leaderboard.md").read_text()
    section = stored.partition(f"### {title}\n")[2].partition("\n### ")[0].replace(" ± ", "±")
    numbers = re.findall(r"\d\.\d{3}±\d\.\d{3}", shown)
    assert sorted(numbers) == sorted(re.findall(r"\d\.\d{3}±\d\.\d{3}", section))
    assert len(numbers) > 20
