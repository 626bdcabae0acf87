"""The GPUs of this machine, and the lease of one, so that no two jobs train on the same slot.

`--resources gpu=N` only limits how many jobs run; it does not assign a GPU to a job. A job
therefore takes a kernel lock (flock) on a file for each device, in a directory of this machine
and user. The lock belongs to the open file, which the training process inherits, so it is
released as soon as both processes have ended, in whatever way.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Lease:
    """The devices, or slots of devices, that a job holds."""

    devices: tuple[str, ...] = ()  # names for CUDA_VISIBLE_DEVICES; empty means the CPU
    files: tuple[int, ...] = ()  # open lock files, which the process on the devices inherits
    waited: float = 0.0  # seconds until the lease was granted
    simulated: bool = False  # devices exist only in name, so that training uses the CPU

    @property
    def has_gpu(self) -> bool:
        """Whether there is a real device to train on."""
        return bool(self.devices) and not self.simulated


def available() -> list[str]:
    """Return the names of the devices that jobs can lease, such as "simulated:0"."""
    names, simulated = _present()
    return [f"simulated:{name}" if simulated else name for name in names]


def _present() -> tuple[list[str], bool]:
    """Return the devices a job may use, and whether they are simulated.

    MMBENCH_SIMULATED_DEVICES=N simulates N devices, for tests on any machine. Otherwise they are
    the NVIDIA devices of this machine by UUID, or those that a scheduler lists in
    CUDA_VISIBLE_DEVICES. A UUID is the same device for every job, while an index is not: where a
    scheduler confines its jobs, the device of each job has index 0.
    """
    simulated = int(os.environ.get("MMBENCH_SIMULATED_DEVICES") or 0)
    if simulated:
        return [str(i) for i in range(simulated)], True
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [uuid for gpu in _nvidia_devices() for uuid in gpu[1:] or gpu], False
    tokens = [token.strip() for token in named.split(",") if token.strip()]
    if "-1" in tokens:  # CUDA ignores -1 and everything after it
        tokens = tokens[: tokens.index("-1")]
    if not any(token.isdecimal() for token in tokens):
        return tokens, False
    found = _nvidia_devices()
    return [
        found[int(token)][0] if token.isdecimal() and int(token) < len(found) else token
        for token in tokens
    ], False


@contextmanager
def leased(gpus: int, slots_per_gpu: int = 1) -> Iterator[Lease]:
    """Hold the requested number of GPUs, or all if there are fewer; wait until they are free.

    With `gpus=0`, or without a GPU, the lease is of the CPU. `slots_per_gpu` jobs may share a
    device.
    """
    names, simulated = _present()
    wanted = min(gpus, len(names))
    if wanted < 1:
        yield Lease()
        return
    begin = time.monotonic()
    # the folder of the lock files belongs to the machine, not to the project
    default = Path(tempfile.gettempdir()) / f"mmbench-locks-{os.getuid()}"
    folder = Path(os.environ.get("MMBENCH_LOCKS") or default)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        # Jobs queue, so that a job that needs two devices is not starved by those that need one.
        queue = hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:16]
        with ExitStack() as first_in_line:
            _lock(folder / f"queue-{queue}", fcntl.LOCK_EX, first_in_line, wait=True)
            while not (taken := _take(folder, names, wanted, slots_per_gpu, held)):
                time.sleep(_POLL_SECONDS)
        devices, files = taken
        yield Lease(devices, files, time.monotonic() - begin, simulated)


def _take(
    folder: Path, names: Sequence[str], wanted: int, slots: int, held: ExitStack
) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Lock slots on that many devices or on none, so that jobs never wait for each other."""
    devices: list[str] = []
    files: list[int] = []
    with ExitStack() as attempt:
        # slot 0 of every device first, to spread jobs over devices
        for slot, name in product(range(slots), names):
            is_wanted = len(devices) < wanted and name not in devices
            if is_wanted and (locks := _try_slot(folder, name, slot, slots, attempt)):
                devices.append(name)
                files += locks
        if len(devices) < wanted:
            return None
        held.push(attempt.pop_all())
    return tuple(devices), tuple(files)


def _try_slot(folder: Path, name: str, slot: int, slots: int, held: ExitStack) -> list[int]:
    """Lock one slot: exclusively if there is one for each device, and otherwise as a share."""
    device = folder / f"gpu-{name.replace('/', '_')}"
    with ExitStack() as attempt:
        try:
            files = [_lock(device, fcntl.LOCK_EX if slots == 1 else fcntl.LOCK_SH, attempt)]
            if slots > 1:
                files.append(_lock(Path(f"{device}.{slot}"), fcntl.LOCK_EX, attempt))
        except BlockingIOError:
            return []
        held.push(attempt.pop_all())
    return files


def _lock(path: Path, kind: int, held: ExitStack, *, wait: bool = False) -> int:
    """Return the open file of a lock that is released when `held` closes it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, file)
    fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    return file


def _nvidia_devices() -> list[list[str]]:
    """Return for each NVIDIA GPU its UUID and those of its MIG instances, in PCI order."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "-L"]
        listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    else:
        information = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        listing = "\n".join(path.read_text(encoding="utf-8") for path in information)
    gpus: list[list[str]] = []
    for uuid in re.findall(r"\b(?:GPU|MIG)-[0-9A-Za-z/-]+", listing):
        if uuid.startswith("GPU-"):
            gpus.append([uuid])
        else:
            gpus[-1].append(uuid)
    return gpus
