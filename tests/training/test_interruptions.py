"""A block that is stopped goes on from its finished seeds, and leaves no process behind."""

import signal

import numpy as np
import pytest
from training_folder import is_alive, wait_for

from mmbench.training import reset_block

COUNTING = """
    with (folder / f"trained-{seed}").open("a") as file: file.write("x")
"""
# stops at seed 1 until it may go on
WAITING = (
    COUNTING
    + """
    while seed == 1 and not (folder / "go").exists():
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(0.02)
"""
)


def times_trained(cell):
    return {path.name[8:]: len(path.read_text()) for path in cell.folder.glob("trained-*")}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_block_that_is_stopped_goes_on_from_its_finished_seeds(cell, how, monkeypatch):
    monkeypatch.setenv("MMBENCH_SIMULATED_DEVICES", "1")
    job = cell.job(cell.method(WAITING), seeds=(0, 1, 2), gpus=1)
    process = cell.start(job)
    pid = wait_for(lambda: (cell.folder / "pid").exists() and (cell.folder / "pid").read_text())
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert how == signal.SIGKILL or "KeyboardInterrupt" in errors
    wait_for(lambda: not is_alive(pid), seconds=5)
    assert not (cell.folder / "block").exists()
    assert len(list(cell.finished_seeds.glob("0-*"))) == 1

    (cell.folder / "go").touch()
    told = cell.fit(job)  # which needs the device that the stopped job held
    assert [record.status for record in told] == ["ok"] * 3
    assert times_trained(cell) == {"0": 1, "1": 2, "2": 1}
    expected = [np.random.default_rng(seed).integers(3, size=180) for seed in (0, 1, 2)]
    np.testing.assert_array_equal([run.y_pred for run in cell.runs()], expected)
    assert list(cell.finished_seeds.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {"factor": 2}},
        {"fingerprint": "another"},
        {"precision": "bfloat16"},
        {"views": "another"},
    ],
)
def test_a_finished_seed_of_other_settings_sources_or_data_is_not_taken(
    cell, changes, three_view_blobs
):
    (cell.folder / "block").write_text("so that the outputs cannot be written")
    method = cell.method("log(0, loss=data.n_samples)")
    with pytest.raises(OSError, match="block"):
        cell.fit(cell.job(method))
    if "views" in changes:
        three_view_blobs[0].save(cell.views)
        changes = {}
    heard = []
    cell.fit(cell.job(method, **changes), block="other", on_event=heard.append)
    assert [event.kind for event in heard] == ["started", "epoch", "done"]
    assert list(cell.finished_seeds.iterdir()) == [], "the part of the old one is gone too"


def test_finished_seeds_are_taken_by_whatever_block_asks_for_them(cell):
    (cell.folder / "block").write_text("so that the outputs cannot be written")
    method = cell.method(COUNTING)
    with pytest.raises(OSError, match="block"):
        cell.fit(cell.job(method, seeds=(0, 1, 2)))
    cell.fit(cell.job(method, seeds=(2, 3)), block="2-3")
    assert times_trained(cell) == {"0": 1, "1": 1, "2": 1, "3": 1}
    assert {path.name[0] for path in cell.finished_seeds.iterdir()} == {"0", "1"}


def test_a_part_cut_short_is_trained_again(cell):
    (cell.folder / "block").write_text("so that the outputs cannot be written")
    method = cell.method(COUNTING)
    with pytest.raises(OSError, match="block"):
        cell.fit(cell.job(method))
    (part,) = cell.finished_seeds.glob("0-*/assignments.npz")
    part.write_bytes(part.read_bytes()[:50])
    assert [r.status for r in cell.fit(cell.job(method), block="other")] == ["ok"]
    assert times_trained(cell) == {"0": 2}


def test_a_released_block_trains_only_the_seeds_that_failed(cell):
    method = cell.method(COUNTING + "    if seed == 1 and not (folder / 'go').exists(): 1 / 0")
    job = cell.job(method, seeds=(0, 1, 2))
    cell.fit(job)
    before = [run.y_pred for run in cell.runs()]
    reset_block(cell.block())
    assert list((cell.folder / "block").iterdir()) == []

    (cell.folder / "go").touch()
    assert [record.status for record in cell.fit(job)] == ["ok"] * 3
    assert times_trained(cell) == {"0": 1, "1": 2, "2": 1}
    np.testing.assert_array_equal(cell.runs()[2].y_pred, before[2])
