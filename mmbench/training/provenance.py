"""The provenance and the cost of a run, read from the machine; needs the /proc of Linux."""

import functools
import importlib.metadata
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

# distribution -> the module whose import shows that the method uses it
_LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "cca-zoo": "cca_zoo",
    "torch": "torch",
}


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_state() -> tuple[str | None, bool | None]:
    """Return the checked-out commit, and whether the checkout has no changes.

    Changes in `results/` and in `dvc.lock` do not count, since a benchmark makes them. Both are
    None outside a checkout and without git.
    """
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--"]
    command += [":/", ":(top,exclude)results", ":(top,exclude)dvc.lock"]
    try:
        status = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None, None
    lines = status.splitlines()
    heads = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    if heads in ([], ["(initial)"]):
        return None, None
    return heads[0], all(line.startswith("#") for line in lines)


def versions() -> dict[str, str]:
    """Return the versions of Python and of those libraries that are imported."""
    imported = {
        name: _version(name) for name, module in _LIBRARIES.items() if module in sys.modules
    }
    return {"python": platform.python_version(), **imported}


@functools.cache
def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def cpu_model() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def reset_peak_memory() -> None:
    """Count the peak memory of this process from now on, where the kernel allows it."""
    with suppress(OSError):  # then the peak is that of the whole process, which is never too small
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory(pid: int | str = "self") -> int | None:
    """Return the peak resident memory of a process in bytes; None where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if pid == "self":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return None
