"""A training that is stopped goes on where it saved its state, as if it had not been."""

import os
import signal
from dataclasses import asdict

import numpy as np
import pytest
import torch
from training_folder import TrainingFolder, is_alive, wait_for

from mmbench.errors import InputError
from mmbench.methods import save_state, saved_state, silent
from mmbench.methods.cc import CC
from mmbench.methods.sacc import SACC
from mmbench.training import reset_block
from mmbench.training.log import RunLog
from mmbench.training.states import StateFile, seconds_between_writes

IMPORTS = "import random\nimport torch\nfrom mmbench.methods import save_state, saved_state\n"
# draws from every global source; `stop` happens after epoch 3 of the seed, once
WALK = """
x = torch.zeros(3)
first, saved = saved_state(log)
if saved: x, total = saved["x"], saved["total"]
for epoch in range(first, 8):
    x += torch.rand(3)
    total = float(x.sum()) + np.random.rand() + random.random()
    more = {{"embedding": np.full((180, 1), total), "view_assignments": {{"image": y_pred}}}}
    log(epoch, loss=total, y_pred=(y_pred + epoch) % 3, **more)
    save_state(log, epoch, {{"x": x, "total": total}})
    if epoch == 3 and seed == {seed} and not (folder / "go").exists():
        (folder / "go").touch()
        {stop}
return (y_pred + int(100 * total)) % 3
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"

SETTINGS = {"backbone": "narrow", "side": 25, "batch_size": 30, "jitter": 0.5, "weak_blur": False}
QUICK = SACC(**SETTINGS, epochs=8, strong="plain")
QUICK_CC = CC(**SETTINGS, epochs=8)


def states(cell):
    return sorted(cell.finished_seeds.glob("*.state"))


def walk(cell, stop, seed=0):
    return cell.method(WALK.format(stop=stop, seed=seed), imports=IMPORTS)


def trained(cell, job, block):
    """Return the epochs heard of in a call of `fit`, and the runs it wrote."""
    heard = []
    cell.fit(job, block=block, on_event=heard.append)
    return [e.epoch for e in heard if e.kind == "epoch"], cell.runs(block)


def assert_same(runs, others):
    for run, other in zip(runs, others, strict=True):
        assert run.record.status == other.record.status == "ok"
        assert run.record.losses == other.record.losses
        np.testing.assert_array_equal(run.y_pred, other.y_pred)
        np.testing.assert_array_equal(run.epochs, other.epochs)
        np.testing.assert_array_equal(run.history, other.history)
        assert (run.embedding is None) == (other.embedding is None)
        if run.embedding is not None:
            np.testing.assert_array_equal(run.embedding, other.embedding)
        assert run.view_assignments.keys() == other.view_assignments.keys()


# ------------------------------------------------------------------------- the shipped methods


def test_sacc_killed_in_the_middle_goes_on_bit_for_bit(tmp_path, image_blobs, monkeypatch):
    monkeypatch.setenv("MMBENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("MMBENCH_SAVE_MINUTES", "0")
    cell = TrainingFolder(tmp_path, tmp_path / "views.safetensors")
    image_blobs[0].save(cell.views)
    job = cell.job("sacc", params=asdict(QUICK), timeout_minutes=5.0)
    process = cell.start(job)
    wait_for(lambda: states(cell), seconds=120)
    process.kill()
    process.communicate(timeout=30)
    assert not (tmp_path / "block").exists()
    (state,) = states(cell)

    epochs, runs = trained(cell, job, "resumed")
    assert 0 < epochs[0] < 8, "some epochs are not trained again"
    assert not state.exists()
    whole, undisturbed = trained(cell, job, "undisturbed")
    assert whole == list(range(8))
    assert_same(runs, undisturbed)


class StoppedError(Exception):
    """What stops a training in this process."""


class StoppingLog(RunLog):
    """A log that raises after it has kept the state of an epoch."""

    stop_at = None

    def save(self, epoch, state):
        super().save(epoch, state)
        if epoch == self.stop_at:
            raise StoppedError


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(QUICK, id="sacc"),
        pytest.param(SACC(**SETTINGS, epochs=8, cluster_weight=0.0), id="sacc by k-means"),
        pytest.param(QUICK_CC, id="cc"),
    ],
)
def test_a_shipped_method_stopped_twice_goes_on_bit_for_bit(tmp_path, split_image_blobs, method):
    data, _ = split_image_blobs

    def log(stop_at, name="a"):
        told = StoppingLog(data, state=StateFile(tmp_path / f"{name}.state", 0))
        told.stop_at = stop_at
        return told

    for stop_at in (1, 4):
        with pytest.raises(StoppedError):
            method.fit_predict(data, seed=3, log=log(stop_at))
        torch.rand(5)
    resumed, undisturbed = log(None), log(None, name="b")
    y_resumed = method.fit_predict(data, seed=3, log=resumed)
    y_undisturbed = method.fit_predict(data, seed=3, log=undisturbed)
    np.testing.assert_array_equal(y_resumed, y_undisturbed)
    assert resumed.losses == undisturbed.losses
    assert [epoch for epoch, _ in resumed.losses["loss"]] == list(range(8))
    assert resumed.epochs == undisturbed.epochs
    np.testing.assert_array_equal(resumed.history, undisturbed.history)
    np.testing.assert_array_equal(resumed.embedding, undisturbed.embedding)


def test_without_a_workflow_nothing_is_kept():
    for log in (silent, lambda epoch, **figures: None):
        save_state(log, 0, {"x": 1})
        assert saved_state(log) == (0, {})


# ------------------------------------------------------------------------ ways to be cut short


@pytest.mark.parametrize(
    ("stop", "status"),
    [(DIE, "out_of_memory"), ("raise ValueError('a bus fell off')", "crashed")],
)
def test_a_seed_that_was_cut_short_goes_on_when_it_is_retried(cell, monkeypatch, stop, status):
    if stop == DIE:  # which leaves no time for anything
        monkeypatch.setenv("MMBENCH_SAVE_MINUTES", "0")
    job = cell.job(walk(cell, stop, seed=1), seeds=(0, 1))
    _, (_, cut_short) = trained(cell, job, "block")
    assert cut_short.record.status == status
    assert len(states(cell)) == 1
    reset_block(cell.block())

    epochs, runs = trained(cell, job, "block")
    assert epochs == [4, 5, 6, 7]
    assert list(cell.finished_seeds.iterdir()) == []
    assert_same(runs, trained(cell, job, "undisturbed")[1])


def test_a_block_that_is_asked_to_stop_saves_the_state_first(cell):
    stop = "os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    job = cell.job(walk(cell, stop))
    with pytest.raises(KeyboardInterrupt):
        cell.fit(job)
    assert len(states(cell)) == 1
    epochs, runs = trained(cell, job, "block")
    assert epochs == [4, 5, 6, 7]
    assert_same(runs, trained(cell, job, "undisturbed")[1])


@pytest.mark.slow
def test_a_seed_past_its_time_saves_its_state_and_goes_on_with_more_time(cell):
    method = walk(cell, "time.sleep(60)")
    first = cell.fit(cell.job(method, timeout_minutes=20 / 60))[0]
    assert first.status == "timed_out"
    more = cell.job(method, timeout_minutes=2.0)
    epochs, (run,) = trained(cell, more, "more")
    assert epochs == [4, 5, 6, 7]
    assert run.record.losses["loss"][:4] == [list(pair) for pair in first.losses["loss"]]


def test_a_method_that_is_asked_to_stop_and_does_not_is_killed(cell, monkeypatch):
    monkeypatch.setattr("mmbench.training.processes._GRACE", 0.5)
    job = cell.job(
        cell.method(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "(folder / 'pid').write_text(str(os.getpid()))\n"
            "os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
        )
    )
    with pytest.raises(KeyboardInterrupt):
        cell.fit(job)
    wait_for(lambda: not is_alive((cell.folder / "pid").read_text()), seconds=5)


# -------------------------------------------------------------------- what may be gone on with


@pytest.fixture
def interrupted(cell, monkeypatch):
    """Give a cell, a toy method, and the state that it left after epoch 3."""
    monkeypatch.setenv("MMBENCH_SAVE_MINUTES", "0")
    method = walk(cell, DIE)
    cell.fit(cell.job(method))
    (state,) = states(cell)
    return cell, method, state


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"params": {"factor": 2}}, id="params"),
        pytest.param({"fingerprint": "another"}, id="fingerprint"),
        pytest.param({"views": "another"}, id="views"),
    ],
)
def test_a_state_of_other_settings_sources_or_data_is_removed(
    interrupted, changes, three_view_blobs
):
    cell, method, state = interrupted
    if "params" in changes:
        changes = {"params": {"folder": str(cell.folder), "factor": 2}}
    if "views" in changes:
        three_view_blobs[0].save(cell.views)
        changes = {}
    epochs, _ = trained(cell, cell.job(method, **changes), "other")
    assert epochs[0] == 0
    assert not state.exists()


def test_a_state_that_another_number_of_threads_made_is_not_taken(interrupted):
    cell, method, _ = interrupted
    assert trained(cell, cell.job(method, threads=2), "other")[0][0] == 0


@pytest.mark.parametrize("damage", ["cut short", "code"])
def test_a_state_that_cannot_be_read_is_told_and_runs_no_code(interrupted, damage, capfd):
    cell, method, state = interrupted
    if damage == "code":
        torch.save({"content": Touching(cell.folder / "touched")}, state)
    else:
        state.write_bytes(state.read_bytes()[:400])
    assert trained(cell, cell.job(method), "other")[0][0] == 0
    assert not (cell.folder / "touched").exists()
    assert "expected a saved state, but" in capfd.readouterr().err


class Touching:
    """What would make a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_time_spent_before_the_stop_counts_towards_the_limit_and_the_record(interrupted):
    cell, method, state = interrupted
    told = torch.load(state, weights_only=True)
    assert 0 < told["seconds"] < 60
    told["seconds"] = 5000.0
    torch.save(told, state)
    _, (run,) = trained(cell, cell.job(method, timeout_minutes=60.0), "over")
    assert run.record.status == "timed_out"
    assert run.record.reason == "no result after 60 minutes, 83.3 of them before it was resumed"
    assert len(run.record.losses["loss"]) >= 4
    assert run.record.seconds["total"] > 5000
    _, (run,) = trained(cell, cell.job(method, timeout_minutes=90.0), "within")
    assert run.record.status == "ok"
    assert 5000 < run.record.seconds["training"] < 5060


