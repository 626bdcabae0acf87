"""What to train, and the events of a training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt

from mmbench.config import Restarts
from mmbench.literals import Checkpoint, Precision, Status
from mmbench.runs import Record

# after these statuses the process can train the next seed
SOUND: tuple[Status, ...] = ("ok", "diverged")
# after these statuses a later call may resume from the last saved state
CUT_SHORT: tuple[Status, ...] = ("timed_out", "out_of_memory", "crashed")


@dataclass(frozen=True)
class Job:
    """One data set, one method, a block of seeds.

    Attributes:
        method: the name of the catalogue entry.
        uses: the module or file of the method, see `mmbench.methods.build`.
        params: all hyperparameters, defaults included, so that a changed default is noticed.
        precision: with bfloat16, methods that use torch run in autocast; others ignore it.
        views: the `views.safetensors` to cluster.
        gpus: how many the method uses; without a GPU it trains on the CPU.
        timeout_minutes: the limit for each seed, including the start of its process, all its
            restarts, and the time that a resumed training took before.
        restarts: trainings of each seed, of which the one with the lowest loss is kept.
        checkpoint: of a training that is its result, see `mmbench.training.restarts`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    method: str
    uses: str
    params: dict[str, Any]
    precision: Precision
    fingerprint: str
    views: Path
    seeds: tuple[int, ...]
    threads: PositiveInt
    gpus: NonNegativeInt
    timeout_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    slots_per_gpu: PositiveInt = 1
    restarts: Restarts = 1
    checkpoint: Checkpoint = "last"


@dataclass(frozen=True)
class Event:
    """An event of a job, for a progress bar.

    A seed was started, logged an epoch (counted from 0), or is done, perhaps in an earlier call.
    """

    kind: Literal["started", "epoch", "done"]
    seed: int
    epoch: int | None = None
    loss: float | None = None
    record: Record | None = None
