"""Files in the IDX format, that of MNIST, plain or .gz."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import IdxSource, ViewSpec
from mmbench.datasets.loaders.archives import DAMAGE
from mmbench.datasets.loaders.raw_data import RawData, flat_labels, stacked_views
from mmbench.errors import InputError

_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(source: IdxSource, folder: Path, _: Mapping[str, ViewSpec]) -> RawData:
    """Return the views and labels; several files are concatenated."""
    views = stacked_views(source.views, lambda file: _idx_array(folder / file), folder.name)
    labels = [flat_labels(_idx_array(folder / f), str(folder / f)) for f in source.labels]
    return RawData(views, np.concatenate(labels))


def _idx_array(path: Path) -> NDArray[Any]:
    """Return the array of an IDX file: a type, the lengths, then the values, big-endian."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except DAMAGE as error:
            raise InputError(f"{path}: expected a .gz file, but {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise InputError(f"{path}: expected an IDX file, but it does not begin like one")
    dtype = np.dtype(_IDX_TYPES[content[2]])
    start = 4 + 4 * content[3]
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], ">i4"))
    expected = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if len(shape) != content[3] or len(content) != expected:
        raise InputError(f"{path}: expected {expected} bytes, got {len(content)}: it is damaged")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
