"""Choose the reader of a packing, and check what it reads."""

from collections.abc import Mapping
from pathlib import Path

from mmbench.config import (
    ArraySource,
    CifarSource,
    CsvSource,
    IdxSource,
    ImageSource,
    Source,
    StlSource,
    ViewSpec,
)
from mmbench.datasets.loaders.arrays import read_arrays
from mmbench.datasets.loaders.idx import read_idx
from mmbench.datasets.loaders.images import read_cifar, read_images, read_stl
from mmbench.datasets.loaders.raw import Raw, check
from mmbench.datasets.loaders.text import read_csv
from mmbench.errors import InputError


def read(packing: Source, folder: Path, views: Mapping[str, ViewSpec], *, name: str) -> Raw:
    """Return the views and labels that the files of a packing hold.

    Args:
        packing: how they are packed.
        folder: where they are.
        views: what to expect, for formats that do not say it themselves.
        name: of the data set, for messages.

    Raises:
        InputError: a file is missing, cut short, holds Python objects or leads out of its
            folder; values are NaN or infinite; views are empty or differ in length; labels
            are missing, of another length, or all alike.
    """
    for file in packing.files:
        if not (folder / file).exists():
            raise InputError(f"{folder / file}: expected a file of {name}, found none")
    match packing:
        case ArraySource():
            raw = read_arrays(packing, folder)
        case CsvSource():
            raw = read_csv(packing, folder)
        case IdxSource():
            raw = read_idx(packing, folder)
        case ImageSource():
            raw = read_images(packing, folder, views)
        case CifarSource():
            raw = read_cifar(packing, folder, views)
        case StlSource():
            raw = read_stl(packing, folder, views)
    check(raw, name=name)
    return raw
