"""Several trainings of one seed, of which the one with the lowest loss is kept.

The choice depends only on the loss, never on a label. The cost is recorded: the seconds of a run
are those of all its restarts together.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from mmbench.config import MAX_RESTARTS
from mmbench.runs import Record, Restart, Run
from mmbench.training.job import SOUND

_NO_LOSS = "logs no loss, without which no restart can be chosen"


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

    The loss is the last one logged as `loss`. A training that diverged is kept only if all of
    them did. A training that crashes or runs out of memory ends the seed with its status, and one
    that logs no loss ends it as `not_applicable`. `on_restart` is called before each training
    with those that have ended, unless there is only one.
    """
    if started.n_restarts == 1:
        return train(started)
    ended: list[Restart] = []
    kept: Run | None = None
    lowest = math.inf
    spent: dict[str, float] = {}
    memory: dict[str, int] = {}
    for number in range(started.n_restarts):
        on_restart(ended)
        seed = restart_seed(started.seed, number)
        run = train(replace(started, seed=seed, seconds={}))
        record = run.record
        spent = {part: spent.get(part, 0.0) + value for part, value in record.seconds.items()}
        memory = {where: max(memory.get(where, 0), peak) for where, peak in record.memory.items()}
        losses = record.losses.get("loss")
        loss = losses[-1][1] if losses and record.status == "ok" else None
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
