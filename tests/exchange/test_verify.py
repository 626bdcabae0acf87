"""The verdict on a second result, and which runs may get one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from exchange_lab import DATASET, PROCESSED

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.verify import (
    blocks_of_benchmark,
    compare,
    draw,
    repeatable_runs,
    verify,
)
from mmbench.runs import Record, Run, RunStore

Y_TRUE = np.arange(1000) % 4
MODULES = {"majority", "no_such_method"}
FIRST = np.where(np.arange(1000) < 900, Y_TRUE, 0)


def run(y_pred):
    return Run(Record(seed=0, status="ok"), y_pred)


def moved(n):
    """Return the first assignments with n samples that were right in another cluster."""
    changed = FIRST.copy()
    changed[np.flatnonzero(FIRST == 1)[:n]] = 2
    return changed


def test_the_same_bits_are_identical():
    assert compare(run(FIRST), run(FIRST.copy()), Y_TRUE)[0] == "identical"


def test_the_same_groups_with_other_numbers_are_the_same_partition():
    verdict, differences = compare(run(FIRST), run(np.array([2, 0, 3, 1])[FIRST]), Y_TRUE)
    assert verdict == "same partition"
    assert set(differences) == {"acc", "nmi", "ari"}
    assert all(abs(change) < 1e-12 for change in differences.values())


def test_merged_clusters_are_not_the_same_partition():
    # each cluster of the first lies in one of the second, but not the reverse
    assert compare(run(FIRST), run(np.minimum(FIRST, 2)), Y_TRUE)[0] == "different"
    assert compare(run(np.minimum(FIRST, 2)), run(FIRST), Y_TRUE)[0] == "different"


def test_scores_within_a_hundredth_are_within_tolerance():
    verdict, differences = compare(run(FIRST), run(moved(2)), Y_TRUE)
    assert verdict == "within tolerance"
    assert differences["acc"] == pytest.approx(-0.002)
    verdict, differences = compare(run(FIRST), run(moved(20)), Y_TRUE)
    assert verdict == "different"
    assert differences["acc"] == pytest.approx(-0.02)


def test_one_metric_beyond_the_tolerance_is_enough():
    verdict, differences = compare(run(FIRST), run(moved(3)), Y_TRUE)
    assert verdict == "different"
    assert [metric for metric, change in differences.items() if abs(change) > 0.01] == ["nmi"]


def test_a_run_that_fails_the_second_time_is_different():
    failed = Run(Record(seed=0, status="crashed", reason="ValueError: why"))
    assert compare(run(FIRST), failed, Y_TRUE) == ("different", {})


def test_runs_that_cannot_be_repeated_are_counted_and_left_out(lab):
    sound = lab.write([lab.run(0), lab.run(1, status="crashed", reason="why")])
    for seed, changes in enumerate(
        [
            {"fingerprint": "of an older source"},
            {"data_checksum": "of other data"},
            {"origin": "imported"},
            {"format_version": 1},
            {"uses": "no_such_method"},
            {"uses": "/tmp/strangers_method.py"},
        ],
        start=2,
    ):
        lab.write([lab.run(seed, **changes)])
    found, left_out = repeatable_runs(lab.blocks(), MODULES)
    assert [(r.block, r.record.seed) for r in found] == [(sound, 0)]
    assert left_out == {
        "did not end ok": 1,
        "other fingerprint": 1,
        "other data_checksum": 1,
        "imported": 1,
        "other format_version": 1,
        "source not found": 1,
        "module not in the catalogue": 1,
    }
    (PROCESSED / DATASET / "views.safetensors").unlink()
    assert repeatable_runs([sound], MODULES)[1]["data not here"] == 1


def test_the_same_seed_draws_the_same_sample_and_others_draw_others(lab):
    lab.write([lab.run(seed) for seed in range(20)])
    runs, _ = repeatable_runs(lab.blocks(), MODULES)
    drawn = [[run.record.seed for run in draw(runs, 5, seed=seed)] for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert len({tuple(seeds) for seeds in drawn}) == 3
    assert [len(draw(runs, size, seed=0)) for size in (1, 20, 50)] == [1, 20, 20]


def test_a_run_is_trained_again_as_it_was_and_found_identical(lab):
    y_pred = np.zeros(lab.n_samples, np.int32)  # what the method `majority` gives
    lab.write([lab.run(3, y_pred, threads=1, device="another processor")])
    (run,), _ = repeatable_runs(lab.blocks(), MODULES)
    repetition = verify(run)
    assert (repetition.verdict, repetition.seed) == ("identical", 3)
    assert repetition.differences == {"acc": 0, "nmi": 0, "ari": 0}
    assert repetition.note.startswith("device another processor -> ")


def test_the_command_ends_with_1_where_a_run_came_out_different(lab, capsys):
    block = lab.write([lab.run(0, np.zeros(lab.n_samples)), lab.run(1)])
    assignments, _ = RunStore().files(block)
    before = assignments.read_bytes()
    assert main(["verify", "--json"]) == 1
    output = json.loads(capsys.readouterr().out)
    verdicts = {run["seed"]: run["verdict"] for run in output["verdicts"]}
    assert verdicts == {0: "identical", 1: "different"}
    assert output["seed_of_sample"] == 0
    assert assignments.read_bytes() == before

    assert main(["verify", "--config", "config/config.yaml", "--sample", "1"]) in (0, 1)
    assert "1 of 2 runs, drawn by --seed-of-sample 0" in capsys.readouterr().out


def test_the_blocks_of_a_benchmark_are_those_in_its_records(lab):
    block = lab.write([lab.run(0), lab.run(1)])
    lab.write([lab.run(0, method="theirs", origin="imported")])
    records = lab.folder / "results/default/records/toy-3view.csv"
    records.parent.mkdir(parents=True)
    records.write_text(
        f"dataset,method,params_hash,seed\n{DATASET},majority,{block.params_hash},0\n"
    )
    assert blocks_of_benchmark(lab.folder / "results/default") == [block]
    with pytest.raises(InputError, match="expected records of runs in records/, found none"):
        blocks_of_benchmark(lab.folder / "results/none")


def test_the_command_gives_the_reason_if_no_run_can_be_verified(lab, capsys):
    assert main(["verify"]) == 2
    assert "can be trained again: none is stored" in capsys.readouterr().err
    lab.write([replace(lab.run(0), record=lab.record(fingerprint="old"))])
    assert main(["verify"]) == 2
    assert "can be trained again: 1 other fingerprint" in capsys.readouterr().err
    assert main(["verify", "--sample", "0"]) == 2
    assert "--sample: expected at least 1, got 0" in capsys.readouterr().err
