"""Of several trainings of a seed the one with the lowest loss is kept, and the record says so."""

import numpy as np
import pytest

from mmbench.checks import checked
from mmbench.errors import InputError
from mmbench.runs import Record, Run
from mmbench.training import Job, reset_block
from mmbench.training.restarts import restart_seed, train_restarts

# the third restart of every seed has the lowest loss, though not at first
PARABOLA = "log(0, loss=9.0); log(1, loss=float((seed % 1000 - 2) ** 2), y_pred=y_pred)"


def drawn(seed):
    return np.random.default_rng(seed).integers(3, size=180)


def test_no_two_seeds_share_the_seed_of_a_restart():
    seeds = [restart_seed(seed, restart) for seed in range(20) for restart in range(1000)]
    assert len(set(seeds)) == len(seeds)
    assert seeds[:3] == [0, 1, 2]


def test_the_training_with_the_lowest_last_loss_is_kept(cell):
    cell.fit(cell.job(cell.method(PARABOLA), seeds=(0, 1), restarts=5))
    for seed, run in enumerate(cell.runs()):
        assert run.record.seed == seed
        assert run.record.status == "ok"
        np.testing.assert_array_equal(run.y_pred, drawn(1000 * seed + 2))
        np.testing.assert_array_equal(run.history, [run.y_pred])
        assert run.record.losses == {"loss": [[0, 9.0], [1, 0.0]]}
        assert run.record.n_restarts == 5
        assert run.record.restarts == [
            {"seed": 1000 * seed + r, "status": "ok", "loss": (r - 2) ** 2, "kept": r == 2}
            for r in range(5)
        ]


def test_the_same_restart_is_kept_whether_a_seed_is_alone_or_in_a_block(cell):
    method = cell.method(
        "log(0, loss=np.random.rand()); return (np.random.rand(180) * 3).astype(int)"
    )
    cell.fit(cell.job(method, seeds=(0, 1), restarts=4))
    cell.fit(cell.job(method, seeds=(1,), restarts=4), block="again")
    first, second = cell.runs()
    (again,) = cell.runs("again")
    assert again.record.restarts == second.record.restarts != first.record.restarts
    np.testing.assert_array_equal(again.y_pred, second.y_pred)


# the loss of seed s is lowest at epoch 4 - s; nothing is logged at odd epochs but the loss
VALLEY = """
for epoch in range(7):
    log(epoch, loss=10.0 * seed + abs(epoch - 4 + seed))
    if epoch % 2 == 0:
        log(epoch, y_pred=(y_pred + epoch) % 3, embedding=np.ones((180, 1)))
return (y_pred + 6) % 3
"""


@pytest.mark.parametrize("restarts", [1, 3])
def test_the_checkpoint_of_lowest_loss_is_the_result_where_it_is_requested(cell, restarts):
    method = cell.method(VALLEY)
    cell.fit(cell.job(method, restarts=restarts, checkpoint="lowest_loss"))
    (run,) = cell.runs()
    assert (run.record.checkpoint, run.record.checkpoint_epoch) == ("lowest_loss", 4)
    np.testing.assert_array_equal(run.y_pred, (drawn(0) + 4) % 3)
    # the last epoch is still stored, but not what belongs to it alone
    np.testing.assert_array_equal(run.epochs, [0, 2, 4, 6])
    np.testing.assert_array_equal(run.history[-1], (drawn(0) + 6) % 3)
    assert run.embedding is None
    # of seed 1 the loss at epoch 3 is lower still, but has no checkpoint
    expected = [0.0, 11.0, 20.0] if restarts == 3 else []
    assert [r["loss"] for r in run.record.restarts] == expected
    cell.fit(cell.job(method, restarts=restarts), block="last")
    (run,) = cell.runs("last")
    assert (run.record.checkpoint, run.record.checkpoint_epoch) == ("last", None)
    np.testing.assert_array_equal(run.y_pred, (drawn(0) + 6) % 3)


def test_the_last_epoch_keeps_all_its_arrays_if_its_loss_is_the_lowest(cell):
    body = """
        log(0, loss=2.0, y_pred=y_pred)
        log(1, loss=1.0, y_pred=y_pred, embedding=y_pred[:, None])
    """
    run = cell.try_out(body, checkpoint="lowest_loss")
    assert run.record.checkpoint_epoch == 1
    assert run.embedding.shape == (180, 1)


def test_of_checkpoints_with_equal_losses_the_first_is_kept(cell):
    run = cell.try_out("for e in (0, 1): log(e, loss=1.0, y_pred=y_pred)", checkpoint="lowest_loss")
    assert run.record.checkpoint_epoch == 0


@pytest.mark.parametrize("body", ["log(0, loss=1.0)", "log(0, y_pred=y_pred)"])
def test_a_method_without_checkpoints_that_have_a_loss_is_not_applicable(cell, body):
    run = cell.try_out(body, checkpoint="lowest_loss")
    assert run.record.status == "not_applicable"
    assert run.record.reason.startswith("logs no assignments with a loss")


