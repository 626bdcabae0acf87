"""Runs of another machine are stored if they are current, and never replace a stored run."""

import json
from pathlib import Path

import numpy as np
import pytest
from exchange_lab import stored_files

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.merge import merge
from mmbench.runs import FORMAT_VERSION, RunStore, read_records, read_runs

THERE = Path("there")
HERE = RunStore()


def merged(lab, **options):
    return merge(THERE, lab.plan, **options)


def verdicts(outcomes):
    return {run.seed: run.verdict for run in outcomes}


def test_their_runs_are_stored_as_they_are_with_the_name_of_their_machine(lab):
    theirs = [lab.run(0), lab.run(1, status="diverged", reason="the loss is NaN")]
    block = lab.write(theirs, THERE)
    outcomes, blocks = merged(lab)
    assert verdicts(outcomes) == {0: "merged", 1: "merged"}
    assert blocks == [block] == lab.blocks()
    first, second = read_runs(HERE.folder(block))
    np.testing.assert_array_equal(first.y_pred, theirs[0].y_pred)
    assert (first.record.origin, second.record.origin) == ("node7", "node7")
    assert second.record.status == "diverged"


@pytest.mark.parametrize("nested", ["", "results", "results/runs"])
def test_the_folder_may_be_a_project_its_results_or_its_runs(lab, nested):
    lab.write([lab.run(0)], THERE)
    outcomes, _ = merge(THERE / nested, lab.plan, origin="cluster")
    assert verdicts(outcomes) == {0: "merged"}
    assert read_records(HERE.folder(lab.blocks()[0]))[0].origin == "cluster"


def test_imported_runs_and_those_of_a_third_machine_keep_their_origin(lab):
    lab.write([lab.run(0, method="theirs", origin="imported")], THERE)
    lab.write([lab.run(0, origin="node3")], THERE)
    merged(lab, origin="cluster")
    origins = {b.method: read_records(HERE.folder(b))[0].origin for b in lab.blocks()}
    assert origins == {"theirs": "imported", "majority": "node3"}


def test_only_seeds_that_are_not_here_are_added(lab):
    here = lab.write([lab.run(1), lab.run(2)])
    before = [path.read_bytes() for path in HERE.files(here)]
    lab.write([lab.run(0), lab.run(1), lab.run(2, np.zeros(lab.n_samples)), lab.run(3)], THERE)
    outcomes, _ = merged(lab)
    assert verdicts(outcomes) == {0: "merged", 1: "identical", 2: "conflict", 3: "merged"}
    assert [run.note for run in outcomes if run.verdict == "conflict"] == ["other assignments"]
    assert [path.read_bytes() for path in HERE.files(here)] == before
    assert [block.seeds for block in lab.blocks()] == [(0,), (1, 2), (3,)]


def test_a_run_that_ended_in_another_way_is_a_conflict(lab):
    lab.write([lab.run(0, status="timed_out", reason="no result"), lab.run(1, fingerprint="old")])
    lab.write([lab.run(0), lab.run(1, np.zeros(lab.n_samples))], THERE)
    outcomes, _ = merged(lab)
    assert [run.verdict for run in outcomes] == ["conflict", "conflict"]
    assert outcomes[0].note == "here timed_out, there ok"
    assert outcomes[1].note == "other assignments; the run here is of an older source"


def test_runs_without_data_there_are_left_where_they_are(lab):
    lab.write([lab.run(0, status="data_unavailable", data_checksum="")], THERE)
    outcomes, blocks = merged(lab)
    assert verdicts(outcomes) == {0: "no data there"}
    assert blocks == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_checksum": "0" * 64}, "seed 1: data_checksum: expected [0-9a-f]{64}, got 0{64}"),
        ({"format_version": 1}, f"seed 1: format_version: expected {FORMAT_VERSION}, got 1"),
        ({"fingerprint": "older"}, "seed 1: fingerprint: expected [0-9a-f]{16}, got older"),
        ({"host": ""}, "the record has no name of a machine; name it by --from"),
        ({"params": {"epochs": 3}}, "its parameters give the params_hash"),
        ({"precision": "bfloat16"}, "its parameters give the params_hash"),
        ({"n_restarts": 3}, "its parameters give the params_hash"),
        ({"y_pred": np.zeros(7)}, r"expected assignments of \d+ samples to clusters 0\.\.2"),
        ({"y_pred": np.full(150, 3)}, r"expected assignments of \d+ samples to clusters 0\.\.2"),
    ],
)
def test_a_run_that_would_be_made_in_another_way_here_is_refused(lab, changes, message):
    lab.write([lab.run(0), lab.run(1, **changes)], THERE)
    with pytest.raises(InputError, match=message):
        merged(lab)
    assert [path for path in stored_files() if "runs" in path.parts] == []


def test_an_unknown_method_and_data_that_are_not_here_are_refused(lab):
    lab.write([lab.run(0)], THERE)
    runs = THERE / "results/runs"
    (runs / "toy-3view/majority").rename(runs / "toy-3view/majorty")
    with pytest.raises(InputError, match="unknown method 'majorty'; did you mean 'majority'"):
        merged(lab)
    (runs / "toy-3view/majorty").rename(runs / "toy-3view/majority")
    (runs / "toy-3view").rename(runs / "toy-mixed")
    with pytest.raises(InputError, match=r"toy-mixed/views\.safetensors: not there; `snakemake"):
        merged(lab)


def test_a_folder_without_runs_and_files_that_do_not_fit_each_other_are_refused(lab):
    with pytest.raises(InputError, match="expected runs in DATASET/METHOD/PARAMS_HASH/SEEDS"):
        merged(lab)
    block = lab.write([lab.run(0)], THERE)
    folder = RunStore(THERE / "results/runs").folder(block)
    folder.rename(folder.with_name("0-1"))
    with pytest.raises(InputError, match="expected records of the seeds in the names of its"):
        merged(lab)


def test_of_a_seed_that_two_blocks_hold_the_latest_run_is_merged(lab):
    earlier, later = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    zeros = np.zeros(lab.n_samples)
    lab.write([lab.run(0), lab.run(1, started=earlier)], THERE)
    lab.write([lab.run(1, zeros, started=later)], THERE)
    outcomes, blocks = merged(lab)
    assert verdicts(outcomes) == {0: "merged", 1: "merged"}
    assert [block.seeds for block in blocks] == [(0,), (1,)]
    (run,) = read_runs(HERE.folder(blocks[1]))
    np.testing.assert_array_equal(run.y_pred, 0)


def test_the_command_lists_conflicts_and_ends_with_1(lab, capsys):
    lab.write([lab.run(0), lab.run(1)], THERE)
    assert main(["merge", "there", "--from", "cluster"]) == 0
    assert capsys.readouterr().out.split()[-2:] == ["merged", "2"]
    lab.write([lab.run(0), lab.run(1, np.zeros(lab.n_samples))], THERE)
    assert main(["merge", "there", "--json"]) == 1
    outcomes = json.loads(capsys.readouterr().out)
    assert {run["seed"]: run["verdict"] for run in outcomes} == {0: "identical", 1: "conflict"}
    assert main(["merge", "there"]) == 1
    printed = capsys.readouterr().out
    assert "conflict" in printed
    assert "identical" not in printed
    assert main(["merge", "nowhere"]) == 2
    assert "nowhere: expected runs in" in capsys.readouterr().err
