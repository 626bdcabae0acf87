"""Calls of Snakemake: what it would run, and what it is to regard as up to date."""

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmbench.errors import InputError
from mmbench.runs import RunStore, SeedBlock

# a line of Snakemake's table of jobs, such as "fit     3"
_JOBS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)
_NO_JOBS = ("all", "total")


def planned_jobs(config: Path) -> dict[str, int]:
    """Return by rule the number of jobs that Snakemake would run now.

    Raises:
        InputError: Snakemake refuses the config; its output is on stderr.
    """
    output = _checked_call(config, "--dry-run", "--quiet", "rules")
    return {rule: int(n) for rule, n in sorted(_JOBS.findall(output)) if rule not in _NO_JOBS}


def format_jobs(jobs: dict[str, int]) -> str:
    """Return numbers of jobs in words: `fit (3), score (1)`."""
    return ", ".join(f"{rule} ({n})" for rule, n in jobs.items())


def touch(config: Path, targets: Iterable[str]) -> None:
    """Mark everything that some targets depend on as up to date.

    `--touch` records today's parameters for every file that exists, so files that are to be made
    again must be removed first.

    Raises:
        InputError: Snakemake refuses; its output is on stderr.
    """
    _checked_call(config, "--touch", "--forceall", "--quiet", "--", *targets)


def mark_current(blocks: Sequence[SeedBlock], *, config: Path) -> str:
    """Mark stored blocks as if Snakemake had trained them just now.

    Snakemake then trains them again when their method is edited. Files that it has no record of
    are never made again. The text returned is in one line the reason why Snakemake failed, or
    empty.
    """
    files = [str(RunStore().files(block)[0]) for block in blocks]  # one output stands for its job
    # without --allowed-rules, `prepare` jobs that are still to run would count as done
    return _attempt(config, "--touch", "--force", "--allowed-rules", "fit", "--", files=files)


def forget(blocks: Sequence[SeedBlock], *, config: Path) -> str:
    """Remove Snakemake's records of blocks, so that they are never trained; see `mark_current`."""
    files = [str(path) for block in blocks for path in RunStore().files(block)]
    reason = _attempt(config, "--cleanup-metadata", files=files)
    return "" if "metadata was not present" in reason else reason


def _attempt(config: Path, *arguments: str, files: Sequence[str]) -> str:
    if not files or not Path("Snakefile").is_file():
        return ""
    done = _call(config, [*arguments, *files])
    return "" if done.returncode == 0 else " ".join(done.stderr.split())[:500]


def _checked_call(config: Path, *arguments: str) -> str:
    done = _call(config, arguments)
    output = done.stdout + done.stderr
    if done.returncode != 0:
        print(output, file=sys.stderr)
        raise InputError(f"snakemake {arguments[0]}: ended with status {done.returncode}")
    return output


def _call(config: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--configfile", str(config), "--cores", "1"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
