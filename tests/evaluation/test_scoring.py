"""`score` on small stored runs: rows, selections, subsets, and what it refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.evaluation.details import MAX_EMBEDDED
from mmbench.evaluation.metrics import METRICS, acc, ari, modality_mixing, nmi
from mmbench.evaluation.samples import read_samples
from mmbench.evaluation.scoring import MAX_LOG_TAIL, score
from mmbench.runs import Record, Run, RunStore, SeedBlock, write_runs

Y_TRUE = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
PERFECT = (Y_TRUE + 1) % 3
ONE_WRONG = np.where(np.arange(10) == 3, PERFECT[0], PERFECT)
COLLAPSED = np.zeros(10, int)


@pytest.fixture
def project(tmp_path):
    """A folder with samples and the means to store and score runs of the data set `toy`."""
    return ScoringFolder(tmp_path)


class ScoringFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.samples = folder / "samples.csv"
        self.write_samples()

    def write_samples(self, *, split=None, modality=None, y_true=Y_TRUE) -> None:
        rows = [
            [i, y, f"class {y}", (split or {}).get(i, "train"), (modality or [""] * 99)[i], 100 + i]
            for i, y in enumerate(y_true)
        ]
        header = ["sample", "label", "class", "split", "modality", "source_row"]
        with self.samples.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def store(self, *runs: Run, method="km", params_hash="0123abcd", block=None) -> Path:
        seeds = [run.record.seed for run in runs]
        block = block or f"{min(seeds)}-{max(seeds)}"
        folder = self.folder / "runs" / "toy" / method / params_hash / block
        write_runs(runs, folder)
        return folder

    def score(self, seeds=(0,), hashes=None):
        store = RunStore(self.folder / "runs")
        cells = [
            SeedBlock("toy", method, params_hash, tuple(seeds))
            for method, params_hash in (hashes or {"km": "0123abcd"}).items()
        ]
        selection = {
            cell.method: [block.name for block in store.covering(cell, 5)] for cell in cells
        }
        out = {name: self.folder / "out" / name for name in ("scores", "details", "records")}
        score("toy", self.samples, store, selection, seeds, fingerprint="of the source", **out)
        with np.load(out["details"], allow_pickle=False) as archive:
            details = dict(archive)
        return read(out["scores"]), details, read(out["records"])


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(
    seed=0,
    y_pred=PERFECT,
    *,
    status="ok",
    history=None,
    view_assignments=None,
    embedding=None,
    **told,
):
    return Run(
        Record(seed, status, **told),
        None if status != "ok" else np.asarray(y_pred, np.int32),
        None if history is None else np.asarray(list(history.values()), np.int16),
        None if history is None else np.array(list(history), np.int32),
        embedding,
        {name: np.asarray(part, np.int32) for name, part in (view_assignments or {}).items()},
    )


def pick(rows, metric="acc", **where):
    found = [r for r in rows if r["metric"] == metric and where.items() <= r.items()]
    return {(r["selection"], r["epoch"], r["subset"]): float(r["value"]) for r in found}


def test_a_run_gets_one_row_per_metric(project):
    project.store(run(0, ONE_WRONG))
    rows, _, _ = project.score()
    assert {r["metric"]: float(r["value"]) for r in rows} == {
        name: pytest.approx(metric(Y_TRUE, ONE_WRONG), abs=1e-6) for name, metric in METRICS.items()
    }
    shared = {key: value for key, value in rows[0].items() if key not in ("metric", "value")}
    assert shared == {
        "dataset": "toy",
        "method": "km",
        "params_hash": "0123abcd",
        "seed": "0",
        "selection": "last",
        "epoch": "",
        "subset": "all",
    }


def test_the_oracle_takes_the_earliest_of_the_best_checkpoints(project):
    history = {5: COLLAPSED, 10: PERFECT, 15: PERFECT, 20: ONE_WRONG}
    project.store(run(0, ONE_WRONG, history=history))
    rows, details, _ = project.score()
    assert pick(rows) == {("last", "", "all"): 0.9, ("oracle", "10", "all"): 1.0}
    np.testing.assert_allclose(details["acc/km/0"], [[5, 10, 15, 20], [0.4, 1, 1, 0.9]])


def test_a_result_that_was_chosen_by_its_loss_has_its_epoch(project):
    history = {4: COLLAPSED, 9: ONE_WRONG, 14: PERFECT}
    project.store(run(0, ONE_WRONG, history=history, checkpoint_epoch=9))
    rows, _, _ = project.score()
    assert pick(rows) == {("last", "9", "all"): 0.9, ("oracle", "14", "all"): 1.0}


def test_peeking_never_costs_even_when_the_end_is_better_than_every_checkpoint(project):
    project.store(run(0, PERFECT, history={0: COLLAPSED}))
    rows, _, _ = project.score()
    assert pick(rows) == {("last", "", "all"): 1.0, ("oracle", "", "all"): 1.0}


def test_held_out_samples_are_scored_apart(project):
    project.write_samples(split={3: "test", 4: "test", 9: "test"})
    project.store(run(0, ONE_WRONG, history={0: ONE_WRONG}))
    rows, _, _ = project.score()
    values = pick(rows)
    assert values["last", "", "all"] == 0.9
    assert values["last", "", "train"] == 1.0
    assert values["last", "", "test"] == pytest.approx(2 / 3, abs=1e-6)
    assert ("oracle", "0", "test") in values


def test_mixed_data_are_scored_by_modality_and_against_it(project):
    modality = ["text"] * 5 + ["image"] * 5
    project.write_samples(modality=modality)
    project.store(run(0, ONE_WRONG, history={0: ONE_WRONG}))
    rows, _, _ = project.score()
    values = pick(rows)
    assert values["last", "", "modality:image"] == 1.0
    assert values["last", "", "modality:text"] == acc(Y_TRUE[:5], ONE_WRONG[:5])
    by_modality = nmi(np.repeat([1, 0], 5), ONE_WRONG)
    assert pick(rows, "nmi_modality") == {
        ("last", "", "all"): pytest.approx(by_modality, abs=1e-6),
        ("oracle", "0", "all"): pytest.approx(by_modality, abs=1e-6),
    }
    mixing = modality_mixing(np.repeat([1, 0], 5), ONE_WRONG)
    assert pick(rows, "modality_mixing")["last", "", "all"] == pytest.approx(mixing, abs=1e-6)


def test_each_view_is_scored_on_the_samples_it_describes_and_the_best_one_is_an_oracle(project):
    partial = np.where(np.arange(10) < 7, PERFECT, -1)
    view_assignments = {"pix": ONE_WRONG, "fou": partial, "none": np.full(10, -1)}
    project.store(run(0, ONE_WRONG, view_assignments=view_assignments))
    rows, _, _ = project.score()
    assert pick(rows) == {
        ("last", "", "all"): 0.9,
        ("last", "", "view:pix"): 0.9,
        ("last", "", "view:fou"): 1.0,
        ("oracle", "", "view:fou"): 1.0,
    }


def test_views_of_mixed_data_describe_different_samples_so_none_is_the_best(project):
    project.write_samples(modality=["text"] * 5 + ["image"] * 5)
    project.store(
        run(0, PERFECT, view_assignments={"words": np.where(np.arange(10) < 5, PERFECT, -1)})
    )
    rows, _, _ = project.score()
    assert ("last", "", "view:words") in pick(rows)
    assert not pick(rows, selection="oracle")


def test_runs_that_did_not_end_ok_have_a_record_and_no_score(project):
    project.store(
        run(0, seconds={"training": 2.5, "total": 3.0}, memory={"host": 7}, device="cpu"),
        run(1, status="diverged", reason="loss is NaN\nat epoch 3", git_clean=False),
    )
    rows, _, records = project.score(seeds=(0, 1))
    assert {r["seed"] for r in rows} == {"0"}
    ok, failed = records
    assert (ok["status"], ok["seconds_training"], ok["seconds_setup"]) == ("ok", "2.5", "")
    assert (ok["memory_host"], ok["memory_device"], ok["git_clean"]) == ("7", "", "")
    assert (failed["seed"], failed["status"], failed["git_clean"]) == ("1", "diverged", "False")
    assert failed["reason"] == "loss is NaN at epoch 3"


def test_records_keep_the_parameters_and_the_end_of_the_log(project):
    log = "x" * MAX_LOG_TAIL + "\nepoch 3\nloss is NaN, <b>"
    project.store(run(0, status="diverged", params={"epochs": 3, "dims": [2]}, log_tail=log))
    _, _, (record,) = project.score(seeds=(0,))
    assert json.loads(record["params"]) == {"epochs": 3, "dims": [2]}
    assert record["log_tail"] == log[-MAX_LOG_TAIL:]


def test_unavailable_data_give_records_alone(project):
    project.write_samples(y_true=[])
    project.store(run(0, status="data_unavailable", reason="no source answered"))
    rows, details, records = project.score()
    assert rows == []
    assert list(details) == ["classes"]
    assert [r["status"] for r in records] == ["data_unavailable"]
    assert [r["scoring_fingerprint"] for r in records] == ["of the source"]


def test_wanted_seeds_are_gathered_from_several_blocks_and_the_rest_is_left_alone(project):
    project.store(run(0), run(1))
    project.store(run(2), run(3))
    project.store(run(0, COLLAPSED), params_hash="ffffffff")
    broken = project.folder / "runs" / "toy" / "km" / "0123abcd"
    for name in (".finished_seeds", "8-9"):  # neither is needed, so neither is opened
        (broken / name).mkdir()
        (broken / name / "runs.json").write_text("{")
    rows, _, records = project.score(seeds=(3, 1))
    assert [r["seed"] for r in records] == ["3", "1"]
    assert {r["params_hash"] for r in rows} == {"0123abcd"}


def test_a_block_that_was_cleared_leaves_its_seeds_to_others(project):
    cleared = project.store(run(0), run(1))
    for name in ("assignments.npz", "runs.json"):
        (cleared / name).unlink()
    (cleared / "fit.log").touch()
    project.store(run(1), run(2))
    _, _, records = project.score(seeds=(1,))
    assert [r["seed"] for r in records] == ["1"]


def test_details_hold_what_figures_need(project):
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=5000)
    project.write_samples(y_true=y_true, modality=[""] * 5000)
    embedding = rng.normal(size=(5000, 4)).astype(np.float16)
    losses = {"loss": [(0, 2.0), (1, 1.0)], "empty": []}
    project.store(run(0, status="crashed"), run(1, y_true, losses=losses))
    project.store(run(2, y_true, embedding=embedding))
    _, details, _ = project.score(seeds=(0, 1, 2))
    assert sorted(details) == [
        "classes",
        "confusion/km/1",
        "embedding/km/2",
        "embedding_pred/km/2",
        "embedding_rows/km/2",
        "embedding_true/km/2",
        "loss/km/1/loss",
    ]
    assert list(details["classes"]) == ["class 0", "class 1", "class 2"]
    np.testing.assert_array_equal(details["confusion/km/1"], np.diag(np.bincount(y_true)))
    np.testing.assert_array_equal(details["loss/km/1/loss"], [[0, 1], [2, 1]])
    rows = details["embedding_rows/km/2"]
    assert len(np.unique(rows)) == MAX_EMBEDDED
    np.testing.assert_array_equal(details["embedding/km/2"], embedding[rows])
    np.testing.assert_array_equal(details["embedding_true/km/2"], y_true[rows])


def test_methods_are_compared_with_each_other_by_their_first_seed_that_ended_ok(project):
    project.store(run(0, status="crashed"), run(1, ONE_WRONG), method="a")
    project.store(run(0, PERFECT), run(1, COLLAPSED), method="b")
    project.store(run(0, status="crashed"), run(1, status="crashed"), method="c")
    project.store(run(0, (PERFECT + 1) % 3), run(1, PERFECT), method="d")
    select = dict.fromkeys("abcd", "0123abcd")
    _, details, _ = project.score(seeds=(0, 1), hashes=select)
    assert list(details["agreement_methods"]) == ["a", "b", "d"]
    between = ari(ONE_WRONG, PERFECT)
    expected = [[1, between, between], [between, 1, 1], [between, 1, 1]]
    np.testing.assert_allclose(details["agreement"], expected, rtol=1e-6)


def test_one_method_alone_agrees_with_nobody(project):
    project.store(run(0))
    _, details, _ = project.score()
    assert "agreement" not in details


def test_the_same_runs_give_the_same_bytes(project):
    project.store(run(0, ONE_WRONG, history={0: COLLAPSED}, losses={"loss": [(0, 1.0)]}))
    out = [project.folder / "out" / name for name in ("scores", "details", "records")]
    project.score()
    first = [path.read_bytes() for path in out]
    project.score()
    assert [path.read_bytes() for path in out] == first


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [
        ([run(0, PERFECT[:9])], "seed_0 to assign 10 samples, got 9"),
        ([run(0, PERFECT - 1)], "clusters from 0 in seed_0, got -1"),
        ([run(0, history={0: PERFECT[:9]})], "history_0 to assign 10 samples, got 9"),
        (
            [run(0, view_assignments={"pix": PERFECT[:9]})],
            r"view_0_pix to assign 10 samples, got shape \(9,",
        ),
        ([Run(Record(0, "ok"))], "seed_0 of a run that ended ok, found none"),
        ([run(1), run(2)], "toy/km: expected a run of seed 0, found 1, 2"),
    ],
)
def test_runs_that_do_not_fit_are_refused_and_nothing_is_written(project, stored, complaint):
    project.store(*stored, block="0-4")
    with pytest.raises(InputError, match=complaint):
        project.score()
    assert not (project.folder / "out").exists()


def test_a_method_that_never_ran_is_named(project):
    with pytest.raises(InputError, match=r"km/0123abcd/0-0/runs\.json: expected a JSON file"):
        project.score()


def test_a_fault_while_writing_leaves_the_old_files(project, monkeypatch):
    project.store(run(0))
    project.score()
    before = (project.folder / "out" / "scores").read_bytes()
    project.store(run(0, COLLAPSED))

    def full(*_args, **_kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        project.score()
    assert (project.folder / "out" / "scores").read_bytes() == before
    assert len(list((project.folder / "out").iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a column 'sample', got none"),
        ("sample,label,class,split\n", "a column 'modality'"),
        ("sample,label,class,split,modality\n0,x,a,train,\n", "sample 0 with a label from 0"),
        ("sample,label,class,split,modality\n0,-1,a,train,\n", "got 0, -1, a, train"),
        ("sample,label,class,split,modality\n0,1,a,valid,\n", "a split .train or test."),
        (
            "sample,label,class,split,modality\n0,1,a,train\n",
            "line 2: expected 5 values, got fewer",
        ),
        ("sample,label,class,split,modality\n1,1,a,train,\n", "expected sample 0"),
    ],
)
def test_malformed_samples_are_refused_by_line(tmp_path, text, complaint):
    path = tmp_path / "samples.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_samples(path)


def test_missing_samples_are_named(tmp_path):
    with pytest.raises(InputError, match="samples of a data set, found none"):
        read_samples(tmp_path / "samples.csv")


def test_a_class_called_na_keeps_its_name_and_absent_labels_keep_their_place(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("sample,label,class,split,modality\n0,2,NA,train,\n1,0,a,train,\n")
    assert list(read_samples(path).classes) == ["a", "1", "NA"]
