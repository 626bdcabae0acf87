"""Sources of a data set: files, where to get them, and where in them views and labels are.

There is one type of source for each format that `mmbench.datasets.loaders` reads.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from mmbench.config.model import StrictModel, as_list
from mmbench.errors import unknown

_URL = re.compile(
    r"https?://\S+"
    r"|pypi:[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+?!\S+"
    r"|debian:[a-z0-9.+-]+!\S+"
    r"|sklearn:[a-z_]+"
    r"|manual:.+",
    re.DOTALL,
)
Algorithm = Literal["sha256", "md5", "git_blob"]
_DIGITS: dict[Algorithm, int] = {"sha256": 64, "md5": 32, "git_blob": 40}


class RawFile(StrictModel):
    """A file as it lies in `data/raw/{dataset}/`.

    Attributes:
        sha256: of the file itself, after it was taken out of a package; "unknown" where no sum
            is known, so that the sum found is recorded and marked as not verified.
        md5: where this is the only sum known.
        git_blob: where the file is known only by its place in a Git repository, the id of its
            content there: the SHA-1 of `blob {size in bytes}`, a null byte and the content.
            Exactly one of these three is needed.
        bytes: its size, which spares hashing the files of a mirror that have another.
        urls: where to look for it, in this order (one or several):
            `https://…`, `pypi:NAME==VERSION!path/in/wheel`, `debian:NAME!path/in/package`,
            `sklearn:NAME`, or `manual:` and an instruction for a person.
    """

    sha256: str | None = None
    md5: str | None = None
    git_blob: str | None = None
    bytes: PositiveInt | None = None
    urls: Annotated[tuple[str, ...], BeforeValidator(as_list)]

    @field_validator("urls")
    @classmethod
    def _check_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not _URL.fullmatch(url):
                raise ValueError(
                    "expected https://…, pypi:NAME==VERSION!path, debian:NAME!path,"
                    f" sklearn:NAME or manual:…, got {url!r}"
                )
        return value

    @model_validator(mode="after")
    def _check_sums(self) -> "RawFile":
        given = {name: value for name in _DIGITS if (value := getattr(self, name)) is not None}
        if len(given) != 1:
            raise ValueError(
                'expected exactly one of sha256 (or "unknown"), md5 and git_blob,'
                f" got {' and '.join(given) or 'none'}"
            )
        ((name, value),) = given.items()
        digits, other = _DIGITS[name], ' or "unknown"' if name == "sha256" else ""
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}" + ("|unknown" if other else ""), value):
            raise ValueError(f"expected {name} of {digits} hex digits{other}, got {value!r}")
        return self

    @property
    def checksum(self) -> tuple[Algorithm, str] | None:
        """The algorithm and the sum to expect, or None where no sum is known."""
        sums = ((name, getattr(self, name)) for name in _DIGITS)
        return next((pair for pair in sums if pair[1] not in (None, "unknown")), None)


class _FilePart(StrictModel):
    """A part of one of the files of a source, which need not be named if it is the only one."""

    file: str | None = None


class Array(_FilePart):
    """Where an array is in a .mat, .npz, .npy or HDF5 file.

    Attributes:
        key: the variable, or the path inside an HDF5 file; none for .npy.
        cell: position in a Matlab cell array, counted from 0.
        samples: whether each sample is a row or a column.
        transposed: (height, width) of images that are stored column by column, as by Matlab.
    """

    key: str | None = None
    cell: NonNegativeInt | None = None
    samples: Literal["rows", "columns"] = "rows"
    transposed: tuple[PositiveInt, PositiveInt] | None = None


class Columns(_FilePart):
    """Which columns of a text file are a view.

    Attributes:
        columns: from the first to before the second, counted from 0, negative from the end;
            by default all but those of labels.
    """

    columns: tuple[int, int] | None = None


class Column(_FilePart):
    """Where the labels are in a text file, or in its order.

    Attributes:
        column: its position, counted from 0, negative from the end; or its name in the header.
        rows_per_class: for a file without labels that has this many rows of each class in turn.
    """

    column: int | str | None = None
    rows_per_class: PositiveInt | None = None

    @model_validator(mode="after")
    def _check(self) -> "Column":
        if (self.column is None) == (self.rows_per_class is None):
            raise ValueError("expected labels to say either `column` or `rows_per_class`")
        return self


# Several parts, such as a training and a test part, are concatenated.
Arrays = Annotated[tuple[Array, ...], BeforeValidator(as_list)]
Texts = Annotated[tuple[Columns, ...], BeforeValidator(as_list)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class BaseSource(StrictModel):
    """One way in which a data set is distributed.

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
    def _check_file_references(self) -> "BaseSource":
        for name in self._referenced_files():
            if name is None and len(self.files) > 1:
                raise ValueError("expected a key 'file' beside each array: there are several files")
            if name is not None and name not in self.files:
                raise unknown("file", name, self.files, where="source " + self.name)
        return self

    def _referenced_files(self) -> list[str | None]:
        """Return the files that the other keys refer to; None means the only file."""
        return []


