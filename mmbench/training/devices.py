"""Which GPUs there are, and the lease of one, so that no two jobs train on the same slot.

`--resources gpu=N` only counts jobs; it does not say which GPU is whose. So a job takes a
kernel lock (flock) on a file per device in a directory of this machine and user. The lock
belongs to the open file, which the child that trains inherits: it is free as soon as parent
and child are both gone, however they ended.
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
from pathlib import Path

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Lease:
    """Devices that are this job's alone, or its share of them.

    Attributes:
        devices: as CUDA_VISIBLE_DEVICES names them; empty means the CPU.
        files: the open lock files, to be inherited by whoever uses the devices.
        waited: seconds until it was granted.
        simulated: the devices exist in name alone; train on the CPU.
    """

    devices: tuple[str, ...] = ()
    files: tuple[int, ...] = ()
    waited: float = 0.0
    simulated: bool = False

    @property
    def has_gpu(self) -> bool:
        """Whether there is a real device to train on."""
        return bool(self.devices) and not self.simulated


def available() -> list[str]:
    """Return the names of the devices that jobs can lease; "simulated:0" of a made-up one."""
    names, simulated = _present()
    return [f"simulated:{name}" if simulated else name for name in names]


def _present() -> tuple[list[str], bool]:
    """Return the devices a job may use, and whether they are simulated.

    MMBENCH_SIMULATED_DEVICES=N makes N of them up, for tests on any machine. Otherwise they
    are the NVIDIA devices of this machine by UUID, or those of them that a scheduler named in
    CUDA_VISIBLE_DEVICES. A UUID means the same device to every job, which an index does not:
    where a scheduler confines its jobs, each of them calls its own device 0.
    """
    simulated = int(os.environ.get("MMBENCH_SIMULATED_DEVICES") or 0)
    if simulated:
        return [str(i) for i in range(simulated)], True
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [uuid for gpu in _nvidia_devices() for uuid in gpu[1:] or gpu], False
    tokens = [token.strip() for token in named.split(",") if token.strip()]
    if "-1" in tokens:  # CUDA sees only what stands before it
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
    """Hold as many GPUs as asked for, or as there are; wait until they are free.

    Args:
        gpus: how many, each another device. 0, or a machine without any, gives the CPU.
        slots_per_gpu: how many jobs may share a device. A job that shares with none waits
            until a device has no job at all.
    """
    names, simulated = _present()
    wanted = min(gpus, len(names))
    if wanted < 1:
        yield Lease()
        return
    begin = time.monotonic()
    folder = _lock_folder()
    with ExitStack() as held:
        # The jobs queue, and the first of them takes what comes free: a job that needs two
        # devices is not starved by those that need one.
        queue = hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:16]
        with ExitStack() as first_in_line:
            _lock(folder / f"queue-{queue}", fcntl.LOCK_EX, first_in_line)
            while not (taken := _take(folder, names, wanted, slots_per_gpu, held)):
                time.sleep(_POLL_SECONDS)
        devices, files = taken
        yield Lease(devices, files, time.monotonic() - begin, simulated)


def _take(
    folder: Path, names: Sequence[str], wanted: int, slots: int, held: ExitStack
) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Lock slots on that many devices, or none of them, so that jobs never wait in a circle."""
    devices: list[str] = []
    files: list[int] = []
    with ExitStack() as attempt:
        for slot in range(slots):  # slot 0 of every device first: spread, then share
            for name in names:
                if len(devices) < wanted and name not in devices:
                    locks = _try_slot(folder, name, slot, slots, attempt)
                    if locks:
                        devices.append(name)
                        files += locks
        if len(devices) < wanted:
            return None
        held.push(attempt.pop_all())
    return tuple(devices), tuple(files)


def _try_slot(folder: Path, name: str, slot: int, slots: int, held: ExitStack) -> list[int]:
    """Lock one slot; a job alone on its device holds that exclusively, one that shares, shared."""
    device = folder / f"gpu-{name.replace('/', '_')}"
    with ExitStack() as attempt:
        try:
            if slots == 1:
                files = [_lock(device, fcntl.LOCK_EX | fcntl.LOCK_NB, attempt)]
            else:
                files = [
                    _lock(device, fcntl.LOCK_SH | fcntl.LOCK_NB, attempt),
                    _lock(Path(f"{device}.{slot}"), fcntl.LOCK_EX | fcntl.LOCK_NB, attempt),
                ]
        except BlockingIOError:
            return []
        held.push(attempt.pop_all())
    return files


def _lock(path: Path, kind: int, held: ExitStack) -> int:
    """Return the open file of a lock, which is released when `held` closes it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, file)
    fcntl.flock(file, kind)
    return file


def _lock_folder() -> Path:
    """Return the directory of the lock files: of this machine, not of the project."""
    default = Path(tempfile.gettempdir()) / f"mmbench-locks-{os.getuid()}"
    folder = Path(os.environ.get("MMBENCH_LOCKS") or default)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _nvidia_devices() -> list[list[str]]:
    """Return for each NVIDIA GPU its UUID, then those of its MIG instances, in PCI order."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "-L"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    else:
        information = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        told = "\n".join(path.read_text(encoding="utf-8") for path in information)
    gpus: list[list[str]] = []
    for uuid in re.findall(r"\b(?:GPU|MIG)-[0-9A-Za-z/-]+", told):
        if uuid.startswith("GPU-"):
            gpus.append([uuid])
        else:
            gpus[-1].append(uuid)
    return gpus
