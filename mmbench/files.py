"""Files that are either whole or not there, and tables read with errors of one line."""

import csv
import hashlib
import json
import os
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmbench.errors import InputError

# what NumPy raises where an .npz is cut short, damaged, or something else
NOT_AN_NPZ = (
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends without error.

    A reader sees the old file or the new one, never a half. If the block raises, the
    temporary file is removed and `path` is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # as of a full disk
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that a person can read and a diff can follow."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: expected a JSON file, found none") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected JSON, but {error}") from None


def read_csv(
    path: Path, columns: Sequence[str] = (), *, what: str = "a .csv file", encoding: str = "utf-8"
) -> list[dict[str, str]]:
    """Return the rows of a .csv file by the names of its columns; values are text.

    The csv module is enough: pandas takes longer to import than most tables to read.

    Args:
        path: the file.
        columns: which it must have, at least.
        what: it should be, for messages.
        encoding: of the text.

    Raises:
        InputError: the file is missing, is no .csv, lacks a column, or has a row that is longer
            or shorter than its head.
    """
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            found = reader.fieldnames or ()
    except FileNotFoundError:
        raise InputError(f"{path}: expected {what}, found none") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected {what}, but {error}") from None
    if len(set(found)) < len(found):
        raise InputError(f"{path}: expected each column once, got {', '.join(found)}")
    for column in columns:
        if column not in found:
            raise InputError(
                f"{path}: expected a column {column!r}, got {', '.join(found) or 'none'}"
            )
    for line, row in enumerate(rows, start=2):
        # csv fills a short line with None, and keeps what a long one has too much under None
        if None in row or None in row.values():
            fewer = "fewer" if None in row.values() else "more"
            raise InputError(f"{path}, line {line}: expected {len(found)} values, got {fewer}")
    return rows


def digest(value: Any) -> str:
    """Return sixteen hex digits of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    """Return the mask of new files; asking for it means setting it for a moment."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
