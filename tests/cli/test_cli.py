"""The commands as people type them, on toy data in a folder of their own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import mmbench.cli
from mmbench.cli import main
from mmbench.config import read_datasets
from mmbench.data import Dataset

FAILS_ONCE = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np

@dataclass(frozen=True)
class Mine:
    def fit_predict(self, data, *, seed, device="cpu", log=None):
        if seed == 1 and not Path("second").exists():
            raise ValueError("once")
        return np.arange(data.n_samples) % 2

METHOD = Mine
"""
ROOT = Path(__file__).parents[2]
RANDOM = '{"method": "random", "uses": "random"}'
FIT = ["--views", "v", "--folder", "b", "--seeds"]


def test_show_prints_the_recorded_leaderboard_without_the_runs(folder, capsys):
    recorded = ROOT / "results/default"
    tables = folder / "results/default/tables"
    tables.mkdir(parents=True)
    shutil.copy(recorded / "benchmark.json", folder / "results/default")
    for name in ("leaderboard.md", "leaderboard.csv"):
        shutil.copy(recorded / "tables" / name, tables)
    assert main(["show"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("The runs are not here")
    assert (tables / "leaderboard.md").read_text() in printed
    assert main(["show", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"handwritten-2view", "synthetic-3view"} <= {row["dataset"] for row in rows}
    assert main(["show", "--check"]) == 2  # nothing can be checked without the runs
    assert "expected the runs, found none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "kmeans-conct", "toy-3view"], "unknown method 'kmeans-conct'; did you mean"),
        (["run", "kmeans-concat", "toy-3veiw"], "unknown data set 'toy-3veiw'; did you mean"),
        (["run", "kmeans-concat", "toy-3view", "--set", "n_int=3"], "did you mean 'n_init'?"),
        (["run", "kmeans-concat", "toy-3view", "--set", "n_init"], "expected key=value, got"),
        (["run", "kmeans-concat", "toy-3view", "--set", "n_init=["], "expected n_init as YAML"),
        (
            ["run", "kmeans-concat", "toy-3view", "--seeds", "0"],
            "run: --seeds: expected at least 1, got 0",
        ),
        (["run", "kmeans-concat", "toy-3view", "--threads", "0"], "run: threads: expected greater"),
        (["run", "kmeans-concat", "toy-3view", "--gpus", "-1"], "run: gpus: expected greater than"),
        (
            ["fit", RANDOM, *FIT, "0", "--timeout", "nan"],
            "fit: timeout_minutes: expected",
        ),
        (["fit", RANDOM, *FIT, "0", "--slots-per-gpu", "0"], "fit: slots_per_gpu: "),
        (["fit", RANDOM[:-1] + ', "parms": {}}', *FIT, "0"], "unknown key 'parms'"),
        (["run", "none/here.py", "toy-3view"], "expected a Python file at 'none/here.py'"),
        (["run", "kmeans-concat", "toy-unavailable"], "toy-unavailable: "),
        (["plan", "--config", "none.yaml"], "none.yaml: expected a YAML file, found none"),
        (["fetch"], "expected the name of a data set, or --all"),
        (["fetch", "toy-3veiw"], "unknown data set 'toy-3veiw'; did you mean"),
        (["show", "none"], "benchmark.json: expected a JSON file, found none"),
        (["retry", "--status", "timedout"], "unknown status 'timedout'; did you mean 'timed_out'?"),
        (["fit", "{", *FIT, "0"], "fit: method: expected JSON, but"),
        (["fit", "{}", *FIT, "x"], "seeds: expected a range such as 0-4, got 'x'"),
        (["new", "method", "My_Method"], "expected a name such as my-method, got 'My_Method'"),
        (["new", "method", "class"], "expected a name that is not a Python keyword, got 'class'"),
        (["new", "method", "majority"], "'majority' exists already"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(folder, capsys, arguments, message):
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    (line,) = [line for line in printed.splitlines() if line.startswith("mmbench: ")]
    assert message in line
    assert "Traceback" not in printed


def test_a_full_disk_is_one_line_and_exit_status_1(folder, capsys, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device", "results/runs.json")

    monkeypatch.setattr("mmbench.training.fit", full)
    assert main(["run", "kmeans-concat", "toy-3view"]) == 1
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1] == "mmbench: results/runs.json: No space left on device"


def test_runs_that_failed_are_cleared_and_those_that_ended_well_are_kept(folder, capsys):
    call = ["fit", '{"method": "m", "uses": "mine.py"}', "--views", "data/v.safetensors"]
    block = Path("results/runs/toy/m/0123abcd/0-2")
    (folder / "mine.py").write_text(FAILS_ONCE)
    data = Dataset.paired([np.arange(6.0).reshape(6, 1)], n_clusters=2)
    data.save(folder / "data/v.safetensors")
    call += ["--seeds", "0-2", "--folder", str(block)]
    assert main(call) == 0
    assert "seed 1: crashed ValueError: once" in capsys.readouterr().out
    assert main(["retry", "--status", "crashed", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["cleared"], row["kept"]) == (1, 2)
    assert not (block / "runs.json").exists()
    (folder / "second").touch()
    assert main(call) == 0
    assert capsys.readouterr().out.count(": ok") == 3


def test_fetch_and_prepare_report_unavailable_data_and_go_on(folder, capsys):
    assert main(["fetch", "toy-3view", "toy-unavailable", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["status"] for row in rows] == ["ok", "data_unavailable"]
    for name in ("toy-3view", "toy-unavailable", "toy-mixed"):
        assert main(["prepare", name]) == 0
        assert (folder / "data/processed" / name / "card.json").is_file()


def test_prepare_takes_an_entry_as_json_or_from_a_file_and_reads_no_catalogue(folder, capsys):
    datasets = read_datasets([folder / "config/datasets.yaml"])
    entry = json.dumps(datasets["toy-mixed"].as_dict())
    shutil.rmtree(folder / "config")
    Path("entry.json").write_text(entry)
    assert main(["fetch", entry]) == 0
    assert main(["prepare", "@entry.json"]) == 0
    assert Dataset.load(Path("data/processed/toy-mixed/views.safetensors")).n_samples == 150
    assert main(["prepare", entry.replace("n_samples", "n_sample", 1)]) == 2
    assert "data set: unknown key 'n_sample'; did you mean" in capsys.readouterr().err


def test_the_lists_name_every_entry(folder, capsys):
    for what, key in (("datasets", "name"), ("methods", "method")):
        assert main(["list", what, "--json"]) == 0
        listed = {row[key] for row in json.loads(capsys.readouterr().out)}
        assert listed == set(yaml.safe_load((folder / f"config/{what}.yaml").read_text()))
        assert main(["list", what]) == 0
        assert len(capsys.readouterr().out.splitlines()) == len(listed) + 1


def test_plan_counts_what_would_run(folder, capsys):
    assert main(["plan", "--config", "config/smoke.yaml", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    smoke = yaml.safe_load((folder / "config/smoke.yaml").read_text())
    assert len(rows) == len(smoke["datasets"]) * len(smoke["methods"])
    assert all(row["seeds_to_run"] == smoke["seeds"] for row in rows)


def test_new_method_writes_a_file_a_test_and_an_entry_that_work(folder, capsys, monkeypatch):
    assert main(["new", "method", "my-method"]) == 0
    entry = yaml.safe_load((folder / "config/methods.yaml").read_text())["my-method"]
    assert entry["uses"] == "my_method"
    source = folder / "mmbench/methods/my_method.py"
    assert "class MyMethod" in source.read_text()
    assert (folder / "tests/methods/test_my_method.py").is_file()
    # in a checkout `uses: my_method` is found in the package; here the same file is outside it
    capsys.readouterr()
    assert main(["run", str(source), "toy-3view", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["acc"] > 0.9
    assert main(["new", "method", "my-method"]) == 2


def test_doctor_says_what_this_machine_has(folder, capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"python", "torch", "snakemake", "devices", "free disk (GB)"} <= set(report)
    assert {source["source"] for source in report["sources"]} >= {"pypi", "debian"}
    assert main(["doctor", "--count-gpus"]) == 0
    assert re.fullmatch(r"\d+\n", capsys.readouterr().out)


def test_a_new_command_is_one_file(tmp_path, capsys, monkeypatch):
    (tmp_path / "greet.py").write_text(
        '"""Greet somebody."""\n'
        "def add_arguments(parser):\n    parser.add_argument('name')\n"
        "def run(arguments):\n    print('hello', arguments.name)\n    return 3\n"
    )
    monkeypatch.setattr("mmbench.cli.__path__", [*mmbench.cli.__path__, str(tmp_path)])
    assert main(["greet", "world"]) == 3
    assert capsys.readouterr().out == "hello world\n"


def test_the_command_line_starts_without_heavy_libraries():
    code = (
        "import sys; from mmbench.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'numpy', 'pydantic', 'torch', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help_with_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    commands = re.findall(r"^    ([a-z]+) +[a-z]", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(commands) >= 11
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert f"Example:\n    mmbench {command}" in capsys.readouterr().out
