"""`results/{benchmark}/manifest.json`: every file that the results of a benchmark consist of.

Beside the sha256 and the size of each file it says what the results were made from: the
config, the versions, the commit, the checksums of the data and the protocol. It says no time and
no name of a machine itself; records of runs, tables of cost and the page do, so that their
checksums differ between machines where those of equal scores do not.
"""

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmbench.errors import InputError
from mmbench.files import read_json, sha256, write_json
from mmbench.plan import Jobs, method_fingerprint
from mmbench.runs import FORMAT_VERSION
from mmbench.training import provenance
from mmbench.views_file import read_metadata

NAME = "manifest.json"


@dataclass(frozen=True)
class Fault:
    """A file that is not as a manifest says.

    Attributes:
        benchmark: whose manifest.
        file: its path from the project's root.
        fault: `missing`, `changed`, or `extra`: in the folder of the benchmark, but not listed.
    """

    benchmark: str
    file: str
    fault: Literal["missing", "changed", "extra"]


def write_manifest(jobs: Jobs, *, processed: Path) -> Path:
    """Write the manifest of a benchmark that has been run, and return its path.

    Args:
        jobs: of the benchmark.
        processed: the folder of prepared data sets.

    Raises:
        InputError: a run or the tables are missing; then nothing is written.
    """
    folder = Path("results", jobs.plan.benchmark.name)
    plan = jobs.plan
    files = [path for block in jobs.all_blocks for path in jobs.store.files(block)]
    for path in [*files, folder / "tables" / "leaderboard.csv"]:
        if not path.is_file():
            raise InputError(f"{path}: not there yet; run the benchmark before its manifest")
    commit, clean = provenance.git_state()
    listed = {path: _told(path) for path in sorted(map(str, [*files, *_results(folder)]))}
    value = {
        "benchmark": plan.benchmark.name,
        "format_version": FORMAT_VERSION,
        "mmbench": importlib.metadata.version("mmbench"),
        "git_commit": commit,
        "git_clean": clean,
        # the mirror changes no result, and is a folder of one machine
        "config": plan.benchmark.model_dump(mode="json", exclude={"mirror"}),
        "fingerprints": {
            name: method_fingerprint(name, plan.methods[name]) for name in plan.method_names
        },
        "data": {name: _checksum(processed / name) for name in plan.dataset_names},
        "versions": _versions(),
        "files": listed,
    }
    write_json(folder / NAME, value)
    return folder / NAME


def check_manifest(path: Path) -> list[Fault]:
    """Return the files that are not as a manifest says, in the order of their names.

    Raises:
        InputError: the manifest is missing or is none.
    """
    value = read_json(path)
    try:
        benchmark, files = str(value["benchmark"]), dict(value["files"])
        faults = [fault for name in files if (fault := _fault(benchmark, name, files[name]))]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: expected a manifest with the keys benchmark and files") from None
    here = {str(found) for found in _results(path.parent)}
    faults += [Fault(benchmark, name, "extra") for name in here - set(files)]
    return sorted(faults, key=lambda fault: fault.file)


def _fault(benchmark: str, name: str, told: dict[str, Any]) -> Fault | None:
    path = Path(name)
    if not path.is_file():
        return Fault(benchmark, name, "missing")
    # the size first: hashing takes time
    same = path.stat().st_size == told["bytes"] and sha256(path) == told["sha256"]
    return None if same else Fault(benchmark, name, "changed")


def _told(name: str) -> dict[str, Any]:
    path = Path(name)
    return {"sha256": sha256(path), "bytes": path.stat().st_size}


def _results(folder: Path) -> Iterator[Path]:
    """Yield every file in the folder of a benchmark but the manifest and hidden ones."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path != folder / NAME:
            yield path


def _checksum(folder: Path) -> str | None:
    """Return the checksum of a prepared data set; None where its data are unavailable."""
    checksum: str | None = read_metadata(folder / "views.safetensors").get("checksum")
    return checksum


def _versions() -> dict[str, str]:
    """Return the versions of Python and of what mmbench itself requires."""
    required = [r for r in importlib.metadata.requires("mmbench") or [] if "extra ==" not in r]
    names = sorted(re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in required)
    return {"python": platform.python_version()} | {n: importlib.metadata.version(n) for n in names}
