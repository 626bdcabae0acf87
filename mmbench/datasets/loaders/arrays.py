"""Arrays of .mat (Matlab 5 to 7.3), .npz, .npy, HDF5 and IDX files."""

import gzip
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import ViewSpec
from mmbench.config.sources import Array, ArraySource, Column, IdxSource, MixedSource
from mmbench.datasets.loaders.archives import DAMAGE
from mmbench.datasets.loaders.raw_data import RawData, flat_labels, stacked_views
from mmbench.datasets.loaders.text import text_labels
from mmbench.errors import InputError, unknown

# the types of IDX files by their code
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_arrays(source: ArraySource, folder: Path, _: Mapping[str, ViewSpec]) -> RawData:
    """Return the views, and the labels from such files or from a tab-separated text file."""
    wanted = [a for parts in source.views.values() for a in parts]
    wanted += [a for a in source.labels if isinstance(a, Array)]
    paths = {a.file: folder / (a.file or next(iter(source.files))) for a in wanted}
    variables = {
        file: _read_variables(source.loader, path, [a.key or "" for a in wanted if a.file == file])
        for file, path in paths.items()
    }

    def values(where: Array) -> NDArray[Any]:
        path, key = paths[where.file], where.key or ""
        label = f"{path}: {key}" if key else str(path)
        return _oriented(variables[where.file][key], where, label)

    views = stacked_views(source.views, values, folder.name)
    labels = []
    for part in source.labels:
        if isinstance(part, Column):
            path = folder / (part.file or next(iter(source.files)))
            labels.append(text_labels(path, part, "\t", header=False))
        else:
            labels.append(flat_labels(values(part), f"{paths[part.file]}: {part.key}"))
    return RawData(views, np.concatenate(labels))


def read_mixed(source: MixedSource, folder: Path, _: Mapping[str, ViewSpec]) -> RawData:
    """Return the rows of each modality and the samples that they describe; held-out ones are last.

    Raises:
        InputError: the variable is no cell array with a row for each label, a row has an unknown
            modality or another number of features, or a modality has no row.
    """
    view_of = {code: view for view, code in source.views.items()}
    rows: dict[str, list[NDArray[Any]]] = {view: [] for view in source.views}
    index: dict[str, list[int]] = {view: [] for view in source.views}
    labels: list[NDArray[Any]] = []
    sample = count()
    for path in (folder / name for name in (*source.train, *source.test)):
        content = _read_variables("mat", path, [source.samples, source.labels])
        cells, where = content[source.samples], f"{path}: {source.samples}"
        labels.append(flat_labels(content[source.labels], f"{path}: {source.labels}"))
        if not _is_cell(cells) or cells.ndim != 2 or len(cells) != len(labels[-1]):
            raise InputError(
                f"{where}: expected a cell array with a row for each of {len(labels[-1])} labels,"
                f" got {'cells' if _is_cell(cells) else 'numbers'} of shape {cells.shape}"
            )
        for position, row in enumerate(cells):
            last = np.ravel(row[-1])
            if last.size != 1 or last[0] not in view_of:
                raise InputError(
                    f"{where}: row {position}: expected a modality of {list(view_of)},"
                    f" got {last.tolist()}"
                )
            view = view_of[last[0]]
            rows[view].append(np.ravel(row[0])[None])
            index[view].append(next(sample))
    for code, view in view_of.items():
        if not index[view]:
            raise InputError(f"{folder.name}/{view}: expected rows of modality {code}, found none")
    return RawData(
        stacked_views(rows, lambda row: row, folder.name),
        np.concatenate(labels),
        sample_index={view: np.array(samples) for view, samples in index.items()},
        n_held_out=sum(map(len, labels[len(source.train) :])),
    )


def _read_variables(loader: str, path: Path, keys: Sequence[str]) -> dict[str, Any]:
    import h5py

    read: Callable[[Path, Sequence[str]], dict[str, Any]]
    if loader == "npz":
        kind, read = "a file of NumPy arrays", _read_npz
    elif h5py.is_hdf5(path):
        kind, read = "an HDF5 file", partial(_read_hdf5, matlab=loader == "mat")
    elif loader == "mat":
        kind, read = "a Matlab file", _read_mat5
    else:
        raise InputError(f"{path}: expected an HDF5 file, but it is damaged or something else")
    try:
        return read(path, keys)
    except InputError:
        raise
    except Exception as error:  # the parsers raise errors of any kind on a damaged file
        if "pickle" in str(error):
            raise InputError(
                f"{path}: expected plain arrays, but it holds Python objects (a pickle),"
                " which are never loaded"
            ) from None
        raise InputError(
            f"{path}: expected {kind}, but it is damaged or cut short ({type(error).__name__})"
        ) from error


def _check_keys(path: Path, keys: Sequence[str], known: Collection[str], noun: str) -> None:
    for key in keys:
        if key not in known:
            raise unknown(noun, key, known, where=str(path))


def _read_mat5(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    _check_keys(path, keys, [name for name, _, _ in whosmat(path)], "variable")
    return dict(loadmat(path, variable_names=list(keys)))


def _read_npz(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    with path.open("rb") as file:  # np.load leaves a damaged file open
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return dict.fromkeys(keys, loaded)
        _check_keys(path, keys, loaded.files, "array")
        return {key: loaded[key] for key in keys}


def _read_hdf5(path: Path, keys: Sequence[str], *, matlab: bool) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        _check_keys(path, keys, file, "variable")
        return {key: _matlab_value(file, file[key]) if matlab else file[key][()] for key in keys}


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
                f"{label}: expected images of {height} x {width} pixels,"
                f" got {dense[0].size} values each"
            )
        dense = dense.reshape(-1, width, height).transpose(0, 2, 1).reshape(len(dense), -1)
    return dense


def _is_cell(value: Any) -> bool:
    return bool(getattr(getattr(value, "dtype", None), "hasobject", False))


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
