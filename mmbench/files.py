"""Files that are written completely or not at all, tables and hashes."""

import csv
import hashlib
import json
import tokenize
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmbench.errors import InputError

RAW = Path("data/raw")  # a folder for each fetched data set
PROCESSED = Path("data/processed")  # and for each prepared one

# raised by NumPy for an .npz file that is cut short, damaged, or of another format
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
    """Yield a temporary path beside `path`, which replaces it if the block ends without error.

    Readers see the old file or the new one, never a part. If the block raises, the temporary file
    is removed and `path` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.touch(exist_ok=False)
        permissions = temporary.stat().st_mode & 0o777
        yield temporary
        temporary.chmod(permissions)  # some libraries restrict them
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # as with a full disk
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file, completely or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: the file is missing or not JSON.
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

    pandas is not used, since it takes longer to import than most tables to read.

    Args:
        path: the file.
        columns: required columns; there may be others.
        what: a description of the file, for messages.
        encoding: of the text.

    Raises:
        InputError: the file is missing or not a .csv file, a required column is missing, or a
            row is longer or shorter than the header.
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
        # csv fills a short line with None, and stores the surplus of a long one under None
        if None in row or None in row.values():
            fewer = "fewer" if None in row.values() else "more"
            raise InputError(f"{path}, line {line}: expected {len(found)} values, got {fewer}")
    return rows


def digest(value: Any) -> str:
    """Return the first sixteen hex digits of the sha256 of a value that JSON can represent."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
