"""Reads tar archives and folders of files without unpacking them."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from mmbench.errors import InputError

# raised by the readers of archives and compressed files that are cut short
DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def folder_files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the files of a folder by sorted path, each with a function that reads it."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield path.relative_to(folder).as_posix(), path.read_bytes


def archive_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the files of a tar archive, each with a function that reads it before the next one.

    Raises:
        InputError: the archive is cut short or no archive, or a member is a link or would leave
            its folder.
    """
    with (
        _whole_archive(path),
        _decompressed(path) as stream,
        # sequential, since a search for a member would decompress everything before it again
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for info in archive:
            _check_member(path, info)
            source = archive.extractfile(info)
            if source is not None:
                yield info.name, partial(_member_bytes, path, source)


def picked(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return some members of an archive, in the order of `names`.

    Raises:
        InputError: one is missing, or as for `archive_members`.
    """
    found = {name: read() for name, read in archive_members(path) if name in names}
    for name in names:
        if name not in found:
            raise InputError(f"{path}: expected a member {name}, found none")
    return {name: found[name] for name in names}


def _decompressed(path: Path) -> IO[bytes]:
    """Open a file that may be compressed; unlike tarfile, these readers detect an early end."""
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    if start.startswith(b"\xfd7zXZ"):
        return lzma.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    return path.open("rb")


def _member_bytes(path: Path, source: IO[bytes]) -> bytes:
    with _whole_archive(path):
        return source.read()


@contextmanager
def _whole_archive(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise InputError(
            f"{path}: expected a tar archive, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def _check_member(path: Path, info: tarfile.TarInfo) -> None:
    """Refuse members that are dangerous to unpack, although nothing is unpacked here."""
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{path}: expected members inside the folder, got {info.name!r}")
    if not (info.isfile() or info.isdir()):
        raise InputError(
            f"{path}: expected files and folders, but {info.name!r} is a link or device"
        )
