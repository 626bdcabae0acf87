"""The workflow as people call it: what runs, what runs again, and how mistakes are reported."""

import csv
import os
import re
import shutil
import signal
import time
from itertools import combinations, pairwise

import pytest
from workflow_project import METHOD, ROOT


def test_smoke_runs_every_verb_and_then_has_nothing_to_do(project):
    project.snakemake("--configfile", "config/smoke.yaml")
    tables = project.folder / "results/smoke/tables"
    board = (tables / "leaderboard.md").read_text()
    for title in ("Majority", "k-means, all views", "CCA + k-means"):
        assert title in board
    with (tables / "leaderboard.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 20
    assert "data_unavailable" in board or "unavailable" in board
    assert (tables / "cost.tex").is_file()
    assert (project.folder / "results/smoke/figures/scores-toy-3view.pdf").is_file()
    again = project.snakemake("--configfile", "config/smoke.yaml")
    assert "Nothing to be done" in again


def test_what_changed_is_run_again_and_nothing_else(project):
    project.snakemake()
    assert project.planned() == []

    project.write("mine.py", METHOD.replace("import time", "import time  # why not"))
    assert project.planned() == [], "a comment changes no result"

    project.write("mine.py", METHOD.replace("> np.median", "< np.median"))
    assert project.planned() == ["mine/0-1"], "an edit runs its own method again"

    project.write("mine.py", METHOD)
    project.configure(params={"mine": {"shift": 1}})
    assert project.planned() == ["mine/0-1"], "other parameters have runs of their own"

    project.configure(seeds=3)
    assert project.planned() == ["majority/2-2", "mine/2-2"], "a seed more is one block more"

    project.configure(methods=["mine", "majority", "random"])
    assert project.planned() == ["random/0-1"], "a method more is that method's runs"

    project.configure(seeds=1)
    assert project.planned() == [], "fewer seeds take the blocks that are there"

    project.configure(name="other")
    assert project.planned() == [], "benchmarks share runs"


def test_an_edit_of_a_metric_scores_again_and_one_of_a_table_draws_again(project):
    shutil.copytree(ROOT / "mmbench", project.folder / "mmbench")
    project.environment["PYTHONPATH"] = str(project.folder)
    project.snakemake()

    def rules_after(path, edit):
        source = project.folder / "mmbench" / path
        text = source.read_text()
        source.write_text(edit(text))
        output = project.snakemake("-n")
        source.write_text(text)
        return set(re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE)) - {"all"}

    assert rules_after("evaluation/metrics.py", lambda text: f"# why not\n{text}") == set()
    edited = "def acc(y_true, y_pred):\n    return 0.0\n"
    assert rules_after("evaluation/metrics.py", lambda text: text + edited) == {"score", "report"}
    assert rules_after("reporting/page/assets/page.css", lambda text: text + "\n") == {"report"}
    assert rules_after("reporting/tables/cost.py", lambda text: text + "1 / 1\n") == {"report"}


def test_a_fresh_clone_with_tables_of_its_own_runs_everything(project):
    tables = project.folder / "results/default/tables"
    tables.mkdir(parents=True)
    for table in ("leaderboard", "cost"):
        for form in ("csv", "md", "tex"):
            (tables / f"{table}.{form}").write_text("of another machine")
    assert project.planned() == ["majority/0-1", "mine/0-1"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"methods": ["kmeans-conat"]}, "unknown method 'kmeans-conat'; did you mean"),
        ({"datasets": ["toy-3veiw"]}, "unknown data set 'toy-3veiw'; did you mean 'toy-3view'?"),
        ({"params": {"mine": {"paus": 1}}}, "unknown key 'paus'; did you mean 'pause'?"),
        ({"params": {"mine": {"pause": "long"}}}, "pause: expected a valid number"),
        ({"seeds": 0}, "seeds: expected greater than 0, got 0"),
        ({"seed": 3}, "unknown key 'seed'; did you mean 'seeds'?"),
    ],
)
def test_a_mistake_in_the_config_is_one_line_before_any_job(project, keys, message):
    project.configure(**keys)
    output = project.snakemake(ok=False)
    (line,) = [line for line in output.splitlines() if message in line]
    assert "config/" in line, "the file is named"
    assert "Traceback" not in output
    assert not (project.folder / "results").exists()


def test_a_key_that_stands_twice_is_refused_as_by_mmbench_plan(project):
    path = project.folder / "config/config.yaml"
    path.write_text(path.read_text() + "\nseeds: 1\nseeds: 7\n")
    output = project.snakemake(ok=False)
    assert "config.yaml, line" in output
    assert "the key 'seeds' occurs twice" in output
    assert not (project.folder / "results").exists()


