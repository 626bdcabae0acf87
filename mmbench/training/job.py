"""What to train, and what is heard while it trains."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt

from mmbench.config import Restarts
from mmbench.literals import Precision, Status
from mmbench.runs import Record

# after these a process is as good as before, and may go on with the next seed
SOUND: tuple[Status, ...] = ("ok", "diverged")
# after these a later call may go on from the state that the training saved last
CUT_SHORT: tuple[Status, ...] = ("timed_out", "out_of_memory", "crashed")


@dataclass(frozen=True)
class Job:
    """One data set, one method, a block of seeds.

    Attributes:
        method: the name of the entry, for the record.
        uses: the module or file of the method, as `mmbench.methods.build` takes it.
        params: the hyperparameters; give every one, defaults included, so that finished seeds
            are recognised after a default has changed.
        precision: bfloat16 wraps methods that import torch in autocast; others ignore it.
        fingerprint: of the method's source.
        views: the `views.safetensors` to cluster.
        seeds: to train one after the other, each once.
        threads: the method may use.
        gpus: how many it wants; where there are none it trains on the CPU.
        timeout_minutes: for each seed, the start of its process included, and all restarts
            together. What a training that goes on had taken until it saved its state counts.
        slots_per_gpu: how many such jobs may share a GPU.
        restarts: trainings of each seed, of which the one with the lowest loss is kept.
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


@dataclass(frozen=True)
class Event:
    """Something that happened in a job, for a progress bar.

    Attributes:
        kind: a seed was started, logged an epoch, or is done (an earlier call may have done it).
        seed: which one.
        epoch: at "epoch", counted from 0.
        loss: at "epoch", if the method gave one.
        record: at "done".
    """

    kind: Literal["started", "epoch", "done"]
    seed: int
    epoch: int | None = None
    loss: float | None = None
    record: Record | None = None
