"""Snapshots between machines: folders that share nothing but git and a remote of DVC."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workflow_project import METHOD, ROOT, WorkflowFolder

from mmbench.cli import main
from mmbench.datasets import fetch, prepare
from mmbench.exchange.checks import problems
from mmbench.exchange.dvc import cache_advice, declared_stages
from mmbench.plan import Jobs, Plan, method_fingerprint, scoring_fingerprint
from mmbench.reporting import ReportSpec
from mmbench.reporting.context import read_report
from mmbench.reporting.metrics_file import write_metrics

FLIPPED = METHOD.replace("> np.median", "< np.median")
SHARED = (".gitignore", ".dvcignore", "dvc.yaml", ".dvc/config", ".dvc/.gitignore")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A machine on which the toy benchmark has run and is recorded, in git too."""
    top = tmp_path_factory.mktemp("machines")
    machine = WorkflowFolder(top / "a", isolated(top))
    for name in ("workflow", "config", "profiles"):
        shutil.copytree(ROOT / name, machine.folder / name)
    for name in ("Snakefile", *SHARED):
        machine.write(name, (ROOT / name).read_text())
    machine.write("mine.py", METHOD)
    machine.write("config/mine.yaml", "mine: {uses: mine.py, seeds_per_job: 5}\n")
    machine.configure()
    git(machine, "init", "--quiet")
    commit(machine)
    machine.snakemake()
    call(machine, "mmbench", "snapshot")
    return machine


@pytest.fixture
def machine(finished, tmp_path):
    """The recorded machine, in a copy of its own."""
    shutil.copytree(finished.folder, tmp_path / "a", symlinks=True)
    return WorkflowFolder(tmp_path / "a", dict(finished.environment))


@pytest.fixture
def shared(machine, tmp_path):
    """The recorded machine after it has pushed to a folder."""
    call(machine, "dvc", "remote", "add", "--default", "disk", str(tmp_path / "remote"))
    commit(machine)
    call(machine, "dvc", "push")
    return machine


def isolated(folder):
    """Return an environment in which neither git nor DVC sees the settings of this machine."""
    people = {f"GIT_{who}_NAME": "nobody" for who in ("AUTHOR", "COMMITTER")}
    people |= {f"GIT_{who}_EMAIL": "nobody@example.org" for who in ("AUTHOR", "COMMITTER")}
    folders = {f"DVC_{of}_DIR": str(folder / of) for of in ("GLOBAL_CONFIG", "SYSTEM_CONFIG")}
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "DVC_SITE_CACHE_DIR": str(folder / "site")}
    return {**people, **folders, **nowhere}


def call(machine, *arguments, ok=True):
    """Run a command of this environment in the folder of a machine; return what it printed."""
    process = machine.start(*arguments)
    output, _ = process.communicate(timeout=300)
    assert (process.returncode == 0) == ok, output
    return output


