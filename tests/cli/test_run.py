"""`mmbench run`: one method on one data set, in a folder of its own."""

import json
from pathlib import Path

from mmbench.cli import main

ROOT = Path(__file__).parents[2]


def test_run_prints_scores_and_leaves_nothing_in_results(folder, capsys):
    assert main(["run", "kmeans-concat", "toy-3view", "--seeds", "2", "--set", "n_init=2"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == ["seed", "0", "1", "mean", "sd"]
    assert not (folder / "results").exists()
    assert main(["run", "kmeans-concat", "toy-3view", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["status"] == "ok"
    assert row["acc"] > 0.9


def test_run_uses_data_of_the_workflow_that_are_complete_and_of_the_same_entry(folder, capsys):
    assert main(["fetch", "toy-3view"]) == 0
    assert main(["prepare", "toy-3view"]) == 0
    call = ["run", "majority", "toy-3view", "--json"]
    assert main(call) == 0
    assert not (folder / "data/tried").exists()
    (folder / "data/processed/toy-3view/samples.csv").unlink()
    assert main(call) == 0
    assert (folder / "data/tried/toy-3view").is_dir()
    assert not (folder / "data/processed/toy-3view/samples.csv").exists(), "left to the workflow"


def test_run_prepares_an_edited_entry_again(folder, capsys):
    for size in (60, 30):
        (folder / "mine.yaml").write_text(f"mine: {{base: toy-3view, sample: {size}}}\n")
        catalogues = ["--catalogue", "config/datasets.yaml", "mine.yaml"]
        assert main(["run", "majority", "mine", *catalogues]) == 0
        (card,) = (folder / "data/tried/mine").glob("*/card.json")
        assert json.loads(card.read_text())["n_samples"] == size
    assert not (folder / "data/processed").exists(), "the workflow would use it"


def test_run_keeps_files_that_another_run_prepares_of_the_same_entry(folder, capsys):
    call = ["run", "majority", "toy-3view"]
    assert main(call) == 0
    (own,) = (folder / "data/tried/toy-3view").iterdir()
    (own / "card.json").unlink()  # as if it were not finished
    (own / ".half.tmp").touch()
    assert main(call) == 0
    assert (own / ".half.tmp").exists()
    assert (own / "card.json").exists()


def test_run_takes_a_method_by_the_path_of_its_file(folder, capsys):
    text = (ROOT / "mmbench/methods/majority.py").read_text()
    (folder / "mine.py").write_text(text)
    assert main(["run", "mine.py", "toy-3view", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "ok"


def test_run_of_a_method_that_crashes_in_every_seed_ends_with_1(folder, capsys):
    text = (ROOT / "mmbench/methods/majority.py").read_text()
    (folder / "mine.py").write_text(text.replace("return ", "1 / 0; return "))
    assert main(["run", "mine.py", "toy-3view", "--seeds", "2"]) == 1
    assert capsys.readouterr().out.count("ZeroDivisionError") == 2


def test_run_reports_why_a_method_does_not_apply(folder, capsys):
    assert main(["run", "kmeans-view", "toy-mixed"]) == 0
    printed = capsys.readouterr().out
    assert "not_applicable" in printed
    assert "needs paired samples" in printed
