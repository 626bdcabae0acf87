"""Reads the files of a source: a module for each kind of format, and checks for all of them.

Nothing is unpickled. Archives are read without unpacking them; a member that would leave its
folder is an error nevertheless.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmbench.config import ViewSpec
from mmbench.config.sources import Source
from mmbench.datasets.loaders.arrays import read_arrays, read_idx, read_mixed
from mmbench.datasets.loaders.images import read_cifar, read_images, read_stl
from mmbench.datasets.loaders.raw_data import RawData, check
from mmbench.datasets.loaders.text import read_csv
from mmbench.errors import InputError

__all__ = ["RawData", "check", "read"]

_READERS: dict[str, Callable[[Any, Path, Mapping[str, ViewSpec]], RawData]] = {
    "mat": read_arrays,
    "mat-mixed": read_mixed,
    "npz": read_arrays,
    "hdf5": read_arrays,
    "csv": read_csv,
    "idx": read_idx,
    "images": read_images,
    "cifar-binary": read_cifar,
    "stl10-binary": read_stl,
}


def read(source: Source, folder: Path, views: Mapping[str, ViewSpec], *, name: str) -> RawData:
    """Return the views and labels in the files of a source.

    `views` are the expected ones, for formats that do not describe themselves.

    Raises:
        InputError: a file is missing, cut short, holds Python objects or leads out of its
            folder; values are NaN or infinite; views are empty or differ in length; labels
            are missing, of another length, or all alike.
    """
    for file in source.files:
        if not (folder / file).exists():
            raise InputError(f"{folder / file}: expected a file of {name}, found none")
    raw = _READERS[source.loader](source, folder, views)
    check(raw, name=name)
    return raw
