"""Several trainings of one seed, of which the one with the lowest loss is kept.

Which restart is kept depends on the loss alone, never on a label, so a method may do it to any
data. What it costs is told: seconds are those of all restarts together.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from mmbench.config import MAX_RESTARTS
from mmbench.runs import Record, Restart, Run
from mmbench.training.job import SOUND

_NO_LOSS = "logs no loss, without which no restart can be chosen"


def restart_seed(seed: int, restart: int) -> int:
    """Return the seed of a restart, `1000 seed + restart`, which no other seed's restart has.

    The restarts of seed 0 have seeds 0, 1, 2, … and so are the plain runs of these seeds; those
    of seed 1 begin at 1000.

    Args:
        seed: of the run.
        restart: counted from 0, below 1000.
    """
    return MAX_RESTARTS * seed + restart


def train_restarts(
    started: Record, train: Callable[[Record], Run], tell: Callable[[list[Restart]], None]
) -> Run:
    """Return the run of one seed: of its `n_restarts` trainings the one with the lowest loss.

    The loss is the last that the method logged as `loss`. A training that diverged is never
    kept, unless all did. One that crashes or runs out of memory ends the seed with its status;
    one that logs no loss ends it as `not_applicable`.

    Args:
        started: the record of the seed, as it stands before training.
        train: trains one seed, given its record.
        tell: told of the restarts that have ended, before each that follows.
    """
    ended: list[Restart] = []
    kept: Run | None = None
    lowest = math.inf
    spent: dict[str, float] = {}
    memory: dict[str, int] = {}
    for number in range(started.n_restarts):
        tell(ended)
        seed = restart_seed(started.seed, number)
        run = train(replace(started, seed=seed, seconds={}))
        record = run.record
        spent = {part: spent.get(part, 0.0) + value for part, value in record.seconds.items()}
        memory = {where: max(memory.get(where, 0), peak) for where, peak in record.memory.items()}
        loss = _last_loss(record)
        ended.append({"seed": seed, "status": record.status, "loss": loss, "kept": False})
        if record.status == "ok" and loss is None:
            run = Run(replace(record, status="not_applicable", reason=_NO_LOSS))
        if run.record.status not in SOUND:
            kept = run
            break
        if kept is None or (loss is not None and loss < lowest):
            kept = run
            lowest = math.inf if loss is None else loss
    assert kept is not None  # there is at least one restart
    told: list[Restart] = [
        {**one, "kept": one["seed"] == kept.record.seed and kept.record.status == "ok"}
        for one in ended
    ]
    seconds = {**started.seconds, **{k: v for k, v in spent.items() if k != "total"}}
    seconds["total"] = sum(seconds.values())
    record = replace(kept.record, seed=started.seed, restarts=told, seconds=seconds, memory=memory)
    return replace(kept, record=record)


def _last_loss(record: Record) -> float | None:
    """Return the last loss of a training, or None where it has none to be kept for."""
    losses = record.losses.get("loss")
    return losses[-1][1] if losses and record.status == "ok" else None
