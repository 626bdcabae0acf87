"""Packings: the files that a data set comes in, and where in them views and labels are.

There is one type for each format that `mmbench.datasets.loaders` reads.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from mmbench.config.datasets.common import Frozen, listed
from mmbench.config.datasets.sources import RawFile
from mmbench.errors import unknown


class Array(Frozen):
    """Where an array is in a .mat, .npz, .npy or HDF5 file.

    Attributes:
        file: which file; may be left out where the packing has only one.
        key: the variable, or the path inside an HDF5 file. Left out for .npy.
        cell: position in a Matlab cell array, counted from 0.
        samples: whether each sample is a row or a column.
        transposed: (height, width) of images that are stored column by column, as Matlab
            does; they are put upright.
    """

    file: str | None = None
    key: str | None = None
    cell: NonNegativeInt | None = None
    samples: Literal["rows", "columns"] = "rows"
    transposed: tuple[PositiveInt, PositiveInt] | None = None


class Columns(Frozen):
    """Which columns of a text file are a view.

    Attributes:
        file: which file; may be left out where the packing has only one.
        columns: from the first to before the second, counted from 0, negative from the end;
            by default all.
    """

    file: str | None = None
    columns: tuple[int, int] | None = None


class Column(Frozen):
    """Where the labels are in a text file, or in its order.

    Attributes:
        file: which file; may be left out where the packing has only one.
        column: its position, counted from 0, negative from the end; or its name in the header.
        rows_per_class: where the file holds no labels but this many rows of each class in
            turn.
    """

    file: str | None = None
    column: int | str | None = None
    rows_per_class: PositiveInt | None = None

    @model_validator(mode="after")
    def _check(self) -> "Column":
        if (self.column is None) == (self.rows_per_class is None):
            raise ValueError("expected labels to say either `column` or `rows_per_class`")
        return self


def _array_or_column(value: Any) -> Any:
    """Read labels beside arrays: a mapping with `column` points into a text file."""
    kinds = [Column if isinstance(v, dict) and "column" in v else Array for v in listed(value)]
    return tuple(kind.model_validate(v) for kind, v in zip(kinds, listed(value), strict=True))


# several parts, such as a training and a test part, are put under each other
Arrays = Annotated[tuple[Array, ...], BeforeValidator(listed)]
Texts = Annotated[tuple[Columns, ...], BeforeValidator(listed)]
TextLabels = Annotated[tuple[Column, ...], BeforeValidator(listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(listed)]


class BasePacking(Frozen):
    """One way in which a data set is distributed: its files, and how to read them.

    Attributes:
        name: such as "uci" or "github"; the card of the data set names it.
        files: by the name they get in `data/raw/{dataset}/`; a name that ends in "/" is a
            folder that a person puts there.
    """

    name: str
    files: Annotated[dict[str, RawFile], Field(min_length=1)]

    @field_validator("files")
    @classmethod
    def _check_names(cls, value: dict[str, RawFile]) -> dict[str, RawFile]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*/?", name) or name == "status.json":
                raise ValueError(f"expected a plain file name, got {name!r}")
        return value

    @model_validator(mode="after")
    def _check_file_references(self) -> "BasePacking":
        for name in self.files_named():
            if name is None and len(self.files) > 1:
                raise ValueError("expected a key 'file' beside each array: there are several files")
            if name is not None and name not in self.files:
                raise unknown("file", name, self.files, where="packing " + self.name)
        return self

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        return []


class ArrayPacking(BasePacking):
    """Arrays in .mat (Matlab 5 to 7.3), .npz, .npy or HDF5 files.

    Attributes:
        views: where each view is.
        labels: where the labels are, in such a file or in a tab-separated text file.
    """

    loader: Literal["mat", "npz", "hdf5"]
    views: dict[str, Arrays]
    labels: Annotated[tuple[Array | Column, ...], BeforeValidator(_array_or_column)]

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        arrays = [array.file for parts in self.views.values() for array in parts]
        return arrays + [part.file for part in self.labels]


class CsvPacking(BasePacking):
    """Text files with one sample a row, plain or .gz.

    Attributes:
        delimiter: between columns; "whitespace" for any run of blanks.
        header: whether the first row holds the names of the columns.
        views: which columns each view is.
        labels: which column, or how many rows, each class is.
    """

    loader: Literal["csv"]
    delimiter: str = ","
    header: bool = False
    views: dict[str, Texts]
    labels: TextLabels

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        columns = [columns.file for parts in self.views.values() for columns in parts]
        return columns + [part.file for part in self.labels]


class IdxPacking(BasePacking):
    """Files in the format of MNIST, plain or .gz: file names, in the same order."""

    loader: Literal["idx"]
    views: dict[str, Names]
    labels: Names

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        return [name for parts in [*self.views.values(), self.labels] for name in parts]


class ImagePacking(BasePacking):
    """Images in tar archives or folders; the folder that holds an image names its class.

    Attributes:
        superclasses: a .csv file with a header that maps the class of a folder (first column)
            to the class to score (second).
        only: the classes to take; by default all.
    """

    loader: Literal["images"]
    superclasses: str | None = None
    only: tuple[str, ...] | None = None

    def files_named(self) -> list[str | None]:
        """Return the files that are read in a way of their own."""
        return [self.superclasses] if self.superclasses else []


class CifarPacking(BasePacking):
    """The binary version of CIFAR: label bytes, then 3072 bytes of red, green and blue planes.

    Attributes:
        members: the files inside the archive, in order.
        label_bytes: before each image; CIFAR-100 has 2, the superclass first.
    """

    loader: Literal["cifar-binary"]
    members: Names
    label_bytes: Literal[1, 2] = 1


class StlPacking(BasePacking):
    """The binary version of STL-10: planes stored column by column, labels in files apart.

    Attributes:
        members: the files of images inside the archive, in order.
        labels: the files of labels, in the same order.
        unlabelled: files of images without a label, to learn from.
    """

    loader: Literal["stl10-binary"]
    members: Names
    labels: Names
    unlabelled: Names = ()


PACKINGS: dict[str, type[BasePacking]] = {
    "mat": ArrayPacking,
    "npz": ArrayPacking,
    "hdf5": ArrayPacking,
    "csv": CsvPacking,
    "idx": IdxPacking,
    "images": ImagePacking,
    "cifar-binary": CifarPacking,
    "stl10-binary": StlPacking,
}
Packing = Annotated[
    ArrayPacking | CsvPacking | IdxPacking | ImagePacking | CifarPacking | StlPacking,
    Field(discriminator="loader"),
]
