"""Brings the files of a data set to `data/raw/{dataset}/`.

The sources of an entry are tried in order. A file is looked for in the folder itself, then by
checksum in the mirror, then at its URLs. `status.json` records the result in any case.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from mmbench.config import DatasetEntry
from mmbench.config.sources import Algorithm, RawFile, Source
from mmbench.datasets.downloads import Downloader, DownloadError
from mmbench.datasets.status import (
    STATUS_FILE,
    Attempt,
    FetchedFile,
    FetchStatus,
    read_status,
    sources_digest,
)
from mmbench.errors import InputError
from mmbench.files import replacing, sha256, write_json


def fetch(entry: DatasetEntry, folder: Path, *, mirror: Path | None = None) -> FetchStatus:
    """Bring the raw files of an entry to `folder`; files that are there are not downloaded again.

    For a derived entry, these are the files of its root. Files of the folder `mirror` are
    recognised by checksum, whatever their names.

    Returns:
        The status, which is also in `folder/status.json`. It is `data_unavailable` where the
        files could not be had; that is not an error.

    Raises:
        InputError: the mirror is not a folder.
        OSError: the folder cannot be written to, as on a full disk.
    """
    if mirror is not None and not mirror.is_dir():
        raise InputError(f"mirror: expected a folder at {str(mirror)!r}, found none")
    folder.mkdir(parents=True, exist_ok=True)
    if entry.generator is not None:
        status = FetchStatus(entry.root, "ok", "generated")
    else:
        try:
            known = read_status(folder).files
        except InputError:  # there is none, or it is damaged
            known = {}
        with tempfile.TemporaryDirectory(prefix="mmbench-fetch-") as scratch:
            fetching = _Fetching(folder, mirror, Downloader(Path(scratch)), known)
            status = fetching.run(entry.root, entry.sources)
    status = replace(status, sources=sources_digest(entry))
    write_json(folder / STATUS_FILE, asdict(status))
    return status


@dataclass
class _Fetching:
    """One call of `fetch`; `known` are the files that the last one recorded."""

    folder: Path
    mirror: Path | None
    downloader: Downloader
    known: dict[str, FetchedFile]
    tried: list[Attempt] = field(default_factory=list)

    def run(self, name: str, sources: Sequence[Source]) -> FetchStatus:
        # a complete source in the folder, perhaps placed by hand, is preferred to a download
        for find in (self._in_folder, self._bring):
            for source in sources:
                files = {}
                for file, spec in source.files.items():
                    found = find(file, spec)
                    if found is None:
                        break
                    files[file] = found
                else:
                    return FetchStatus(name, "ok", source.name, files=files, tried=self.tried)
        advice = _advice(self.folder, sources)
        return FetchStatus(name, "data_unavailable", tried=self.tried, advice=advice)

    def _in_folder(self, name: str, spec: RawFile) -> FetchedFile | None:
        path = self.folder / name
        if name.endswith("/"):
            if not path.is_dir() or not any(path.iterdir()):
                return None
            found, verified = _folder_sum(path), False
        elif path.is_file() and not _mismatch(path, spec):
            found, verified = sha256(path), spec.checksum is not None
        else:
            return None
        earlier = self.known.get(name)
        location = earlier.location if earlier and earlier.sha256 == found else "folder"
        return FetchedFile(found, verified, location)

    def _bring(self, name: str, spec: RawFile) -> FetchedFile | None:
        if (here := self._in_folder(name, spec)) is not None:
            return here
        path = self.folder / name
        if path.is_file():
            self._fail(name, "folder", _set_aside(path, path, spec))
        in_mirror = self.mirror is not None and spec.checksum is not None
        for location in ["mirror", *spec.urls] if in_mirror else spec.urls:
            try:
                with replacing(path) as temporary:
                    if self.mirror is not None and location == "mirror":
                        shutil.copyfile(_in_mirror(self.mirror, spec), temporary)
                    else:
                        self.downloader.download(location, temporary)
                    if _mismatch(temporary, spec):
                        raise DownloadError(_set_aside(temporary, path, spec))
            except DownloadError as error:
                self._fail(name, location, str(error))
            else:
                return FetchedFile(sha256(path), spec.checksum is not None, location)
        return None

    def _fail(self, file: str, location: str, reason: str) -> None:
        self.tried.append(Attempt(file, location, " ".join(reason.split())))


def _set_aside(file: Path, path: Path, spec: RawFile) -> str:
    """Rename a file with the wrong checksum, and return a line that states both sums."""
    mismatch = _mismatch(file, spec)
    rejected = path.with_name(f"{path.name}.rejected")
    file.replace(rejected)
    return f"{path.name}: {mismatch}; set aside as {rejected.name}"


def _mismatch(path: Path, spec: RawFile) -> str:
    """Return the expected and the actual checksum; empty where they agree or none is known."""
    if spec.checksum is None:
        return ""
    algorithm, expected = spec.checksum
    found = _digest(path, algorithm)
    return "" if found == expected else f"expected {algorithm} {expected}, got {found}"


def _digest(path: Path, algorithm: Algorithm) -> str:
    with path.open("rb") as file:
        if algorithm == "git_blob":
            start = b"blob %d\0" % path.stat().st_size
            return hashlib.file_digest(
                file, lambda: hashlib.sha1(start, usedforsecurity=False)
            ).hexdigest()
        return hashlib.file_digest(file, algorithm).hexdigest()


def _folder_sum(folder: Path) -> str:
    """Return one sum over the names and contents of all files of a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return total.hexdigest()


def _advice(folder: Path, sources: Sequence[Source]) -> str:
    """Return how a person with a browser gets the files, a line for each."""
    lines = [f"Place the files of one source in {folder} and fetch again."]
    for source in sources:
        for name, spec in source.files.items():
            algorithm, known = spec.checksum or ("sha256", "unknown")
            places = " or ".join(url.removeprefix("manual:").strip() for url in spec.urls)
            lines.append(f"{source.name}: {name} ({algorithm} {known}) from {places}")
    return "\n".join(lines)


def _in_mirror(mirror: Path, spec: RawFile) -> Path:
    assert spec.checksum is not None
    algorithm, expected = spec.checksum
    for path, size in _mirror_files(mirror.resolve()):
        if spec.bytes in (None, size) and _mirror_sum(path, algorithm) == expected:
            return path
    raise DownloadError(f"no file in the mirror has {algorithm} {expected}")


@cache
def _mirror_files(mirror: Path) -> list[tuple[Path, int]]:
    return [(path, path.stat().st_size) for path in sorted(mirror.rglob("*")) if path.is_file()]


@cache
def _mirror_sum(path: Path, algorithm: Algorithm) -> str:
    return _digest(path, algorithm)
