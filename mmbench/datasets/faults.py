"""What a full or read-only disk says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmbench.errors import InputError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the failure to write into one line; what was half-written is removed already.

    Raises:
        InputError: the disk is full, the folder may not be written to, and the like.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise InputError(f"{folder}: cannot write: {error.strerror or error}") from error
    except SafetensorError as error:  # its writer is not in Python and knows no OSError
        raise InputError(f"{folder}: cannot write: {error}") from error
