"""The two programs behind snapshots, called as people call them: Snakemake and DVC."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from hashlib import file_digest, md5
from pathlib import Path
from typing import Any

from mmbench.checks import read_yaml
from mmbench.errors import InputError
from mmbench.files import read_json

LOCK = Path("dvc.lock")
_PROJECT = Path(".dvc")
_STANDARD_ERROR = 2

# a line of Snakemake's table of jobs, such as "fit     3"
_JOBS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)
_NO_JOBS = ("all", "total")


def planned_jobs(config: Path) -> dict[str, int]:
    """Return how many jobs of each rule Snakemake would run now; empty if nothing is to do.

    Raises:
        InputError: Snakemake refuses the config; what it said is on stderr.
    """
    told = _snakemake("--dry-run", "--quiet", "rules", "--configfile", str(config))
    return {rule: int(n) for rule, n in sorted(_JOBS.findall(told)) if rule not in _NO_JOBS}


def touch(config: Path, targets: list[str]) -> None:
    """Let Snakemake record that everything below some targets is up to date, as it is.

    Whatever is to be made again must be missing: `--touch` makes nothing, but it records the
    parameters of today for every file that is there.

    Raises:
        InputError: Snakemake refuses; what it said is on stderr.
    """
    _snakemake(
        "--touch", "--forceall", "--cores", "1", *targets, "--configfile", str(config), "--quiet"
    )


def _snakemake(*arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise InputError(f"snakemake {arguments[0]}: ended with status {done.returncode}")
    return done.stdout + done.stderr


def dvc(*arguments: str) -> None:
    """Run a command of DVC; it draws its own progress bars.

    Raises:
        InputError: this is no project of DVC, or the command failed; what it said is on stderr.
    """
    if not _PROJECT.is_dir():
        raise InputError(f"{_PROJECT}: expected the folder of a DVC project, found none")
    # "-m dvc": the DVC of this environment, whatever the PATH is. What it tells is for people:
    # our own standard output may be JSON
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, stdout=_STANDARD_ERROR, check=False)
    if done.returncode != 0:
        raise InputError(f"dvc {arguments[0]}: ended with status {done.returncode}")


def pull(stages: Iterable[str], *, remote: str | None, force: bool) -> None:
    """Bring what `dvc.lock` records of some stages.

    Raises:
        InputError: DVC cannot; where no remote is named, which need not be why, the message
            says so beside the reason that DVC has given.
    """
    options = [*(["--remote", remote] if remote else []), *(["--force"] if force else [])]
    try:
        dvc("pull", *options, *stages)
    except InputError as error:
        if remote or not _PROJECT.is_dir() or _data_setting("core", "remote"):
            raise
        advice = "dvc remote add --default NAME ADDRESS"
        raise InputError(
            f"{error} for the reason above; no remote is named to pull from: {advice}"
        ) from None


def declared_stages() -> list[str]:
    """Return the stages of `dvc.yaml`, each value of a matrix by itself, such as `results@core`."""
    stages = []
    for name, stage in read_yaml(Path("dvc.yaml")).get("stages", {}).items():
        matrix = stage.get("matrix")
        if matrix is None:
            stages.append(name)
        else:
            (values,) = matrix.values()
            stages += [f"{name}@{value}" for value in values]
    return stages


def recorded_stages() -> dict[str, Any]:
    """Return what `dvc.lock` holds of each stage.

    Raises:
        InputError: nothing has been recorded, or the file is damaged.
    """
    if not LOCK.is_file():
        raise InputError(f"{LOCK}: expected what `mmbench snapshot` records, found none")
    stages = read_yaml(LOCK).get("stages")
    if not isinstance(stages, dict):
        raise InputError(f"{LOCK}: expected a key 'stages', found none")
    return stages


def check_restored() -> int:
    """Read every file that `dvc.lock` speaks of, and return how many there are.

    DVC trusts what a remote gave it; here each file is held against its checksum.

    Raises:
        InputError: a file is missing or is not what was recorded.
    """
    cache = Path(_cache_folder())
    n_files = 0
    for stage in recorded_stages().values():
        for out in stage.get("outs", []):
            for path, expected in _recorded_files(Path(out["path"]), out["md5"], cache):
                if not path.is_file():
                    raise InputError(f"{path}: expected the file that {LOCK} records, found none")
                found = _md5(path)
                if found != expected:
                    raise InputError(
                        f"{path}: expected the md5 {expected} that {LOCK} records, got {found};"
                        " the copy in the remote or in the cache is damaged"
                    )
                n_files += 1
    return n_files


def cache_advice() -> str:
    """Return how DVC puts files of its cache into the working tree, with a warning if need be.

    The settings of the machine and of the person count beside those of the project. A link
    shares its bytes with the cache, so that whoever rewrites a linked file in place damages
    every snapshot that has it.

    Raises:
        InputError: a setting of DVC is wrong.
    """
    if not _PROJECT.is_dir():
        return "not a DVC project"
    kinds = _data_setting("cache", "type") or ["reflink", "copy"]
    told = ", ".join(kinds)
    if {"hardlink", "symlink"} & set(kinds):
        return (
            f"WARNING: {told}: a program that rewrites a linked file damages the cache;"
            " set: dvc config cache.type reflink,copy"
        )
    return told


def _data_setting(section: str, key: str) -> Any:
    """Return what the settings of the machine, the person and the project say, or None.

    Raises:
        InputError: a setting of DVC is wrong.
    """
    from dvc.config import Config, ConfigError

    try:
        return Config(str(_PROJECT)).get(section, {}).get(key)
    except ConfigError as error:
        raise InputError(f"{_PROJECT / 'config'}: {error}") from None


def _recorded_files(path: Path, checksum: str, cache: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file of an output with its md5; that of a folder is of a list of its files."""
    if not checksum.endswith(".dir"):
        yield path, checksum
        return
    listing = cache / "files" / "md5" / checksum[:2] / checksum[2:]
    if not listing.is_file() or _md5(listing) != checksum.removesuffix(".dir"):
        raise InputError(f"{listing}: expected the list of the files of {path}, which {LOCK} names")
    for entry in read_json(listing):
        yield path / entry["relpath"], entry["md5"]


def _cache_folder() -> str:
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, lambda: md5(usedforsecurity=False)).hexdigest()
