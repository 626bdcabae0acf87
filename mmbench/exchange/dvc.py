"""Calls of DVC, and `dvc.lock`, its record of every file of data, runs and scores.

`dvc.lock` has the md5 of each recorded folder, which is the md5 of a list of the files in the
folder with their md5s. These lists are in DVC's cache.
"""

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
_STDERR = 2


def call_dvc(*arguments: str) -> None:
    """Run a command of DVC, which shows its own progress bars.

    Raises:
        InputError: this is not a DVC project, or the command failed; its output is on stderr.
    """
    if not _PROJECT.is_dir():
        raise InputError(f"{_PROJECT}: expected the folder of a DVC project, found none")
    # "-m dvc" is the DVC of this environment, whatever the PATH is. Its output goes to stderr,
    # since ours may be JSON.
    command = [sys.executable, "-m", "dvc", *arguments]
    status = subprocess.run(command, stdout=_STDERR, check=False).returncode
    if status != 0:
        raise InputError(f"dvc {arguments[0]}: ended with status {status}")


def pull(stages: Iterable[str], *, remote: str | None, force: bool) -> None:
    """Bring the files that `dvc.lock` records of some stages, such as `results@default`.

    They are brought to the cache first, and enter the working tree only if each has its checksum
    and a path inside its folder: a remote is not trusted. `remote` is
    the name of a DVC remote; None stands for the default one. With `force`, files that DVC has no
    copy of may be removed.

    Raises:
        InputError: DVC failed; its output is on stderr. Or a file in the cache is damaged, or its
            path leaves its folder.
    """
    stages = list(stages)
    try:
        call_dvc("fetch", *(["--remote", remote] if remote else []), *stages)
        for path, checksum, copy in _recorded_files():
            found = _md5(copy) if copy.is_file() else "none"
            if found != checksum:
                fault = f"expected the md5 {checksum} of its copy, got {found}"
                raise InputError(f"{path}: not as {LOCK} records it: {fault}")
    except InputError as error:
        if remote or not _PROJECT.is_dir() or _setting("core", "remote"):
            raise
        # files may be in the cache without a remote, so this need not be the reason
        advice = "dvc remote add --default NAME ADDRESS"
        raise InputError(f"{error}; no remote is named to fetch from: {advice}") from None
    call_dvc("checkout", *(["--force"] if force else []), *stages)


def declared_stages() -> list[str]:
    """Return the stages of `dvc.yaml`, each value of a matrix by itself, such as `results@core`."""
    stages = []
    for name, stage in read_yaml(Path("dvc.yaml")).get("stages", {}).items():
        values = [value for values in stage.get("matrix", {}).values() for value in values]
        stages += [f"{name}@{value}" for value in values] or [name]
    return stages


def recorded_stages() -> dict[str, Any]:
    """Return the content of `dvc.lock` by stage.

    Raises:
        InputError: nothing has been recorded, or the file is damaged.
    """
    if not LOCK.is_file():
        raise InputError(f"{LOCK}: expected the record of `mmbench snapshot`, found none")
    stages = read_yaml(LOCK).get("stages")
    if not isinstance(stages, dict):
        raise InputError(f"{LOCK}: expected a key 'stages', found none")
    return stages


def compare_files() -> tuple[int, dict[str, str]]:
    """Return the number of files that `dvc.lock` records, and by path how some of them differ.

    Every file is read, since DVC itself trusts the files that a remote gives, and files whose size
    and times are unchanged.

    Raises:
        InputError: nothing has been recorded, or the cache lacks the list of a folder's files.
    """
    n_files = 0
    faults = {}
    for path, expected, _ in _recorded_files():
        n_files += 1
        if not path.is_file():
            faults[str(path)] = "missing"
        elif (found := _md5(path)) != expected:
            faults[str(path)] = f"changed: expected the md5 {expected}, got {found}"
    return n_files, faults


def cache_advice() -> str:
    """Return how DVC puts files of its cache into the working tree, with a warning for links.

    A linked file shares its bytes with the cache, so that a program that rewrites it in place
    damages every snapshot that holds it.

    Raises:
        InputError: a DVC setting of the machine, the user or the project is wrong.
    """
    if not _PROJECT.is_dir():
        return "not a DVC project"
    kinds = _setting("cache", "type") or ["reflink", "copy"]
    if {"hardlink", "symlink"}.isdisjoint(kinds):
        return ", ".join(kinds)
    return (
        f"WARNING: {', '.join(kinds)}: a program that rewrites a linked file damages the cache;"
        " set: dvc config cache.type reflink,copy"
    )


def _setting(section: str, key: str) -> Any:
    from dvc.config import Config, ConfigError

    try:
        return Config(str(_PROJECT)).get(section, {}).get(key)
    except ConfigError as error:
        raise InputError(f"{_PROJECT / 'config'}: {error}") from None


def _recorded_files() -> Iterator[tuple[Path, str, Path]]:
    """Yield the path of each recorded file, its md5, and its copy in the cache."""
    stages = recorded_stages()
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    cache = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]

    def copy_of(checksum: str) -> Path:
        return Path(cache, "files", "md5", checksum[:2], checksum[2:])

    for path, checksum in ((Path(out["path"]), out["md5"]) for out in outs):
        _require_inside(path, "the project", LOCK)
        if not checksum.endswith(".dir"):
            yield path, checksum, copy_of(checksum)
            continue
        listing = copy_of(checksum)
        if not listing.is_file() or _md5(listing) != checksum.removesuffix(".dir"):
            raise InputError(
                f"{listing}: expected the list of files in {path}; `mmbench restore` brings it"
            )
        for entry in read_json(listing):
            _require_inside(file := Path(entry["relpath"]), str(path), listing)
            yield path / file, entry["md5"], copy_of(entry["md5"])


def _require_inside(path: Path, folder: str, where: Path) -> None:
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{where}: expected paths inside {folder}, got {path}")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, lambda: md5(usedforsecurity=False)).hexdigest()