def test_one_restart_is_the_plain_run(cell):
    method = cell.method(PARABOLA)
    cell.fit(cell.job(method, seeds=(7,), restarts=1))
    (run,) = cell.runs()
    np.testing.assert_array_equal(run.y_pred, drawn(7))
    assert run.record.restarts == []


def test_a_training_that_diverges_is_never_kept(cell):
    run = cell.try_out(
        "log(0, loss=-1e9); log(1, loss=float('nan') if seed < 2 else float(seed))", restarts=4
    )
    assert run.record.status == "ok"
    np.testing.assert_array_equal(run.y_pred, drawn(2))
    assert [(r["status"], r["loss"]) for r in run.record.restarts] == [
        ("diverged", None),
        ("diverged", None),
        ("ok", 2.0),
        ("ok", 3.0),
    ]


def test_a_seed_whose_trainings_all_diverge_has_diverged(cell):
    run = cell.try_out("log(4, loss=float('inf'))", restarts=2)
    assert (run.record.status, run.record.reason) == ("diverged", "the loss is inf at epoch 4")
    assert [r["kept"] for r in run.record.restarts] == [False, False]
    assert run.y_pred is None


def test_a_restart_that_crashes_makes_the_seed_crash_and_no_other(cell):
    method = cell.method("log(0, loss=1.0)\nif seed == 1: raise ValueError('boom')")
    first, second = cell.fit(cell.job(method, seeds=(0, 1), restarts=3))
    assert (first.status, first.reason) == ("crashed", "ValueError: boom")
    assert [r["status"] for r in first.restarts] == ["ok", "crashed"]
    assert "ValueError: boom" in first.log_tail
    assert second.status == "ok"


def test_a_process_that_dies_leaves_word_of_the_restarts_before(cell):
    run = cell.try_out("log(0, loss=1.0 + seed)\nif seed == 2: os.abort()", restarts=4)
    assert run.record.status == "crashed"
    assert [r["loss"] for r in run.record.restarts] == [1.0, 2.0]
    assert run.record.losses == {"loss": [[0, 3.0]]}, "of the restart at work alone"


def test_a_method_without_a_loss_cannot_have_restarts(cell):
    method = cell.method("(folder / f'ran-{seed}').touch(); log(0, gap=1.0)")
    told = cell.fit(cell.job(method, seeds=(0, 1), restarts=3))
    assert [record.status for record in told] == ["not_applicable"] * 2
    assert told[0].reason == "logs no loss, without which no restart can be chosen"
    assert [path.name for path in cell.folder.glob("ran-*")] == ["ran-0"]


@pytest.mark.slow
def test_the_time_is_allowed_to_all_restarts_together(cell):
    method = cell.method("log(0, loss=1.0); time.sleep(2.5 if seed < 1000 else 0.1)")
    told = cell.fit(cell.job(method, seeds=(0, 1), restarts=4, timeout_minutes=6 / 60))
    assert [record.status for record in told] == ["timed_out", "ok"]


def test_seconds_are_those_of_all_restarts_and_memory_is_the_most_of_any():
    def train(record):
        number = record.seed % 1000
        return Run(
            Record(
                seed=record.seed,
                status="ok",
                losses={"loss": [(0, float(number))]},
                seconds={"training": 2.0, "inference": 0.5, "total": 2.5},
                memory={"host": 100 + number, "device": 9 - number},
            )
        )

    started = Record(seed=3, status="ok", n_restarts=3, seconds={"waiting": 1.0, "setup": 0.25})
    record = train_restarts(started, train, lambda ended: None).record
    assert record.seconds == {
        "waiting": 1.0,
        "setup": 0.25,
        "training": 6.0,
        "inference": 1.5,
        "total": 8.75,
    }
    assert record.memory == {"host": 102, "device": 9}


def test_of_equal_losses_the_first_is_kept(cell):
    run = cell.try_out("log(0, loss=1.0)", restarts=3)
    assert [r["kept"] for r in run.record.restarts] == [True, False, False]


def test_a_finished_plain_seed_is_not_taken_for_one_with_restarts_but_its_own_is(cell):
    method = cell.method("with (folder / 'count').open('a') as f: f.write('x')\nlog(0, loss=1.0)")
    job = cell.job(method, restarts=2)
    cell.fit(cell.job(method))
    reset_block(cell.block())
    cell.fit(job)
    assert len((cell.folder / "count").read_text()) == 3
    reset_block(cell.block())
    (record,) = cell.fit(job)
    assert len((cell.folder / "count").read_text()) == 3
    assert len(record.restarts) == 2


@pytest.mark.parametrize("restarts", [0, 1001])
def test_a_number_of_restarts_that_makes_no_sense_is_refused(cell, restarts):
    told = vars(cell.job(cell.method(""))) | {"restarts": restarts}
    with pytest.raises(InputError, match=f"fit: restarts: expected .*got {restarts}"):
        checked(Job, told, where="fit")