class ArraySource(BaseSource):
    """Arrays in .mat (Matlab 5 to 7.3), .npz, .npy or HDF5 files.

    The labels may also be in a tab-separated text file.
    """

    loader: Literal["mat", "npz", "hdf5"]
    views: dict[str, Arrays]
    labels: Annotated[tuple[Array | Column, ...], BeforeValidator(as_list)]

    def _referenced_files(self) -> list[str | None]:
        return [part.file for parts in (*self.views.values(), self.labels) for part in parts]

    @model_validator(mode="after")
    def _check_labels(self) -> "ArraySource":
        places = {
            (part.file, part.key, part.cell) for part in self.labels if isinstance(part, Array)
        }
        for view, parts in self.views.items():
            if any((part.file, part.key, part.cell) in places for part in parts):
                raise ValueError(f"expected view {view} to be other arrays than the labels")
        return self


class MixedSource(BaseSource):
    """Matlab files of mixed-modal samples, in which each row of a cell array is a sample.

    The first cell of a row holds the features, and the last one the code of their modality.
    Cells in between, such as the name of a file, are not used.

    Attributes:
        samples: the variable with the cell array.
        labels: the variable with the labels, in the order of the rows.
        views: the code of the modality of each view.
        train, test: the files of the samples to train on, and of those that are held out.
    """

    loader: Literal["mat-mixed"]
    samples: str
    labels: str
    views: dict[str, int]
    train: Names
    test: Names = ()

    def _referenced_files(self) -> list[str | None]:
        return [*self.train, *self.test]


class CsvSource(BaseSource):
    """Text files with one sample a row, plain or .gz.

    Attributes:
        delimiter: between columns; "whitespace" for any run of blanks.
        header: whether the first row holds the names of the columns.
    """

    loader: Literal["csv"]
    delimiter: str = ","
    header: bool = False
    views: dict[str, Texts]
    labels: Annotated[tuple[Column, ...], BeforeValidator(as_list)]

    def _referenced_files(self) -> list[str | None]:
        return [part.file for parts in (*self.views.values(), self.labels) for part in parts]


class IdxSource(BaseSource):
    """Files in the format of MNIST, plain or .gz: file names, in the same order."""

    loader: Literal["idx"]
    views: dict[str, Names]
    labels: Names

    def _referenced_files(self) -> list[str | None]:
        return [name for parts in [*self.views.values(), self.labels] for name in parts]


class ImageSource(BaseSource):
    """Images in tar archives or folders; the folder that holds an image names its class.

    Attributes:
        superclasses: a .csv file with a header that maps the class of a folder (first column)
            to the class to score (second).
        only: the classes to take; by default all.
    """

    loader: Literal["images"]
    superclasses: str | None = None
    only: tuple[str, ...] | None = None

    def _referenced_files(self) -> list[str | None]:
        return [self.superclasses] if self.superclasses else []


class CifarSource(BaseSource):
    """The binary version of CIFAR: label bytes, then 3072 bytes of red, green and blue planes.

    Attributes:
        members: the files inside the archive, in order.
        label_bytes: before each image; CIFAR-100 has 2, the superclass first.
    """

    loader: Literal["cifar-binary"]
    members: Names
    label_bytes: Literal[1, 2] = 1


class StlSource(BaseSource):
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


SOURCE_TYPES: dict[str, type[BaseSource]] = {
    "mat": ArraySource,
    "mat-mixed": MixedSource,
    "npz": ArraySource,
    "hdf5": ArraySource,
    "csv": CsvSource,
    "idx": IdxSource,
    "images": ImageSource,
    "cifar-binary": CifarSource,
    "stl10-binary": StlSource,
}
Source = Annotated[
    ArraySource | MixedSource | CsvSource | IdxSource | ImageSource | CifarSource | StlSource,
    Field(discriminator="loader"),
]
