"""Imported and merged runs are rows of the tables, and Snakemake never trains them again."""

import csv
import shutil
import subprocess

import pytest
from workflow_project import METHOD

pytestmark = pytest.mark.slow


def mmbench(project, *arguments, ok=0):
    process = project.start("mmbench", *arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == ok, output
    return output


def rows(project, method):
    with (project.folder / "results/default/tables/leaderboard.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["method"] == method]


def import_some(project):
    samples = project.folder / "data/processed/toy-3view/samples.csv"
    with samples.open() as file:
        source_rows = [int(row["source_row"]) for row in csv.DictReader(file)]
    lines = [f"{row},{row % 3},{seed}\n" for seed in (0, 1) for row in sorted(source_rows)]
    (project.folder / "theirs.csv").write_text("source_row,cluster,seed\n" + "".join(lines))
    return mmbench(project, "import", "theirs.csv", "--method", "theirs", "--dataset", "toy-3view")


def use_imports(project):
    project.write(
        "config/mine.yaml", "mine: {uses: mine.py}\ntheirs: {uses: imported, title: Theirs}\n"
    )
    project.configure(methods=["mine", "theirs"])


def test_an_import_becomes_a_marked_row_and_nothing_is_trained_for_it(project):
    use_imports(project)
    project.snakemake("prepared")
    import_some(project)
    assert project.planned() == ["mine/0-1"]
    project.snakemake()
    found = rows(project, "theirs")
    assert {row["metric"] for row in found} >= {"acc", "nmi", "ari"}
    assert {(row["seeds_ok"], row["origin"]) for row in found} == {("2", "imported")}
    assert {row["origin"] for row in rows(project, "mine")} == {""}
    board = (project.folder / "results/default/tables/leaderboard.md").read_text()
    assert "| Theirs § <sup>" in board
    assert "Nothing to be done" in project.snakemake("-n")
    output = mmbench(project, "verify", "--sample", "9")
    assert "2 identical" in output
    assert "left out: 2 imported" in output


def test_an_import_replaces_the_row_that_says_that_nothing_was_imported(project):
    use_imports(project)
    project.snakemake()
    (row,) = rows(project, "theirs")
    assert "nothing was imported" in row["note"]
    import_some(project)
    assert project.planned() == []
    project.snakemake()
    assert {row["origin"] for row in rows(project, "theirs")} == {"imported"}
    # Snakemake has no record of the first row, so no later change of its job replaces the import
    project.write(
        "config/mine.yaml", "mine: {uses: mine.py}\ntheirs: {uses: mmbench.methods.imported}\n"
    )
    assert project.planned() == []


def test_merged_runs_are_kept_until_their_method_is_edited(project, tmp_path):
    project.snakemake()
    there = tmp_path / "there"
    shutil.move(project.folder / "results/runs", there)
    for made in ("results", ".snakemake"):
        shutil.rmtree(project.folder / made)
    assert project.planned() == ["majority/0-1", "mine/0-1"]
    assert "merged" in mmbench(project, "merge", str(there), "--from", "node7")
    assert project.planned() == []
    project.snakemake()
    assert {row["origin"] for row in rows(project, "mine")} == {"trained on node7"}
    project.write("mine.py", METHOD.replace("> np.median", "< np.median"))
    assert project.planned() == ["mine/0-1"]
    output = mmbench(project, "merge", str(there), ok=2)
    assert "seed 0: fingerprint: expected" in output


def test_a_result_that_cannot_be_repeated_is_found(project):
    # the result depends on a file that no record names
    unsound = METHOD.replace("np.median(first)", "np.quantile(first, share)").replace(
        "first =", 'share = 0.1 if os.path.exists("later") else 0.5\n        first ='
    )
    project.write("mine.py", unsound.replace("import time", "import os, time"))
    project.snakemake()
    assert "4 identical" in mmbench(project, "verify", "--benchmark", "default")
    project.write("later", "")
    assert "2 different" in mmbench(project, "verify", "--benchmark", "default", ok=1)


def test_two_commits_of_one_benchmark_are_compared(project):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], cwd=project.folder, check=True)
    for change in ("", "+ np.arange(150) % 2"):
        project.write("mine.py", METHOD.replace("+ self.shift", f"* 1 {change}"))
        project.snakemake()
        subprocess.run([*git, "add", "results/default/tables"], cwd=project.folder, check=True)
        subprocess.run([*git, "commit", "-qm", "tables"], cwd=project.folder, check=True)
    output = mmbench(project, "diff", "HEAD~1", "HEAD")
    assert "mine" in output.splitlines()[1]
    assert "majority" not in output
