"""Images: files in archives or folders, and the binary versions of CIFAR and STL-10."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mmbench.config import ViewSpec
from mmbench.config.sources import CifarSource, ImageSource, StlSource
from mmbench.datasets.loaders.archives import named_members, read_members
from mmbench.datasets.loaders.raw_data import RawData
from mmbench.errors import InputError, unknown

_IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".tif", ".tiff"}


def read_images(source: ImageSource, folder: Path, views: Mapping[str, ViewSpec]) -> RawData:
    """Return the images in the size of their view; the folder of an image names its class."""
    ((view, spec),) = views.items()
    images, classes = [], []

    def wanted(member: str) -> bool:
        path = PurePosixPath(member)
        if path.suffix.lower() not in _IMAGES or path.name.startswith("."):
            return False
        return source.only is None or path.parent.name in ("", *source.only)

    for file in (folder / name for name in source.files if name != source.superclasses):
        for member, content in read_members(file, wanted):
            class_name = PurePosixPath(member).parent.name
            if not class_name:
                raise InputError(
                    f"{file}: expected images in folders that name their class, got {member}"
                )
            images.append(_image(content, spec.dims, f"{file}: {member}"))
            classes.append(class_name)
    if not images:
        raise InputError(f"{folder}: expected images, found none in {', '.join(source.files)}")
    if source.superclasses:
        classes = _superclasses(folder / source.superclasses, classes)
    return RawData({view: np.stack(images)}, np.array(classes))


def _image(content: bytes, dims: Sequence[int], where: str) -> NDArray[np.uint8]:
    """Return (channels, height, width); an image of another size is cropped and resized."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    channels, height, width = dims
    try:
        with Image.open(io.BytesIO(content)) as file:
            image: Image.Image = file.convert("L" if channels == 1 else "RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise InputError(f"{where}: expected an image, but {error}") from None
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


def _superclasses(path: Path, classes: Sequence[str]) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if any(len(row) != 2 for row in rows):
        raise InputError(f"{path}: expected two columns, class and superclass")
    table = {fine: coarse for fine, coarse in rows[1:]}
    for name in classes:
        if name not in table:
            raise unknown("class", name, table, where=str(path))
    return [table[name] for name in classes]


def read_cifar(source: CifarSource, folder: Path, views: Mapping[str, ViewSpec]) -> RawData:
    """Return the images of CIFAR; the first byte before each is its label."""
    ((view, spec),) = views.items()
    path = folder / next(iter(source.files))
    contents = named_members(path, source.members)
    size = source.label_bytes + int(np.prod(spec.dims))
    records = _records(contents, source.members, size, path)
    images = records[:, source.label_bytes :].reshape(-1, *spec.dims)
    return RawData({view: images}, records[:, 0])


def read_stl(source: StlSource, folder: Path, views: Mapping[str, ViewSpec]) -> RawData:
    """Return the images of STL-10, transposed upright, and the labels of separate files."""
    ((view, spec),) = views.items()
    path = folder / next(iter(source.files))
    contents = named_members(path, [*source.members, *source.labels, *source.unlabelled])
    channels, height, width = spec.dims

    def images(members: Sequence[str]) -> NDArray[np.uint8]:
        records = _records(contents, members, channels * height * width, path)
        # planes are stored column by column
        return records.reshape(-1, channels, width, height).transpose(0, 1, 3, 2)

    labels = _records(contents, source.labels, 1, path)[:, 0]
    unlabelled = images(source.unlabelled) if source.unlabelled else None
    return RawData({view: images(source.members)}, labels, unlabelled)


def _records(
    contents: dict[str, bytes], members: Sequence[str], size: int, path: Path
) -> NDArray[np.uint8]:
    """Return the records of some members, (n_records, size), and drop their contents."""
    parts = []
    for member in members:
        content = contents.pop(member)
        if len(content) % size:
            raise InputError(
                f"{path}: {member}: expected records of {size} bytes, got {len(content)} bytes"
            )
        parts.append(np.frombuffer(content, np.uint8).reshape(-1, size))
    return np.concatenate(parts)
