"""Several benchmarks in one workflow, sweeps and restarts: from the config to the tables."""

import json
import re
from pathlib import Path

import pytest
import yaml
from workflow_project import METHOD, WorkflowFolder

from mmbench.config import read_benchmark
from mmbench.plan import Jobs, Plan
from mmbench.runs import format_seeds

LOSS = METHOD.replace("time.sleep(self.pause)", "log(0, loss=float(seed % 1000 == 0))")


@pytest.fixture
def with_paper(project):
    """Give a project with one paper, which has a parameter of its own."""
    for shipped in (project.folder / "config/papers").glob("*.yaml"):
        shipped.unlink()
    write_paper(project, params={"mine": {"shift": 1}})
    return project


def write_paper(project: WorkflowFolder, **keys: object) -> None:
    paper = {
        "name": "paper_toy",
        "datasets": ["toy-3view", "toy-mixed"],
        "methods": ["mine", "random"],
        "method_catalogues": ["config/methods.yaml", "config/mine.yaml"],
        "seeds": 3,
        **keys,
    }
    project.write("config/papers/toy.yaml", yaml.safe_dump(paper))


def test_a_paper_is_a_target_that_trains_what_is_missing_and_makes_its_report(with_paper):
    project = with_paper
    project.snakemake()
    assert project.planned("paper_toy") == sorted(2 * ["mine/0-2", "random/0-2"])
    project.snakemake("paper_toy")
    assert (project.folder / "results/paper_toy/tables/leaderboard.md").is_file()
    assert (project.folder / "results/paper_toy/figures/scores-toy-mixed.pdf").is_file()
    assert (project.folder / "results/default/tables/leaderboard.md").is_file()
    assert project.planned("paper_toy") == []
    assert project.planned() == [], "the configured benchmark is as it was"

    write_paper(project)
    planned = project.planned("paper_toy")
    assert "mine/2-2" in planned, "seeds 0 and 1 are those of the configured benchmark"


@pytest.mark.parametrize("name", ["paper_cmmc", "paper_dm2c"])
def test_a_shipped_paper_plans_exactly_its_runs(project, name, monkeypatch):
    monkeypatch.chdir(project.folder)
    path = Path("config/papers", f"{name.removeprefix('paper_')}.yaml")
    blocks = Jobs(Plan(read_benchmark(path))).all_blocks
    expected = sorted(f"{block.method}/{format_seeds(block.seeds)}" for block in blocks)
    assert project.planned(name) == expected


def test_a_run_of_a_paper_can_be_asked_for_alone_as_a_cluster_does(with_paper):
    with_paper.configure(methods=["majority"])
    output = with_paper.snakemake("-n", "paper_toy")
    targets = set(re.findall(r"results/runs/toy-3view/mine/\w+/0-2/runs\.json", output))
    commands = with_paper.snakemake("-n", "-p", *targets)
    assert '"shift": 1' in commands, "the paper's parameter, though nobody named the paper"
    nowhere = "results/runs/toy-3view/mine/00000000/0-2/runs.json"
    assert "expected the parameters of a benchmark" in with_paper.snakemake("-n", nowhere, ok=False)


def test_a_paper_with_a_mistake_costs_only_those_who_ask_for_it(project):
    write_paper(project, methods=["minne"])
    assert project.planned() == ["majority/0-1", "mine/0-1"]
    output = project.snakemake("-n", "paper_toy", ok=False)
    message = "config/papers/toy.yaml: methods: unknown method 'minne'; did you mean 'mine'?"
    assert len([line for line in output.splitlines() if message in line]) == 1
    assert not (project.folder / "results").exists()


def test_a_sweep_and_restarts_go_through_the_workflow_like_any_entry(project):
    project.write("mine.py", LOSS)
    project.write(
        "config/mine.yaml",
        "mine: {uses: mine.py, title: Mine}\n"
        "mine-3-restarts: {extends: mine, title: 'Mine, best of 3', restarts: 3}\n",
    )
    project.configure(methods=["mine", "mine-3-restarts"], sweep={"mine": {"shift": [0, 1]}})
    rows = ["mine", "mine--shift-0", "mine--shift-1", "mine-3-restarts"]
    assert project.planned() == sorted(f"{row}/0-1" for row in rows)
    project.snakemake()
    board = (project.folder / "results/default/tables/leaderboard.md").read_text()
    for title in ("Mine (shift 0)", "Mine (shift 1)", "Mine, best of 3"):
        assert title in board
    assert project.planned() == []

    for seed, record in enumerate(project.records("mine-3-restarts")):
        assert record["status"] == "ok"
        assert [r["seed"] for r in record["restarts"]] == [1000 * seed + r for r in range(3)]
        assert [r["kept"] for r in record["restarts"]] == [False, True, False]
    assert [r["params"]["shift"] for r in project.records("mine--shift-1")] == [1, 1]
    spec = json.loads((project.folder / "results/default/benchmark.json").read_text())
    assert [(m["base"], m["varied"]) for m in spec["methods"]] == [
        ("mine", {}),
        ("mine", {"shift": 0}),
        ("mine", {"shift": 1}),
        ("mine", {"restarts": 3}),
    ]

    project.configure(methods=["mine"], sweep={"mine": {"shift": [0, 1, 2]}})
    assert project.planned() == ["mine--shift-2/0-1"], "a value more is one row more"
