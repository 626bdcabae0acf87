"""Read the files of a packing: one function per format, and the checks that all share.

Nothing is unpickled, and archives are read without being unpacked; a member that would leave
its folder is an error all the same.
"""

import bz2
import csv
import gzip
import io
import lzma
import tarfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from mmbench.catalogue import (
    Array,
    ArrayPacking,
    CifarPacking,
    Column,
    Columns,
    CsvPacking,
    IdxPacking,
    ImagePacking,
    Packing,
    StlPacking,
    ViewSpec,
)
from mmbench.errors import InputError, unknown

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".tif", ".tiff"}
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
# what the readers of archives and compressed files raise where a file is cut short
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


@dataclass(frozen=True)
class Raw:
    """What the files hold, in their order.

    Attributes:
        views: (n_samples, …) numbers, by view.
        labels: (n_samples,), numbers or names.
    """

    views: dict[str, NDArray[Any]]
    labels: NDArray[Any]


def read(packing: Packing, folder: Path, views: Mapping[str, ViewSpec], *, name: str) -> Raw:
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
        case ArrayPacking():
            raw = _read_arrays(packing, folder)
        case CsvPacking():
            raw = _read_csv(packing, folder)
        case IdxPacking():
            raw = _read_idx(packing, folder)
        case ImagePacking():
            raw = _read_images(packing, folder, views)
        case CifarPacking():
            raw = _read_cifar(packing, folder, views)
        case StlPacking():
            raw = _read_stl(packing, folder, views)
    check(raw, name=name)
    return raw