def test_restarts_go_on_each_from_its_own_state(cell, monkeypatch):
    monkeypatch.setenv("MMBENCH_SAVE_MINUTES", "0")
    method = walk(cell, DIE, seed=1)  # the second of the restarts
    cell.fit(cell.job(method, restarts=3))
    assert len(states(cell)) == 2
    epochs, runs = trained(cell, cell.job(method, restarts=3), "resumed")
    assert epochs == [4, 5, 6, 7, *range(8)], "the first had ended"
    assert states(cell) == []
    _, undisturbed = trained(cell, cell.job(method, restarts=3), "undisturbed")
    assert_same(runs, undisturbed)
    assert runs[0].record.restarts == undisturbed[0].record.restarts


# ------------------------------------------------------------------------------------ the file


def test_a_state_is_a_copy_and_is_written_when_it_is_time(tmp_path):
    path = tmp_path / "a.state"
    x = torch.arange(3.0)
    with_time = StateFile(path, 3600)
    with_time.keep({"x": x})
    assert not path.exists()
    x += 1
    with_time.write()
    found = StateFile(path, 0).load()
    torch.testing.assert_close(found["x"], torch.arange(3.0))
    assert StateFile(tmp_path / "b.state", 0).load() is None


def test_all_global_random_states_are_put_back(tmp_path):
    import random

    def draw():
        return [random.random(), np.random.rand(), torch.rand(1).item()]  # noqa: NPY002

    state = StateFile(tmp_path / "a.state", 0)
    state.keep({})
    drawn = draw()
    assert draw() != drawn
    assert StateFile(tmp_path / "a.state", 0).load() == {}
    assert draw() == drawn
    state.close()


