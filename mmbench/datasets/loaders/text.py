"""Text files with one sample a row, plain or .gz."""

import gzip
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import ViewSpec
from mmbench.config.sources import Column, Columns, CsvSource
from mmbench.datasets.loaders.archives import DAMAGE
from mmbench.datasets.loaders.raw_data import RawData, stacked_views
from mmbench.errors import InputError, unknown


def read_csv(source: CsvSource, folder: Path, _: Mapping[str, ViewSpec]) -> RawData:
    """Return the views and labels in the columns of text files."""
    delimiter = None if source.delimiter == "whitespace" else source.delimiter
    only = next(iter(source.files))

    def values(where: Columns) -> NDArray[Any]:
        path = folder / (where.file or only)
        n_columns = len(_first_row(path, delimiter))
        labels = {
            _position(path, part.column, delimiter, header=source.header) % n_columns
            for part in source.labels
            if part.column is not None and (part.file or only) == (where.file or only)
        }
        if where.columns is None:
            columns = [column for column in range(n_columns) if column not in labels]
        else:
            columns = list(range(n_columns)[slice(*where.columns)])
        if found := labels & set(columns):
            raise InputError(
                f"{path}: expected columns without the labels, but {list(where.columns or ())}"
                f" contains their column {min(found)}"
            )
        return _load_text(path, delimiter, columns, source.header, float)

    views = stacked_views(source.views, values, folder.name)
    labels = [
        text_labels(folder / (c.file or only), c, delimiter, header=source.header)
        for c in source.labels
    ]
    return RawData(views, np.concatenate(labels))


def text_labels(path: Path, where: Column, delimiter: str | None, *, header: bool) -> NDArray[Any]:
    """Return the labels of a column, as numbers if all are, or those given by the row order."""
    if where.rows_per_class is not None:
        n_rows = len(_load_text(path, delimiter, [0], header, float))
        return np.arange(n_rows) // where.rows_per_class
    column = _position(path, where.column, delimiter, header=header)
    labels = _load_text(path, delimiter, [column], header, str).ravel()
    if (labels == "").any():
        raise InputError(f"{path}: expected a label for each sample, {(labels == '').sum()} miss")
    try:
        return labels.astype(float)  # so that class 10 comes after class 9
    except ValueError:
        return labels


def _position(path: Path, column: int | str | None, delimiter: str | None, *, header: bool) -> int:
    """Return the position of a column that is given by position or by its name in the header."""
    if not isinstance(column, str):
        return column or 0
    names = [name.strip() for name in _first_row(path, delimiter)] if header else []
    if column not in names:
        raise unknown("column", column, names, where=str(path))
    return names.index(column)


def _load_text(
    path: Path, delimiter: str | None, columns: Any, header: bool, dtype: type
) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of an empty file
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
    except (ValueError, IndexError, OSError, UserWarning, *DAMAGE) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected a table of numbers, but {reason}") from None


def _first_row(path: Path, delimiter: str | None) -> list[str]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open("rt") as file:
            return file.readline().rstrip("\r\n").split(delimiter)
    except (OSError, UnicodeDecodeError, *DAMAGE) as error:
        raise InputError(f"{path}: expected a table of numbers, but {error}") from None