def test_two_simulated_devices_are_both_used_and_never_shared(project):
    """The command of the README, word for word, on two devices that are simulated."""
    recording = METHOD.replace(
        "time.sleep(self.pause)",
        "begun = time.time(); time.sleep(self.pause); device = os.environ['CUDA_VISIBLE_DEVICES']; "
        "open('intervals', 'a').write(f'{device} {begun} {time.time()}\\n')",
    ).replace("import time", "import os, time")
    project.write("mine.py", recording)
    project.write("config/mine.yaml", "mine: {uses: mine.py, seeds_per_job: 1, gpu: true}\n")
    project.configure(methods=["mine"], seeds=6, params={"mine": {"pause": 1.0}})
    project.environment["MMBENCH_SIMULATED_DEVICES"] = "2"
    project.environment["MMBENCH_LOCKS"] = str(project.folder / "locks")
    project.snakemake("--resources", "gpu=2", cores=8)

    lines = (project.folder / "intervals").read_text().split("\n")[:-1]
    intervals = [
        (device, float(begun), float(ended)) for device, begun, ended in map(str.split, lines)
    ]
    assert len(intervals) == 6
    assert {device for device, _, _ in intervals} == {"0", "1"}
    for device in "01":
        own = sorted((begun, ended) for name, begun, ended in intervals if name == device)
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(own))
    together = [(a, b) for a, b in combinations(intervals, 2) if a[1] < b[2] and b[1] < a[2]]
    assert together, "two devices train at the same time"


def test_without_a_device_the_same_jobs_run_on_the_cpu(project):
    project.write("config/mine.yaml", "mine: {uses: mine.py, gpu: true}\n")
    project.configure(methods=["mine"])
    project.snakemake("--resources", "gpu=0")
    assert [record["status"] for record in project.records("mine")] == ["ok", "ok"]


def test_after_an_interruption_the_next_call_trains_only_what_is_missing(project):
    project.configure(methods=["mine"], seeds=4, params={"mine": {"pause": 2.0}})
    process = project.start("snakemake", "--cores", "1")
    runs = project.folder / "results/runs/toy-3view/mine"

    def finished_seeds():
        return list(runs.glob("*/.finished_seeds/*/runs.json"))

    deadline = time.monotonic() + 120
    while not finished_seeds() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    finished = len(finished_seeds())
    assert 1 <= finished < 4
    assert not list(runs.glob("*/0-3/assignments.npz"))

    begun = time.time()
    project.snakemake("--rerun-incomplete")
    records = project.records("mine")
    assert [record["status"] for record in records] == ["ok"] * 4
    stamps = [time.mktime(time.strptime(r["started"][:19], "%Y-%m-%dT%H:%M:%S")) for r in records]
    offset = time.mktime(time.gmtime(begun))
    assert sum(stamp < offset - 1 for stamp in stamps) == finished


def test_a_failed_seed_is_shown_and_stops_nothing(project):
    failing = METHOD.replace("time.sleep(self.pause)", 'assert seed != 1, "seed one fails"')
    project.write("mine.py", failing)
    project.snakemake()
    board = (project.folder / "results/default/tables/leaderboard.md").read_text()
    assert "1/2" in board
    process = project.start("mmbench", "show", "default", "--check")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "seed one fails" in output

    project.write("mine.py", METHOD)
    assert project.planned() == ["mine/0-1"]


def test_runs_that_are_gone_are_made_again_although_their_scores_are_there(project):
    failing = METHOD.replace("time.sleep(self.pause)", 'assert seed != 1, "seed one fails"')
    project.write("mine.py", failing)
    project.snakemake()
    assert project.planned() == []
    retried = project.start("mmbench", "retry", "--status", "crashed")
    retried.communicate(timeout=60)
    assert project.planned() == ["mine/0-1"]
    project.snakemake()
    (first, second) = project.records("mine")
    assert (first["status"], second["status"]) == ("ok", "crashed")

    shutil.rmtree(project.folder / "results/runs")
    assert project.planned() == ["majority/0-1", "mine/0-1"]
    checked = project.start("mmbench", "snapshot", "--check")
    output, _ = checked.communicate(timeout=120)
    assert checked.returncode == 2
    assert "snakemake would run fit (2)" in output, output


def test_linting_the_workflow_says_only_that_rules_have_no_environment(project):
    output = project.snakemake("--lint", "text", ok=False)
    complaints = [line.strip() for line in output.splitlines() if line.startswith("    * ")]
    assert complaints
    assert all("conda environment or container" in line for line in complaints), output


def test_the_default_profile_names_the_default_benchmark():
    profile = (ROOT / "profiles/default/profile.yaml").read_text()
    assert "configfile: config/config.yaml" in profile