def git(machine, *arguments):
    command = ["git", *arguments]
    environment = {**os.environ, **machine.environment}
    done = subprocess.run(
        command, cwd=machine.folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def commit(machine):
    git(machine, "add", "--all")
    git(machine, "commit", "--quiet", "--message", "what there is")


def clone(machine, folder):
    git(machine, "clone", "--quiet", str(machine.folder), str(folder))
    return WorkflowFolder(folder, dict(machine.environment))


# ------------------------------------------------------------------ what the files declare


def test_no_stage_claims_a_file_that_git_tracks():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outs = [path for stage in stages.values() for out in stage["outs"] for path in out]
    assert len(outs) == 7
    assert all(out[path]["persist"] for s in stages.values() for out in s["outs"] for path in out)
    outs = [path.replace("${item.benchmark}", "default") for path in outs]
    tracked = subprocess.run(
        ["git", "ls-files", *outs], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert tracked.stdout == ""
    for path in outs:  # nor would DVC have to write a .gitignore
        subprocess.run(["git", "check-ignore", "--quiet", path + "/"], cwd=ROOT, check=True)


def test_stages_of_a_matrix_are_named_as_dvc_names_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  data: {cmd: x}\n  results:\n    matrix: {benchmark: [default, core]}\n"
    )
    assert declared_stages() == ["data", "results@default", "results@core"]


def test_dvc_sends_no_statistics_and_stages_nothing():
    settings = (ROOT / ".dvc/config").read_text()
    for line in ("analytics = false", "check_update = false", "autostage = false"):
        assert line in settings


def test_linked_caches_are_warned_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in isolated(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert cache_advice() == "not a DVC project"
    (tmp_path / ".dvc").mkdir()
    assert cache_advice() == "reflink, copy"
    for kind in ("hardlink", "symlink"):
        (tmp_path / ".dvc/config.local").write_text(f"[cache]\n    type = {kind},copy\n")
        assert cache_advice().startswith(f"WARNING: {kind}, copy: ")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The config of a benchmark of one cell, in a folder that has nothing else."""
    monkeypatch.chdir(tmp_path)
    config = {"name": "tiny", "datasets": ["toy-3view"], "methods": ["majority"]}
    config["dataset_catalogues"] = [str(ROOT / "config/datasets.yaml")]
    config["method_catalogues"] = [str(ROOT / "config/methods.yaml")]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return config


def test_without_a_snapshot_there_is_nothing_to_restore(tiny, capsys):
    assert main(["restore", "--configfile", "config.yaml"]) == 2
    error = capsys.readouterr().err
    assert error == "mmbench: dvc.lock: expected the record of `mmbench snapshot`, found none\n"


def test_restoring_without_a_remote_explains_how_to_name_one(tiny, capfd, monkeypatch):
    for of in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"DVC_{of}_CONFIG_DIR", str(Path("nowhere").absolute()))
    call_here = {"check": True, "capture_output": True}
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm"], **call_here)
    Path("dvc.yaml").write_text("stages: {data: {cmd: make, outs: [made]}}\n")
    Path("made").write_text("something")
    subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", "data"], **call_here)
    Path("made").unlink()
    shutil.rmtree(".dvc/cache")
    assert main(["restore", "--configfile", "config.yaml"]) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert "got none; no remote is named to fetch from" in error
    assert error.endswith(": dvc remote add --default NAME ADDRESS")
    assert not Path("made").exists()


def test_data_that_differ_from_their_records_are_found(tiny):
    jobs = Jobs(Plan.of(tiny))
    assert list(problems(jobs)) == [], "Snakemake makes missing files"
    raw, processed = Path("data/raw/toy-3view"), Path("data/processed/toy-3view")
    entry = jobs.plan.datasets["toy-3view"]
    fetch(entry, raw)
    prepare(entry, raw, processed)
    assert list(problems(jobs)) == []

    status = json.loads((raw / "status.json").read_text())
    shutil.copy("config.yaml", raw / "file")
    file = {"sha256": "of yesterday", "verified": True, "location": "mirror"}
    (raw / "status.json").write_text(json.dumps({**status, "files": {"file": file}}))
    card = json.loads((processed / "card.json").read_text())
    (processed / "card.json").write_text(json.dumps({**card, "checksum": "of yesterday"}))
    of_raw, of_processed = problems(jobs)
    assert f"{raw / 'file'}: expected the sha256 of yesterday, got" in of_raw.reason
    assert of_raw.files == (raw / "status.json",)
    assert of_processed.reason.endswith(f"the checksum {card['checksum']}, got of yesterday")
    assert len(of_processed.files) == 3

    (raw / "status.json").write_text(json.dumps({**status, "sources": "of yesterday"}))
    (processed / "card.json").write_text(json.dumps({**card, "recipe": "of yesterday"}))
    of_raw, of_processed = problems(jobs)
    assert "status.json: expected the sources" in of_raw.reason
    assert "card.json: expected the recipe" in of_processed.reason


def test_scores_of_a_data_set_that_the_benchmark_no_longer_has_are_a_problem(tiny):
    jobs = Jobs(Plan.of(tiny))
    (scores,) = {Path(target).parent for target in jobs.targets if "/scores/" in target}
    scores.mkdir(parents=True)
    (scores / "toy-3view.csv").touch()
    assert list(problems(jobs)) == []
    (scores / "gone.csv").touch()
    (problem,) = problems(jobs)
    assert problem.reason.endswith("expected scores of today's data sets only, got those of gone")
    assert {path.parent.name for path in problem.files} == {"scores", "details", "records"}
    assert {path.stem for path in problem.files} == {"gone"}


def test_scores_by_another_source_than_todays_are_found(tiny):
    jobs = Jobs(Plan.of(tiny))
    plan = jobs.plan
    results = Path("results/tiny")
    for kind, name in (("scores", "toy-3view.csv"), ("details", "toy-3view.npz")):
        (results / kind).mkdir(parents=True)
        (results / kind / name).touch()
    (results / "records").mkdir()
    records = results / "records/toy-3view.csv"

    def write(scored_by):
        cell = ("majority", plan.params_hash("toy-3view", "majority"))
        made_by = (method_fingerprint("majority", plan.methods["majority"]), "", scored_by)
        columns = "method,params_hash,seed,fingerprint,data_checksum,scoring_fingerprint"
        rows = [",".join((*cell, str(seed), *made_by)) for seed in range(plan.benchmark.seeds)]
        records.write_text("\n".join([columns, *rows]) + "\n")

    write(scoring_fingerprint())
    assert list(problems(jobs)) == []
    write("of yesterday")
    (problem,) = problems(jobs)
    expected = f"expected the scoring_fingerprint {scoring_fingerprint()}, got of yesterday"
    assert problem.reason == f"{records}: {expected}"
    assert {path.parent.name for path in problem.files} == {"scores", "details", "records"}
    write("")  # as of `mmbench score` by hand
    (problem,) = problems(jobs)
    assert problem.reason.endswith(", got none")


# ------------------------------------------------------------------ machines


@pytest.mark.slow
def test_a_clone_restores_and_runs_only_what_it_adds(shared, tmp_path):
    other = clone(shared, tmp_path / "b")
    assert other.planned() == ["majority/0-1", "mine/0-1"]
    assert "nothing is left to do" in call(other, "mmbench", "restore")
    assert "Nothing to be done" in other.snakemake("-n")
    assert "dvc.lock: 0 of " in call(other, "mmbench", "verify", "--files")
    for name in ("assignments.npz", "runs.json"):
        (theirs,) = shared.folder.glob(f"results/runs/toy-3view/mine/*/*/{name}")
        assert (
            other.folder / theirs.relative_to(shared.folder)
        ).read_bytes() == theirs.read_bytes()

    other.configure(methods=["mine", "majority", "random"])
    assert other.planned() == ["random/0-1"], "a method more is that method's runs"
    other.snakemake()
    call(other, "mmbench", "snapshot")
    lock = git(other, "diff", "--", "dvc.lock")
    assert "path: results/runs" in lock
    assert "path: data/raw" not in re.sub(r"^ .*", "", lock, flags=re.MULTILINE), "as it was"


@pytest.mark.slow
def test_a_method_edited_before_the_restore_runs_again_and_no_other(shared, tmp_path):
    other = clone(shared, tmp_path / "b")
    other.write("mine.py", FLIPPED)
    output = call(other, "mmbench", "restore", "--json")
    restored = json.loads(output[output.rindex("\n{") :])
    assert restored["to_run"] == {"fit": 1, "score": 1, "report": 1}
    assert "fingerprint: expected" in restored["set_aside"][0]
    assert other.planned() == ["mine/0-1"]
    other.snakemake()
    assert "Nothing to be done" in other.snakemake("-n")
    assert [record["status"] for record in other.records("mine")] == ["ok", "ok"]
    # the records of the old source are in the cache, whence git and DVC bring them back
    other.write("mine.py", METHOD)
    call(other, "mmbench", "restore", "--force")
    assert "Nothing to be done" in other.snakemake("-n")


@pytest.mark.slow
def test_another_benchmark_takes_the_runs_and_scores_them_again(shared, tmp_path):
    other = clone(shared, tmp_path / "b")
    other.configure(methods=["mine"])
    output = call(other, "mmbench", "restore")
    assert "expected exactly the runs of today's benchmark" in output
    assert "snakemake would run: report (1), score (1)" in output

    other.configure(name="not-in-dvc-yaml")
    output = call(other, "mmbench", "restore", "--force", "--configfile", "config/config.yaml")
    assert "snakemake would run: report (1), score (1)" in output


@pytest.mark.slow
def test_data_of_another_recipe_are_prepared_again(shared, tmp_path):
    again = clone(shared, tmp_path / "c")
    catalogue = again.folder / "config/datasets.yaml"
    entry = re.search(r"^toy-3view:\n(?:  .*\n)+", catalogue.read_text(), re.MULTILINE)[0]
    assert "seed:" not in entry
    again.write("config/datasets.yaml", catalogue.read_text().replace(entry, f"{entry}  seed: 7\n"))
    output = call(again, "mmbench", "restore")
    assert "card.json: expected the recipe" in output
    assert again.planned() == ["majority/0-1", "mine/0-1"]


@pytest.mark.slow
def test_a_snapshot_is_only_made_of_a_sound_and_finished_benchmark(machine):
    assert "complete and current" in call(machine, "mmbench", "snapshot", "--check")
    assert git(machine, "status", "--porcelain", "--", ".gitignore", "data", "results/runs") == ""
    lock = (machine.folder / "dvc.lock").read_text()

    machine.configure(seeds=3)
    output = call(machine, "mmbench", "snapshot", ok=False)
    assert "expected a finished benchmark, but snakemake would run" in output
    assert "fit (2)" in output

    machine.configure()
    machine.write("mine.py", FLIPPED)
    output = call(machine, "mmbench", "snapshot", ok=False)
    assert "fit (1)" in output

    machine.write("mine.py", METHOD)
    (assignments,) = machine.folder.glob("results/runs/toy-3view/mine/*/*/assignments.npz")
    whole, stamps = assignments.read_bytes(), assignments.stat()
    assignments.write_bytes(whole[: len(whole) // 2])
    os.utime(assignments, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))  # a disk that forgets
    output = call(machine, "mmbench", "snapshot", ok=False)
    assert "expected an .npz of assignments, but" in output
    assert "Traceback" not in output
    assert (machine.folder / "dvc.lock").read_text() == lock


@pytest.mark.slow
def test_dvc_repro_is_refused_and_changes_nothing(machine):
    (records,) = machine.folder.glob("results/runs/toy-3view/mine/*/*/runs.json")
    records.write_text(records.read_text() + " ")
    before = {path: path.stat().st_mtime_ns for path in machine.folder.glob("results/**/*.*")}
    lock = (machine.folder / "dvc.lock").read_text()
    assert "made by: snakemake; recorded by: mmbench snapshot" in call(
        machine, "dvc", "repro", ok=False
    )
    assert {p: p.stat().st_mtime_ns for p in machine.folder.glob("results/**/*.*")} == before
    assert (machine.folder / "dvc.lock").read_text() == lock


@pytest.mark.slow
def test_a_damaged_copy_in_the_remote_is_named_and_never_marked_as_current(shared, tmp_path):
    (assignments,) = shared.folder.glob("results/runs/toy-3view/mine/*/*/assignments.npz")
    whole = assignments.read_bytes()
    (copy,) = [p for p in tmp_path.glob("remote/**/*") if p.is_file() and p.read_bytes() == whole]
    copy.chmod(0o644)
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    other = clone(shared, tmp_path / "b")
    output = call(other, "mmbench", "restore", ok=False)
    assert "assignments.npz: not as dvc.lock records it" in output
    assert "Traceback" not in output
    assert not list(other.folder.glob(".snakemake/metadata/*"))
    assert not (other.folder / "results/runs").exists()


@pytest.mark.slow
def test_a_remote_cannot_write_outside_of_the_recorded_folders(shared, tmp_path):
    lock = yaml.safe_load((shared.folder / "dvc.lock").read_text())
    (out,) = lock["stages"]["runs"]["outs"]
    (listing,) = tmp_path.glob(f"remote/**/{out['md5'][2:]}")
    files = json.loads(listing.read_text())
    files[0]["relpath"] = "../../Snakefile"
    forged = json.dumps(files).encode()
    out["md5"] = f"{hashlib.md5(forged).hexdigest()}.dir"
    folder = listing.parents[1] / out["md5"][:2]
    folder.mkdir(exist_ok=True)
    (folder / out["md5"][2:]).write_bytes(forged)
    other = clone(shared, tmp_path / "b")
    (other.folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    before = (other.folder / "Snakefile").read_text()
    output = call(other, "mmbench", "restore", ok=False)
    assert "expected paths inside results/runs, got ../../Snakefile" in output
    assert (other.folder / "Snakefile").read_text() == before


@pytest.mark.slow
def test_runs_that_were_never_recorded_are_removed_by_force_only(shared):
    shared.configure(methods=["mine", "majority", "random"])
    shared.snakemake()
    output = call(shared, "mmbench", "restore", ok=False)
    assert "dvc checkout: ended with status" in output
    assert [record["status"] for record in shared.records("random")] == ["ok", "ok"]


@pytest.mark.slow
def test_commits_are_compared_by_their_metrics_and_plots(machine):
    results = machine.folder / "results/default"
    spec = ReportSpec.model_validate_json((results / "benchmark.json").read_text())
    cards = machine.folder / "data/processed"
    write_metrics(read_report(spec, results=results, cards=cards), results)
    commit(machine)
    scores = json.loads((results / "metrics.json").read_text())
    before = scores["toy-3view"]["mine"]["acc"]
    scores["toy-3view"]["mine"]["acc"] = before / 2
    (results / "metrics.json").write_text(json.dumps(scores))
    difference = json.loads(call(machine, "dvc", "metrics", "diff", "--json"))
    (change,) = difference["results/default/metrics.json"].values()
    assert (change["old"], change["new"]) == (before, before / 2)

    call(machine, "dvc", "plots", "show")
    page = (machine.folder / "dvc_plots/index.html").read_text()
    assert "ACC of each seed" in page
    assert "toy-3view/mine" in page


@pytest.mark.slow
def test_a_remote_that_speaks_s3_serves_as_well(machine, tmp_path):
    server_module = pytest.importorskip("moto.server", reason="needs moto[server]")
    pytest.importorskip("dvc_s3", reason="needs the extra s3")
    boto3 = pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        keys = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "something"}
        machine.environment |= {**keys, "AWS_DEFAULT_REGION": "us-east-1"}
        boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        ).create_bucket(Bucket="bench")
        call(machine, "dvc", "remote", "add", "--default", "store", "s3://bench/mmbench")
        call(machine, "dvc", "remote", "modify", "store", "endpointurl", address)
        commit(machine)
        call(machine, "dvc", "push")
        other = clone(machine, tmp_path / "b")
        assert "nothing is left to do" in call(other, "mmbench", "restore")
        assert "Nothing to be done" in other.snakemake("-n")
    finally:
        server.stop()
