"""Errors of a full or read-only disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmbench.errors import InputError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a failure to write into an error of one line.

    Raises:
        InputError: the disk is full, the folder may not be written to, and the like.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise InputError(f"{folder}: cannot write: {error.strerror or error}") from error
    except SafetensorError as error:  # raised by its Rust code instead of an OSError
        raise InputError(f"{folder}: cannot write: {error}") from error
