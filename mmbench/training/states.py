"""How far a training came, kept in a file so that it can go on after it was stopped.

Methods that train for days hand over their state after each epoch. A copy of the last one is
held in memory; it is written every ten minutes (`MMBENCH_SAVE_MINUTES` says otherwise), and when
the process is asked to stop by SIGTERM. The file holds tensors and plain values: reading it runs
no code.
"""

import math
import os
import pickle
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from mmbench.errors import InputError
from mmbench.files import replacing

_MINUTES = "MMBENCH_SAVE_MINUTES"
_PLAIN = (str, int, float, bool, type(None))


def seconds_between_writes() -> float:
    """Return how long to wait between two writes, in seconds.

    Raises:
        InputError: the environment says something that is no number of minutes.
    """
    told = os.environ.get(_MINUTES, "10")
    try:
        minutes = float(told)
    except ValueError:
        minutes = math.nan
    if not minutes >= 0:
        raise InputError(f"{_MINUTES}: expected a number of minutes from 0, got {told!r}")
    return 60 * minutes


class StateFile:
    """The state of one training.

    From the first call of `load` or `keep` until `close`, SIGTERM writes what was kept last and
    ends the process. A training that calls neither dies of SIGTERM as any process does.

    Attributes:
        spent: seconds of training before this process, which the state came with.
    """

    def __init__(self, path: Path, every: float) -> None:
        """Begin the clock of a training.

        Args:
            path: of the file. What it was trained with is in its name: a state is looked for
                only where it can be gone on with.
            every: seconds between two writes.
        """
        self.spent = 0.0
        self._path = path
        self._every = every
        self._begins = self._written = time.monotonic()
        self._unwritten: dict[str, Any] | None = None

    def keep(self, content: Mapping[str, Any]) -> None:
        """Copy a state and the global random states; write them if it is time.

        A file that cannot be written stops nothing: this is told, and the training goes on.

        Raises:
            TypeError: it holds what cannot be kept.
        """
        _on_sigterm(self._leave)
        self._unwritten = {
            "content": _copied(content, "state"),
            "random": _copied(_random_states(), "random"),
            "seconds": self.spent + time.monotonic() - self._begins,
        }
        if time.monotonic() - self._written >= self._every:
            self.write()

    def load(self) -> dict[str, Any] | None:
        """Return what was kept last, with the random states put back; None where nothing was."""
        _on_sigterm(self._leave)
        if not self._path.is_file():
            return None
        import torch

        try:
            found = torch.load(self._path, map_location="cpu", weights_only=True)
            content: dict[str, Any] = found["content"]
            self.spent = found["seconds"]
            _set_random_states(found["random"])
        except (OSError, EOFError, RuntimeError, LookupError, pickle.UnpicklingError) as error:
            told = str(error).partition("\n")[0]
            print(f"{self._path}: expected a saved state, but {told}; training from the start")
            return None
        return content

    def close(self) -> None:
        """Let SIGTERM end the process as before; the file stays."""
        _on_sigterm(signal.SIG_DFL)
        self._unwritten = None

    def write(self) -> None:
        """Write what was kept last, unless it is written already."""
        if self._unwritten is None:
            return
        import torch

        try:
            with replacing(self._path) as temporary, temporary.open("wb") as file:
                torch.save(self._unwritten, file)
        except (OSError, RuntimeError) as error:  # torch has one of its own for a full disk
            print(f"{self._path}: could not save the state of the training: {error}")
        else:
            self._unwritten = None
        self._written = time.monotonic()

    def _leave(self, _signal: int, _frame: FrameType | None) -> None:
        self.write()
        os._exit(128 + signal.SIGTERM)


def _on_sigterm(handler: Any) -> None:
    if signal.getsignal(signal.SIGTERM) != handler:
        signal.signal(signal.SIGTERM, handler)


def _copied(value: Any, where: str) -> Any:
    """Return a copy on the CPU that later epochs do not change, of what may be kept."""
    if hasattr(value, "detach"):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, np.ndarray):
        import torch

        return torch.tensor(value)
    if isinstance(value, Mapping):
        return {key: _copied(part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_copied(part, f"{where}[{place}]") for place, part in enumerate(value)]
        return tuple(parts) if isinstance(value, tuple) else parts
    if type(value) in _PLAIN:
        return value
    raise TypeError(
        f"save_state: {where}: expected tensors, arrays, numbers, text or None,"
        f" got {type(value).__name__}"
    )


def _random_states() -> dict[str, Any]:
    told: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002 - what draws without a seed
    }
    if (torch := sys.modules.get("torch")) is not None:
        told["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            told["cuda"] = torch.cuda.get_rng_state_all()
    return told


def _set_random_states(told: Mapping[str, Any]) -> None:
    import torch

    random.setstate(told["random"])
    words = {**told["numpy"]["state"], "key": told["numpy"]["state"]["key"].numpy()}
    np.random.set_state({**told["numpy"], "state": words})  # noqa: NPY002
    if "torch" in told:
        torch.set_rng_state(told["torch"])
    if "cuda" in told:
        torch.cuda.set_rng_state_all(told["cuda"])
