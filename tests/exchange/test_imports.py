"""Imported assignments become marked runs, and nothing else is touched by them."""

from pathlib import Path

import numpy as np
import pytest
from exchange_lab import DATASET, stored_files

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.imports import import_runs
from mmbench.plan import Jobs
from mmbench.runs import FORMAT_VERSION, RunStore, read_runs

STORE = RunStore()


def imported(lab, text="", *, path=None, method="theirs", dataset=DATASET, **options):
    """Import a table, by default one in which all samples are in one cluster."""
    if path is None:
        path = Path("theirs.csv")
        rows = "".join(f"{i},0\n" for i in range(lab.n_samples))
        path.write_text(text or "sample,cluster\n" + rows)
    return import_runs(path, lab.plan, method=method, dataset=dataset, **options)


def test_an_imported_run_says_that_it_is_one_and_of_which_file(lab):
    (block,) = imported(lab, seed=1)
    assert block.seeds == (1,)
    assert block.params_hash == lab.plan.params_hash(DATASET, "theirs")
    (run,) = read_runs(STORE.folder(block))
    np.testing.assert_array_equal(run.y_pred, 0)
    record = run.record
    assert (record.origin, record.status, record.uses) == ("imported", "ok", "imported")
    assert record.reason.startswith("theirs.csv, sha256 ")
    assert record.data_checksum == lab.metadata["checksum"]
    assert record.fingerprint == lab.fingerprint("theirs")
    assert record.format_version == FORMAT_VERSION
    assert record.seconds == {}


def test_seeds_that_follow_each_other_share_a_block(lab):
    y = np.random.default_rng(0).integers(3, size=(4, lab.n_samples))
    np.savez("theirs.npz", seed_0=y[0], seed_1=y[1], seed_2=y[2], seed_7=y[3])
    blocks = imported(lab, path=Path("theirs.npz"), order="stored")
    assert [STORE.folder(block).name for block in blocks] == ["0-2", "7-7"]
    runs = read_runs(STORE.folder(blocks[0]))
    np.testing.assert_array_equal([run.y_pred for run in runs], y[:3])


def test_imported_runs_replace_those_that_say_that_nothing_was_imported(lab):
    reason = "nothing was imported"
    placeholders = [
        lab.run(s, method="theirs", status="not_applicable", reason=reason) for s in range(3)
    ]
    block = lab.write(placeholders)
    (STORE.folder(block) / "fit.log").write_text("")
    imported(lab, seed=1)
    assert [stored.seeds for stored in lab.blocks()] == [(1,)]
    assert not STORE.folder(block).exists()


def test_a_second_import_changes_nothing_and_is_refused_if_it_differs(lab):
    (block,) = imported(lab)
    _, records = STORE.files(block)
    before = records.read_bytes()
    assert imported(lab) == []
    other = "".join(f"{i},{i % 2}\n" for i in range(lab.n_samples))
    with pytest.raises(InputError, match="seed 0 was imported before with other assignments"):
        imported(lab, "sample,cluster\n" + other)
    assert records.read_bytes() == before
    assert len(stored_files()) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "majority"}, r"majority: is trained here \(uses: majority\); .* of their own"),
        ({"method": "thiers"}, "unknown method 'thiers'; did you mean 'theirs'"),
        ({"dataset": "toy-3veiw"}, "unknown data set 'toy-3veiw'; did you mean 'toy-3view'"),
        (
            {"dataset": "toy-mixed"},
            r"toy-mixed/views\.safetensors: not there; `snakemake prepared`",
        ),
        ({"text": "sample,cluster\n0,0\n"}, "expected a cluster for each of"),
    ],
)
def test_an_import_that_does_not_fit_is_refused_and_nothing_is_stored(lab, changes, message):
    with pytest.raises(InputError, match=message):
        imported(lab, **changes)
    assert stored_files() == []


def test_a_full_disk_leaves_no_half_of_an_import(lab, monkeypatch):
    save = np.savez_compressed

    def full(file, **arrays):
        if "seed_7" in arrays:
            assert len(lab.blocks()) == 1
            raise OSError(28, "No space left on device")
        save(file, **arrays)

    monkeypatch.setattr(np, "savez_compressed", full)
    rows = "".join(f"{i},0,{seed}\n" for seed in (0, 7) for i in range(lab.n_samples))
    with pytest.raises(OSError, match="No space left"):
        imported(lab, "sample,cluster,seed\n" + rows)
    assert stored_files() == []


def test_the_command_stores_and_the_workflow_would_score_it(lab, capsys):
    rows = "".join(f"{i},{i % 3}\n" for i in range(lab.n_samples))
    Path("theirs.csv").write_text("sample,cluster\n" + rows)
    call = ["import", "theirs.csv", "--method", "theirs", "--dataset", DATASET]
    assert main(call) == 0
    assert "results/runs/toy-3view/theirs/" in capsys.readouterr().out
    (block,) = lab.blocks()
    assert block in Jobs(lab.plan).all_blocks
    assert main(call) == 0
    assert capsys.readouterr().out == "nothing is new: the same assignments were imported before\n"
    assert main([*call, "--order", "source"]) == 2
    assert "--order is for an .npz" in capsys.readouterr().err