def test_arrays_numbers_text_and_nests_of_them_come_back(tmp_path):
    kept = {"a": [1, 2.5, None, True], "b": {"c": ("x", torch.ones(2)), 0: np.arange(3)}}
    state = StateFile(tmp_path / "a.state", 0)
    state.keep(kept)
    found = state.load()
    assert found["a"] == kept["a"]
    assert found["b"]["c"][0] == "x"
    torch.testing.assert_close(found["b"]["c"][1], torch.ones(2))
    torch.testing.assert_close(found["b"][0], torch.arange(3))
    state.close()


def test_what_cannot_be_kept_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"state\['b'\]\[1\]: expected tensors.*got Generator"):
        StateFile(tmp_path / "a.state", 0).keep({"b": [1, torch.Generator()]})


def test_a_state_that_cannot_be_written_is_told_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "file").touch()
    StateFile(tmp_path / "file" / "a.state", 0).keep({"x": 1})
    assert "could not save the state of the training" in capsys.readouterr().out


@pytest.mark.parametrize("told", ["-1", "soon", "nan"])
def test_a_time_between_two_writes_that_is_no_time_is_refused(monkeypatch, told):
    monkeypatch.setenv("MMBENCH_SAVE_MINUTES", told)
    with pytest.raises(InputError, match=f"MMBENCH_SAVE_MINUTES: expected .*got '{told}'"):
        seconds_between_writes()


@pytest.fixture(autouse=True)
def sigterm():
    """Let SIGTERM mean what it did before, after tests that keep states in this process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