def check(raw: Raw, *, name: str) -> None:
    """Raise InputError where views and labels cannot be a data set; see `read`."""
    for view, values in raw.views.items():
        where = f"{name}/{view}"
        if values.size == 0:
            raise InputError(f"{where}: expected a view with values, got shape {values.shape}")
        if values.dtype.kind not in "biuf":
            raise InputError(f"{where}: expected numbers, got values of type {values.dtype}")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            bad = np.argwhere(~np.isfinite(values))
            raise InputError(
                f"{where}: expected finite values, got {len(bad)} NaN or infinite ones,"
                f" the first in row {bad[0][0]}"
            )
    lengths = {view: len(values) for view, values in raw.views.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{view} {n}" for view, n in lengths.items())
        raise InputError(f"{name}: expected views of equal length, got {told}")
    n_samples = next(iter(lengths.values()))
    labels = raw.labels
    if len(labels) != n_samples:
        raise InputError(f"{name}: expected {n_samples} labels, got {len(labels)}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        missing = int((~np.isfinite(labels)).sum())
        raise InputError(f"{name}: expected a label for each sample, {missing} are missing")
    if len(np.unique(labels)) < 2:
        raise InputError(f"{name}: expected at least two classes, got one ({labels[0]})")


def _read_arrays(packing: ArrayPacking, folder: Path) -> Raw:
    wanted = [a for parts in packing.views.values() for a in parts]
    wanted += [a for a in packing.labels if isinstance(a, Array)]
    paths = {a.file: folder / (a.file or next(iter(packing.files))) for a in wanted}
    variables = {
        file: _read_variables(packing.loader, path, [a.key or "" for a in wanted if a.file == file])
        for file, path in paths.items()
    }

    def values(where: Array) -> NDArray[Any]:
        path, key = paths[where.file], where.key or ""
        label = f"{path}: {key}" if key else str(path)
        return _oriented(variables[where.file][key], where, label)

    views = {
        name: _stacked([values(a) for a in parts], f"{folder.name}/{name}")
        for name, parts in packing.views.items()
    }
    labels = []
    for part in packing.labels:
        if isinstance(part, Column):
            path = folder / (part.file or next(iter(packing.files)))
            labels.append(_text_labels(path, part, "\t", header=False))
        else:
            labels.append(_flat_labels(values(part), f"{paths[part.file]}: {part.key}"))
    return Raw(views, np.concatenate(labels))


def _read_variables(loader: str, path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Return variables of a file by key."""
    import h5py

    if loader == "npz":
        return _read_npz(path, keys)
    if h5py.is_hdf5(path):
        return _read_hdf5(path, keys, matlab=loader == "mat")
    if loader == "hdf5":
        raise InputError(f"{path}: expected an HDF5 file, but it is damaged or something else")
    return _read_mat5(path, keys)


def _read_mat5(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    try:
        known = [name for name, _, _ in whosmat(path)]
        for key in keys:
            if key not in known:
                raise unknown("variable", key, known, where=str(path))
        return dict(loadmat(path, variable_names=list(keys)))
    except InputError:
        raise
    except Exception as error:  # a damaged file leads the parser into errors of any kind
        raise InputError(
            f"{path}: expected a Matlab file, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def _read_hdf5(path: Path, keys: Sequence[str], *, matlab: bool) -> dict[str, Any]:
    import h5py

    read = _matlab_value if matlab else lambda _, node: node[()]
    try:
        with h5py.File(path, "r") as file:
            for key in keys:
                if key not in file:
                    raise unknown("variable", key, list(file), where=str(path))
            return {key: read(file, file[key]) for key in keys}
    except InputError:
        raise
    except Exception as error:  # as for Matlab files
        raise InputError(
            f"{path}: expected an HDF5 file, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def _matlab_value(file: Any, node: Any) -> Any:
    """Return a Matlab 7.3 variable: HDF5 keeps its axes in the opposite order."""
    import h5py
    from scipy.sparse import csc_array

    if "MATLAB_sparse" in node.attrs:
        starts = node["jc"][()]
        shape = (int(node.attrs["MATLAB_sparse"]), len(starts) - 1)
        if "data" not in node:  # no entry at all
            return np.zeros(shape)
        return csc_array((node["data"][()], node["ir"][()], starts), shape=shape)
    if h5py.check_ref_dtype(node.dtype) is not None:
        cells: NDArray[Any] = np.empty(node.size, dtype=object)
        for position, reference in enumerate(node[()].ravel()):
            cells[position] = _matlab_value(file, file[reference])
        return cells
    return node[()].T


def _read_npz(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:  # np.load leaves a damaged file open
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return dict.fromkeys(keys, loaded)
            for key in keys:
                if key not in loaded.files:
                    raise unknown("array", key, loaded.files, where=str(path))
            return {key: loaded[key] for key in keys}
    except InputError:
        raise
    except Exception as error:  # as for Matlab files
        if "pickle" in str(error):
            raise InputError(
                f"{path}: expected plain arrays, but it holds Python objects (a pickle),"
                " which are never loaded"
            ) from None
        raise InputError(
            f"{path}: expected a file of NumPy arrays, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def _oriented(value: Any, where: Array, label: str) -> NDArray[Any]:
    """Return one array with a sample in each row, dense and upright."""
    if where.cell is not None:
        cells: Sequence[Any] = list(np.ravel(value, order="F")) if _is_cell(value) else []
        if where.cell >= len(cells):
            raise InputError(f"{label}: expected a cell {where.cell}, it has {len(cells)} cells")
        value = cells[where.cell]
    if _is_cell(value):
        raise InputError(f"{label}: expected an array, got a cell array; say which `cell`")
    dense = np.asarray(value.toarray() if hasattr(value, "toarray") else value)
    if where.samples == "columns":
        dense = np.moveaxis(dense, -1, 0)
    if where.transposed is not None:
        height, width = where.transposed
        if dense[0].size != height * width:
            raise InputError(
                f"{label}: expected pictures of {height} x {width} pixels,"
                f" got {dense[0].size} values each"
            )
        dense = dense.reshape(-1, width, height).transpose(0, 2, 1).reshape(len(dense), -1)
    return dense


def _is_cell(value: Any) -> bool:
    return bool(getattr(getattr(value, "dtype", None), "hasobject", False))


def _flat_labels(values: NDArray[Any], label: str) -> NDArray[Any]:
    if values.size != max(values.shape, default=0):
        raise InputError(f"{label}: expected one label for each sample, got shape {values.shape}")
    return values.ravel()


def _stacked(parts: Sequence[NDArray[Any]], where: str) -> NDArray[Any]:
    """Put parts such as training and test under each other."""
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise InputError(f"{where}: expected parts of equal width, got {sorted(shapes)}")
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _read_csv(packing: CsvPacking, folder: Path) -> Raw:
    delimiter = None if packing.delimiter == "whitespace" else packing.delimiter
    only = next(iter(packing.files))

    def values(where: Columns) -> NDArray[Any]:
        path = folder / (where.file or only)
        columns: Any = None
        if where.columns is not None:
            n_columns = len(_first_row(path, delimiter))
            columns = range(n_columns)[slice(*where.columns)]
        return _load_text(path, delimiter, columns, packing.header, float)

    views = {
        name: _stacked([values(c) for c in parts], f"{folder.name}/{name}")
        for name, parts in packing.views.items()
    }
    labels = [
        _text_labels(folder / (c.file or only), c, delimiter, header=packing.header)
        for c in packing.labels
    ]
    return Raw(views, np.concatenate(labels))


def _text_labels(path: Path, where: Column, delimiter: str | None, *, header: bool) -> NDArray[Any]:
    if where.rows_per_class is not None:
        n_rows = len(_load_text(path, delimiter, [0], header, float))
        return np.arange(n_rows) // where.rows_per_class
    column = where.column
    if isinstance(column, str):
        names = [name.strip() for name in _first_row(path, delimiter)] if header else []
        if column not in names:
            raise unknown("column", column, names, where=str(path))
        column = names.index(column)
    labels = _load_text(path, delimiter, [column], header, str).ravel()
    if (labels == "").any():
        raise InputError(f"{path}: expected a label for each sample, {(labels == '').sum()} miss")
    try:
        return labels.astype(float)  # so that class 10 comes after class 9
    except ValueError:
        return labels


def _load_text(
    path: Path, delimiter: str | None, columns: Any, header: bool, dtype: type
) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an empty file is but a warning
            return np.loadtxt(
                path,
                dtype,
                comments=None,
                delimiter=delimiter,
                skiprows=int(header),
                usecols=columns,
                ndmin=2,
                encoding="utf-8",
            )
    except (ValueError, IndexError, OSError, UserWarning, *_DAMAGE) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected a table of numbers, but {reason}") from None


def _first_row(path: Path, delimiter: str | None) -> list[str]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open("rt") as file:
            return file.readline().rstrip("\r\n").split(delimiter)
    except (OSError, UnicodeDecodeError, *_DAMAGE) as error:
        raise InputError(f"{path}: expected a table of numbers, but {error}") from None


def _read_idx(packing: IdxPacking, folder: Path) -> Raw:
    views = {
        name: _stacked([_idx_array(folder / file) for file in files], f"{folder.name}/{name}")
        for name, files in packing.views.items()
    }
    labels = [_flat_labels(_idx_array(folder / f), str(folder / f)) for f in packing.labels]
    return Raw(views, np.concatenate(labels))


def _idx_array(path: Path) -> NDArray[Any]:
    """Return the array of an IDX file: a type, the lengths, then the values, big-endian."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except _DAMAGE as error:
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


def _read_images(packing: ImagePacking, folder: Path, views: Mapping[str, ViewSpec]) -> Raw:
    ((view, spec),) = views.items()
    pictures, classes = [], []
    for file in packing.files:
        if file == packing.superclasses:
            continue
        members = _folder_files if file.endswith("/") else _archive_members
        for member, content in members(folder / file):
            path = PurePosixPath(member)
            if path.suffix.lower() not in _PICTURES or path.name.startswith("."):
                continue
            if not path.parent.name:
                raise InputError(
                    f"{folder / file}: expected pictures in folders that name their class,"
                    f" got {member}"
                )
            if packing.only is None or path.parent.name in packing.only:
                pictures.append(_picture(content(), spec.dims, f"{folder / file}: {member}"))
                classes.append(path.parent.name)
    if not pictures:
        raise InputError(f"{folder}: expected pictures, found none in {', '.join(packing.files)}")
    if packing.superclasses:
        classes = _superclasses(folder / packing.superclasses, classes)
    return Raw({view: np.stack(pictures)}, np.array(classes))


def _picture(content: bytes, dims: Sequence[int], where: str) -> NDArray[np.uint8]:
    """Return (channels, height, width); a picture of another size is cropped and resized."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    channels, height, width = dims
    try:
        with Image.open(io.BytesIO(content)) as image:
            picture = image.convert("L" if channels == 1 else "RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise InputError(f"{where}: expected a picture, but {error}") from None
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


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


def _read_cifar(packing: CifarPacking, folder: Path, views: Mapping[str, ViewSpec]) -> Raw:
    ((view, spec),) = views.items()
    path = folder / next(iter(packing.files))
    size = packing.label_bytes + int(np.prod(spec.dims))
    parts = []
    for member, content in _picked(path, packing.members).items():
        if len(content) % size:
            raise InputError(
                f"{path}: {member}: expected records of {size} bytes, got {len(content)} bytes"
            )
        parts.append(np.frombuffer(content, np.uint8).reshape(-1, size))
    records = np.concatenate(parts)
    pictures = records[:, packing.label_bytes :].reshape(-1, *spec.dims)
    return Raw({view: pictures}, records[:, 0])


def _read_stl(packing: StlPacking, folder: Path, views: Mapping[str, ViewSpec]) -> Raw:
    ((view, spec),) = views.items()
    path = folder / next(iter(packing.files))
    channels, height, width = spec.dims
    contents = _picked(path, [*packing.members, *packing.labels])
    parts = []
    for member in packing.members:
        values = np.frombuffer(contents[member], np.uint8)
        if values.size % (channels * height * width):
            raise InputError(f"{path}: {member}: expected whole pictures, got {values.size} bytes")
        # planes are stored column by column
        parts.append(values.reshape(-1, channels, width, height).transpose(0, 1, 3, 2))
    labels = [np.frombuffer(contents[member], np.uint8) for member in packing.labels]
    return Raw({view: np.concatenate(parts)}, np.concatenate(labels))


def _picked(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return some members of an archive, in the order asked for."""
    found = {name: read() for name, read in _archive_members(path) if name in names}
    for name in names:
        if name not in found:
            raise InputError(f"{path}: expected a member {name}, found none")
    return {name: found[name] for name in names}


def _folder_files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield path.relative_to(folder).as_posix(), path.read_bytes


def _archive_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the files of a tar archive, each with a function that reads it there and then."""
    with (
        _whole_archive(path),
        _decompressed(path) as stream,
        # front to back: looking for a member would unpack all before it again
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for info in archive:
            _check_member(path, info)
            source = archive.extractfile(info)
            if source is not None:
                yield info.name, partial(_member_bytes, path, source)


def _decompressed(path: Path) -> IO[bytes]:
    """Open a file that may be compressed; unlike tarfile, these readers tell if it ends early."""
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    if start.startswith(b"\xfd7zXZ"):
        return lzma.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    return path.open("rb")


def _member_bytes(path: Path, source: IO[bytes]) -> bytes:
    with _whole_archive(path):
        return source.read()


@contextmanager
def _whole_archive(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise InputError(
            f"{path}: expected a tar archive, but it is damaged or cut short"
            f" ({type(error).__name__})"
        ) from error


def _check_member(path: Path, info: tarfile.TarInfo) -> None:
    """Refuse what unpacking could abuse, although nothing is unpacked here."""
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{path}: expected members inside the folder, got {info.name!r}")
    if not (info.isfile() or info.isdir()):
        raise InputError(
            f"{path}: expected files and folders, but {info.name!r} is a link or device"
        )
