"""Runs of another machine are taken over where they are current, and never replace one here."""

import json
from pathlib import Path

import numpy as np
import pytest
from exchange_lab import PROCESSED, stored_files

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.merging import merge
from mmbench.runs import read_records, read_runs

THERE = Path("there")


def merged(lab, **options):
    return merge(THERE, lab.plan, processed=PROCESSED, **options)


def verdicts(told):
    return {run.seed: run.verdict for run in told}


def test_their_runs_are_stored_as_they_are_with_the_name_of_their_machine(lab):
    theirs = [lab.run(0), lab.run(1, status="diverged", reason="the loss is NaN")]
    block = lab.write(theirs, THERE)
    told, blocks = merged(lab)
    assert verdicts(told) == {0: "merged", 1: "merged"}
    assert blocks == [block] == lab.blocks()
    first, second = read_runs(block.assignments, block.records)
    np.testing.assert_array_equal(first.y_pred, theirs[0].y_pred)
    assert (first.record.origin, second.record.origin) == ("node7", "node7")
    assert second.record.status == "diverged"


@pytest.mark.parametrize("nested", ["", "results", "results/runs"])
def test_the_folder_may_be_a_project_its_results_or_its_runs(lab, nested):
    lab.write([lab.run(0)], THERE)
    told, _ = merge(THERE / nested, lab.plan, processed=PROCESSED, origin="cluster")
    assert verdicts(told) == {0: "merged"}
    assert read_records(lab.blocks()[0].records)[0].origin == "cluster"


def test_imported_runs_and_those_of_a_third_machine_keep_their_origin(lab):
    lab.write([lab.run(0, method="theirs", origin="imported")], THERE)
    lab.write([lab.run(0, origin="node3")], THERE)
    merged(lab, origin="cluster")
    origins = {b.method: read_records(b.records)[0].origin for b in lab.blocks()}
    assert origins == {"theirs": "imported", "majority": "node3"}


def test_only_seeds_that_are_not_here_are_added(lab):
    here = lab.write([lab.run(1), lab.run(2)])
    before = here.records.read_bytes(), here.assignments.read_bytes()
    lab.write([lab.run(0), lab.run(1), lab.run(2, np.zeros(lab.n_samples)), lab.run(3)], THERE)
    told, _ = merged(lab)
    assert verdicts(told) == {0: "merged", 1: "identical", 2: "conflict", 3: "merged"}
    assert [run.note for run in told if run.verdict == "conflict"] == ["other assignments"]
    assert (here.records.read_bytes(), here.assignments.read_bytes()) == before
    assert [block.seeds for block in lab.blocks()] == [(0,), (1, 2), (3,)]


def test_a_run_that_ended_otherwise_is_a_conflict(lab):
    lab.write([lab.run(0, status="timed_out", reason="no result"), lab.run(1, fingerprint="old")])
    lab.write([lab.run(0), lab.run(1, np.zeros(lab.n_samples))], THERE)
    told, _ = merged(lab)
    assert [run.verdict for run in told] == ["conflict", "conflict"]
    assert told[0].note == "here timed_out, there ok"
    assert told[1].note == "other assignments; the run here is of an older source"


def test_runs_without_data_there_are_left_where_they_are(lab):
    lab.write([lab.run(0, status="data_unavailable", data_checksum="")], THERE)
    told, blocks = merged(lab)
    assert verdicts(told) == {0: "no data there"}
    assert blocks == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_checksum": "0" * 64}, "seed 1: was made from other data: checksum 000000000000, "),
        ({"format_version": 2}, "seed 1: was made by format version 2, here it is 1"),
        ({"fingerprint": "older"}, "another source of the method: fingerprint older, here it is"),
        ({"host": ""}, "do not tell the machine they are from; name it by --from"),
        ({"params": {"epochs": 3}}, "its parameters give the params_hash"),
        ({"precision": "bfloat16"}, "its parameters give the params_hash"),
        ({"n_restarts": 3}, "its parameters give the params_hash"),
        ({"y_pred": np.zeros(7)}, r"expected assignments of \d+ samples to clusters 0\.\.2"),
        ({"y_pred": np.full(150, 3)}, r"expected assignments of \d+ samples to clusters 0\.\.2"),
    ],
)
def test_a_run_that_is_not_ours_to_make_is_refused_and_nothing_is_written(lab, changes, message):
    lab.write([lab.run(0), lab.run(1, **changes)], THERE)
    with pytest.raises(InputError, match=message):
        merged(lab)
    assert [path for path in stored_files() if "runs" in path.parts] == []


def test_an_unknown_method_and_data_that_are_not_here_are_refused(lab):
    block = lab.write([lab.run(0)], THERE)
    (THERE / block.folder).parents[1].rename((THERE / block.folder).parents[2] / "majorty")
    with pytest.raises(InputError, match="unknown method 'majorty'; did you mean 'majority'"):
        merged(lab)
    (THERE / block.folder).parents[2].rename((THERE / block.folder).parents[3] / "toy-mixed")
    runs = THERE / "results/runs/toy-mixed"
    (runs / "majorty").rename(runs / "majority")
    with pytest.raises(InputError, match=r"toy-mixed/views\.safetensors is not there, so its data"):
        merged(lab)


def test_files_that_do_not_fit_each_other_are_refused(lab):
    with pytest.raises(InputError, match="expected runs in DATASET/METHOD/PARAMS_HASH/SEEDS"):
        merged(lab)
    block = lab.write([lab.run(0)], THERE)
    (THERE / block.folder).rename((THERE / block.folder).with_name("0-1"))
    with pytest.raises(InputError, match="expected the seeds 0-1 that its folder tells"):
        merged(lab)


def test_a_run_that_stands_twice_there_is_refused(lab):
    lab.write([lab.run(0), lab.run(1)], THERE)
    lab.write([lab.run(1)], THERE)
    with pytest.raises(InputError, match="seed 1 stands in two blocks there"):
        merged(lab)
    assert lab.blocks() == []


def test_the_command_lists_conflicts_and_ends_with_1(lab, capsys):
    lab.write([lab.run(0), lab.run(1)], THERE)
    assert main(["merge", "there", "--from", "cluster"]) == 0
    assert capsys.readouterr().out.split()[-2:] == ["merged", "2"]
    lab.write([lab.run(0), lab.run(1, np.zeros(lab.n_samples))], THERE)
    assert main(["merge", "there", "--json"]) == 1
    told = {run["seed"]: run["verdict"] for run in json.loads(capsys.readouterr().out)}
    assert told == {0: "identical", 1: "conflict"}
    assert main(["merge", "there"]) == 1
    printed = capsys.readouterr().out
    assert "conflict" in printed
    assert "identical" not in printed
    assert main(["merge", "nowhere"]) == 2
    assert "nowhere: expected runs in" in capsys.readouterr().err
