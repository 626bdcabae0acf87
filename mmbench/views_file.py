"""The file format of prepared data: named arrays and JSON metadata in a safetensors file."""

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import replacing

# the types that a data set may hold, by their names in safetensors
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "U8": np.dtype("u1"),
    "I64": np.dtype("<i8"),
}


def write_views(
    path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write a views file, whole or not at all; equal content gives equal bytes.

    Args:
        path: usually `data/processed/{dataset}/views.safetensors`.
        arrays: by name; empty where the data are unavailable.
        metadata: values that JSON can represent.

    Raises:
        OSError: the file cannot be written, as on a full disk.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file  # methods that get arrays in memory do not need it

    # one key, since safetensors writes several in random order
    text = {"mmbench": json.dumps(metadata, sort_keys=True)}
    with replacing(path) as temporary:
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        try:
            save_file(contiguous, temporary, metadata=text)
        except SafetensorError as error:  # raised by its Rust code instead of an OSError
            raise OSError(errno.EIO, str(error), str(path)) from error


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a views file, such as its checksum, without reading its arrays.

    Raises:
        InputError: the file is missing or not a safetensors file.
    """
    return _metadata(_read_header(path)[0])


def read_views(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the metadata and the arrays of a views file.

    Arrays are mapped into memory, copy on write: changing one changes neither the file nor what
    another call returns.

    Raises:
        InputError: the file is missing, cut short, or not a safetensors file.
    """
    header, start = _read_header(path)
    size = path.stat().st_size
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (start + offset for offset in entry["data_offsets"])
        if end > size:
            raise InputError(f"{path}: expected {end} bytes, the file is cut short")
        shape, dtype = tuple(entry["shape"]), _DTYPES[entry["dtype"]]
        if begin == end:  # an empty range cannot be mapped
            arrays[name] = np.empty(shape, dtype)
        else:
            mapped = np.memmap(path, dtype, mode="c", offset=begin, shape=shape)
            arrays[name] = mapped.view(np.ndarray)
    return _metadata(header), arrays


def _metadata(header: Mapping[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads(header.get("__metadata__", {}).get("mmbench", "{}"))
    return metadata


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and the offset at which its arrays begin."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length < 10_000_000 else None
    except FileNotFoundError:
        raise InputError(f"{path}: expected a safetensors file, found none") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        header = None
    if not isinstance(header, dict):
        raise InputError(f"{path}: expected a safetensors file, but its header cannot be read")
    return header, 8 + length
