"""The state of a training in a file, so that a stopped training can be resumed.

Methods that train for days save their state after each epoch. A copy of the last one is held in
memory. It is written every ten minutes (`MMBENCH_SAVE_MINUTES` sets another interval) and when the
process receives SIGTERM. The file holds tensors and plain values; reading it runs no code.
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
        InputError: the environment variable is not a number of minutes.
    """
    text = os.environ.get(_MINUTES, "10")
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not minutes >= 0:
        raise InputError(f"{_MINUTES}: expected a number of minutes from 0, got {text!r}")
    return 60 * minutes


class StateFile:
    """The state of one training.

    From the first call of `load` or `keep` until `close`, SIGTERM writes the last state and ends
    the process. In a training that calls neither, SIGTERM has its usual effect.

    The clock of the training starts now, and its state is written `every` so many seconds. The
    name of the file contains all that the bits depend on, so that only a matching state is resumed.
    """

    def __init__(self, path: Path, every: float) -> None:
        self.spent = 0.0  # seconds of training before this process, as stored with the state
        self._path = path
        self._every = every
        self._begins = self._written = time.monotonic()
        self._unwritten: dict[str, Any] | None = None

    def keep(self, content: Mapping[str, Any]) -> None:
        """Copy a state and the global random states, and write them if the interval has passed.

        If the file cannot be written, a message is printed and the training continues.

        Raises:
            TypeError: the state holds a value that cannot be stored.
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
        """Return the last state and restore the random states; None if there is no state."""
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
            reason = str(error).partition("\n")[0]
            print(f"{self._path}: expected a saved state, but {reason}; training from the start")
            return None
        return content

    def close(self) -> None:
        """Restore the usual effect of SIGTERM; the file is kept."""
        _on_sigterm(signal.SIG_DFL)
        self._unwritten = None

    def write(self) -> None:
        """Write the last state, unless it is written already."""
        if self._unwritten is None:
            return
        import torch

        try:
            with replacing(self._path) as temporary, temporary.open("wb") as file:
                torch.save(self._unwritten, file)
        except (OSError, RuntimeError) as error:  # torch raises the latter when the disk is full
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
    """Return a copy on the CPU of a value that may be stored."""
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
    states: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002 - used by code without a seed
    }
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _set_random_states(states: Mapping[str, Any]) -> None:
    import torch

    random.setstate(states["random"])
    generator = {**states["numpy"]["state"], "key": states["numpy"]["state"]["key"].numpy()}
    np.random.set_state({**states["numpy"], "state": generator})  # noqa: NPY002
    if "torch" in states:
        torch.set_rng_state(states["torch"])
    if "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])
