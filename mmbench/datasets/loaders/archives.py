"""Reads members of tar archives and folders without unpacking them."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, cast

from mmbench.errors import InputError

# raised by the readers of archives and compressed files that are cut short
DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def read_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each wanted file of a folder or of a tar archive.

    Files of a folder are in the order of their names, members of an archive as stored.

    Raises:
        InputError: the archive is damaged, or a member is a link or would leave its folder.
    """
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            name = file.relative_to(path).as_posix()
            if wanted(name):
                yield name, file.read_bytes()
        return
    try:
        # sequential, since a search for a member would decompress everything before it again
        with _decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                _check_member(path, info)
                file_object = archive.extractfile(info) if wanted(info.name) else None
                if file_object is not None:
                    yield info.name, file_object.read()
    except DAMAGE as error:
        raise InputError(
            f"{path}: expected a tar archive, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def named_members(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return some members of an archive, in the order of `names`.

    Raises:
        InputError: one is missing, or as for `read_members`.
    """
    found = dict(read_members(path, lambda name: name in names))
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


def _check_member(path: Path, info: tarfile.TarInfo) -> None:
    """Refuse members that are dangerous to unpack, although nothing is unpacked here."""
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{path}: expected members inside the folder, got {info.name!r}")
    if not (info.isfile() or info.isdir()):
        raise InputError(
            f"{path}: expected files and folders, but {info.name!r} is a link or device"
        )
