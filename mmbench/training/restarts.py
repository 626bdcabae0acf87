"""The choice of a training, and of a checkpoint within a training, by the loss.

Several trainings of one seed are restarts, of which the one with the lowest loss is kept. The
result of a training is its last epoch, or the checkpoint of lowest loss if that is requested. No
choice depends on a label. The cost is recorded: the seconds of a run are those of all its restarts
together.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mmbench.config import MAX_RESTARTS
from mmbench.runs import Record, Restart, Run
from mmbench.training.job import SOUND

_NO_LOSS = "logs no loss, without which no restart can be chosen"
_NO_CHECKPOINT = "logs no assignments with a loss, of which the lowest could be chosen"


def restart_seed(seed: int, restart: int) -> int:
    """Return the seed of a restart, `1000 seed + restart`, which is unique.

    The restarts of seed 0 have the seeds 0, 1, 2, … and equal the plain runs of these seeds;
    those of seed 1 start at 1000. Restarts are counted from 0, below 1000.
    """
    return MAX_RESTARTS * seed + restart


def train_restarts(
    started: Record, train: Callable[[Record], Run], on_restart: Callable[[list[Restart]], None]
) -> Run:
    """Return the run of one seed: of its `n_restarts` trainings the one with the lowest loss.

    The loss is that of the result of a training: the last one logged as `loss`, or that of its
    checkpoint of lowest loss where the record requests it. A training that diverged is kept only
    if all of them did. A training that crashes or runs out of memory ends the seed with its status,
    and one that logs no loss ends it as `not_applicable`. `on_restart` is called before each
    training with those that have ended, unless there is only one.
    """

    def trained(record: Record) -> Run:
        run = train(record)
        return at_lowest_loss(run) if record.checkpoint == "lowest_loss" else run

    if started.n_restarts == 1:
        return trained(started)
    ended: list[Restart] = []
    kept: Run | None = None
    lowest = math.inf
    spent: dict[str, float] = {}
    memory: dict[str, int] = {}
    for number in range(started.n_restarts):
        on_restart(ended)
        seed = restart_seed(started.seed, number)
        run = trained(replace(started, seed=seed, seconds={}))
        record = run.record
        spent = {part: spent.get(part, 0.0) + value for part, value in record.seconds.items()}
        memory = {where: max(memory.get(where, 0), peak) for where, peak in record.memory.items()}
        loss = _result_loss(record)
        ended.append({"seed": seed, "status": record.status, "loss": loss, "kept": False})
        if record.status == "ok" and loss is None:
            run = Run(replace(record, status="not_applicable", reason=_NO_LOSS))
        if run.record.status not in SOUND:
            kept = run
            break
        if kept is None or (loss is not None and loss < lowest):
            kept, lowest = run, math.inf if loss is None else loss
    assert kept is not None  # there is at least one restart
    is_ok = kept.record.status == "ok"
    for restart in ended:
        restart["kept"] = is_ok and restart["seed"] == kept.record.seed
    seconds = {**started.seconds, **{k: v for k, v in spent.items() if k != "total"}}
    seconds["total"] = sum(seconds.values())
    record = replace(kept.record, seed=started.seed, restarts=ended, seconds=seconds, memory=memory)
    return replace(kept, record=record)


def at_lowest_loss(run: Run) -> Run:
    """Return a run whose result is its checkpoint of lowest loss, the first of equal ones.

    The loss of a checkpoint is the one logged in its epoch: the mean over the steps of the epoch,
    which end with the checkpoint. It must be the same objective in all epochs. Embedding and
    assignments by view are those of the last epoch, and are left out with another checkpoint. A run
    without checkpoints that have a loss becomes `not_applicable`; one that did not end `ok` stays.
    """
    record = run.record
    if record.status != "ok":
        return run
    losses = dict(record.losses.get("loss", []))
    epochs = [] if run.epochs is None else run.epochs.tolist()
    chosen = min(
        (epoch for epoch in epochs if epoch in losses), key=losses.__getitem__, default=None
    )
    if chosen is None or run.history is None:
        return Run(replace(record, status="not_applicable", reason=_NO_CHECKPOINT))
    record = replace(record, checkpoint_epoch=chosen)
    if chosen == epochs[-1]:
        return replace(run, record=record)
    y_pred = run.history[epochs.index(chosen)].astype(np.int32)
    return Run(record, y_pred, run.history, run.epochs)


def _result_loss(record: Record) -> float | None:
    """Return the logged loss of the result of a training, None where there is none."""
    losses = record.losses.get("loss")
    if not losses or record.status != "ok":
        return None
    chosen = record.checkpoint_epoch
    return losses[-1][1] if chosen is None else dict(losses)[chosen]
