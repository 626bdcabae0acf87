"""The noun `Dataset`: what a method may see of the data. It has no labels.

One class serves every setting, because each row of a view says which sample it describes:

- paired: every view describes every sample;
- mixed-modal: each sample is described by exactly one view;
- incomplete: anything between;
- images: a single view of shape (n_samples, channels, height, width), uint8.

A method says what it needs by the accessor it calls. Data that it cannot handle raise
`IncompatibleDataError`, and the run ends as `not_applicable` with the message as its reason.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmbench.errors import InputError
from mmbench.files import replacing
from mmbench.literals import DataSetting

Index = NDArray[np.int64]

# of the files that `Dataset.save` writes: a new one prepares every data set again
FORMAT = 1

# how safetensors names the types that a data set may hold
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "U8": np.dtype("u1"),
    "I64": np.dtype("<i8"),
}


class IncompatibleDataError(ValueError):
    """The data are sound, but the method cannot work on data of this kind."""


@dataclass(frozen=True, eq=False)
class View:
    """One array of a data set, and which sample each of its rows describes.

    Attributes:
        values: (n_rows, n_features) float32 features, or (n_rows, channels, height, width)
            uint8 images.
        sample_index: (n_rows,), strictly increasing, in 0..n_samples-1.
        name: as the catalogue names it, such as "fou".
        modality: the kind of signal, such as "image" or "text"; views may share one.
    """

    values: NDArray[Any]
    sample_index: Index
    name: str
    modality: str

    @property
    def is_image(self) -> bool:
        """Whether the rows are images rather than feature vectors."""
        return self.values.ndim == 4

    @property
    def n_features(self) -> int:
        """The length of a row, flattened."""
        return int(np.prod(self.values.shape[1:]))

    def flat(self) -> NDArray[np.float32]:
        """Return (n_rows, n_features) float32; images as pixels in [0, 1]."""
        if not self.is_image:
            return self.values.astype(np.float32, copy=False)
        return self.values.reshape(len(self.values), -1).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Views of the same samples, and how many clusters to find.

    Attributes:
        views: at least one; together they describe every sample.
        n_clusters: how many clusters are asked for.
        n_samples: how many samples there are.
        name: as the catalogue names it.
        fit_index: (n_fit,) increasing: the samples to train on; a prediction always covers
            all. Empty means all.
        unlabelled: (n_unlabelled, …) rows like those of the only view, to learn from: they are no
            samples, and no prediction covers them. None where there are none.

    Raises:
        InputError: an index is out of range or not increasing, lengths differ, a sample is
            described by no view, `n_clusters` is not in 1..n_samples, or unlabelled rows are
            unlike those of the view, or stand beside several views.
    """

    views: tuple[View, ...]
    n_clusters: int
    n_samples: int
    name: str = "unnamed"
    fit_index: Index = field(default_factory=lambda: np.empty(0, np.int64))
    unlabelled: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if not self.views:
            raise InputError(f"{self.name}: expected at least one view, got none")
        if not 1 <= self.n_clusters <= self.n_samples:
            raise InputError(
                f"{self.name}: expected n_clusters in 1..{self.n_samples}, got {self.n_clusters}"
            )
        described = np.zeros(self.n_samples, dtype=bool)
        for view in self.views:
            self._check_view(view)
            described[view.sample_index] = True
        if not described.all():
            missing = int(np.flatnonzero(~described)[0])
            raise InputError(f"{self.name}: sample {missing} is described by no view")
        self._check_index("fit_index", self.fit_index)
        if not len(self.fit_index):
            object.__setattr__(self, "fit_index", np.arange(self.n_samples))
        if self.unlabelled is not None:
            self._check_unlabelled(self.unlabelled)

    @classmethod
    def paired(
        cls,
        arrays: Sequence[ArrayLike],
        *,
        n_clusters: int,
        names: Sequence[str] | None = None,
        name: str = "unnamed",
    ) -> "Dataset":
        """Return a data set in which row i of every array describes sample i.

        Args:
            arrays: each (n_samples, n_features), or one of (n_samples, channels, height,
                width) uint8 for images.
            n_clusters: how many clusters to find.
            names: of the views; by default view-1, view-2, ….
            name: of the data set, for messages.

        Raises:
            InputError: arrays of unequal length, another number of names, an empty view, NaN or
                infinite values.
        """
        if not arrays:
            raise InputError(f"{name}: expected at least one view, got none")
        names = names or [f"view-{i}" for i in range(1, len(arrays) + 1)]
        if len(names) != len(arrays):
            raise InputError(
                f"{name}: expected a name for each of {len(arrays)} views, got {', '.join(names)}"
            )
        views = []
        for view_name, array in zip(names, arrays, strict=True):
            values = np.asarray(array)
            if values.ndim != 4 or values.dtype != np.uint8:
                values = np.ascontiguousarray(values, dtype=np.float32)
            views.append(View(values, np.arange(len(values)), view_name, view_name))
        lengths = {v.name: len(v.values) for v in views}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{name}: expected views of equal length, got {_listed(lengths)}")
        data = cls(tuple(views), n_clusters, len(views[0].values), name)
        data.check_values()
        return data

    def check_values(self) -> None:
        """Raise InputError where a view is empty or holds NaN or infinite values."""
        for view in self.views:
            where = f"{self.name}/{view.name}"
            if view.values.size == 0:
                raise InputError(f"{where}: expected a view with values, got {view.values.shape}")
            if view.values.dtype != np.uint8 and not np.isfinite(view.values).all():
                bad = np.argwhere(~np.isfinite(view.values))
                row = int(bad[0][0])
                raise InputError(
                    f"{where}: expected finite values, got {len(bad)} NaN or infinite ones,"
                    f" the first in row {row}"
                )

    @cached_property
    def data_setting(self) -> DataSetting:
        """How the views describe the samples."""
        if len(self.views) == 1 and self.views[0].is_image:
            return "images"
        rows = [len(v.sample_index) for v in self.views]
        if all(n == self.n_samples for n in rows):
            return "paired"
        # every sample is described, so as many rows as samples means exactly one row each
        return "mixed" if sum(rows) == self.n_samples else "incomplete"

    @property
    def is_split(self) -> bool:
        """Whether some samples must not be trained on."""
        return len(self.fit_index) < self.n_samples

    def paired_features(
        self,
        *,
        at_least: int = 1,
        at_most: int | None = None,
        pixels: bool = False,
        held_out: bool = False,
    ) -> list[NDArray[np.float32]]:
        """Return every view as (n_samples, n_features); row i describes sample i.

        Args:
            at_least: how many views the method needs.
            at_most: how many it can take, if there is a limit.
            pixels: take images too, as flattened pixels in [0, 1].
            held_out: the method trains on `fit_index` alone and assigns the other samples.
                Without it, a data set with held-out samples is refused.

        Raises:
            IncompatibleDataError: too few or too many views, samples that lack a view,
                images that were not asked for, or held-out samples.
        """
        n_views = len(self.views)
        if n_views < at_least:
            raise IncompatibleDataError(
                f"{self.name}: needs {_count(at_least, 'view')}, has {n_views}"
            )
        if at_most is not None and n_views > at_most:
            raise IncompatibleDataError(
                f"{self.name}: takes at most {_count(at_most, 'view')}, has {n_views}"
            )
        for view in self.views:
            if len(view.sample_index) < self.n_samples:
                raise IncompatibleDataError(
                    f"{self.name}: needs paired samples, but {view.name} describes"
                    f" {len(view.sample_index)} of {self.n_samples}"
                )
        self._check_images(pixels)
        self._check_held_out(held_out)
        return [view.flat() for view in self.views]

    def mixed_features(
        self, *, at_least: int = 2, at_most: int | None = None, held_out: bool = False
    ) -> tuple[View, ...]:
        """Return the views of mixed-modal data: each sample is described by exactly one.

        Args:
            at_least: how many modalities the method needs.
            at_most: how many it can take, if there is a limit.
            held_out: as for `paired_features`.

        Raises:
            IncompatibleDataError: a sample has more than one view, the number of modalities
                is outside the limits, images, or held-out samples.
        """
        if self.data_setting != "mixed":
            others = "images" if self.data_setting == "images" else f"{self.data_setting} samples"
            raise IncompatibleDataError(
                f"{self.name}: needs mixed-modal samples (one view each), has {others}"
            )
        n_views = len(self.views)
        if n_views < at_least:
            raise IncompatibleDataError(f"{self.name}: needs {at_least} modalities, has {n_views}")
        if at_most is not None and n_views > at_most:
            raise IncompatibleDataError(
                f"{self.name}: takes at most {at_most} modalities, has {n_views}"
            )
        self._check_images(allowed=False)
        self._check_held_out(held_out)
        return self.views

    def incomplete_features(self, *, at_least: int = 1, held_out: bool = False) -> tuple[View, ...]:
        """Return feature views of any setting: a sample may lack some of them.

        Args:
            at_least: how many views the method needs.
            held_out: as for `paired_features`.

        Raises:
            IncompatibleDataError: too few views, images, or held-out samples.
        """
        if len(self.views) < at_least:
            raise IncompatibleDataError(
                f"{self.name}: needs {_count(at_least, 'view')}, has {len(self.views)}"
            )
        self._check_images(allowed=False)
        self._check_held_out(held_out)
        return self.views

    def images(self, *, held_out: bool = False) -> NDArray[np.uint8]:
        """Return the images, (n_samples, channels, height, width).

        Args:
            held_out: as for `paired_features`.

        Raises:
            IncompatibleDataError: the data are features, or have held-out samples.
        """
        if self.data_setting != "images":
            raise IncompatibleDataError(f"{self.name}: needs images, has feature views")
        self._check_held_out(held_out)
        return self.views[0].values

    def unlabelled_images(self) -> NDArray[np.uint8]:
        """Return images to learn from that are no samples, (n_unlabelled, channels, height, width).

        Most data sets have none: n_unlabelled is 0.

        Raises:
            IncompatibleDataError: the data are features.
        """
        none: NDArray[np.uint8] = self.images(held_out=True)[:0]
        return none if self.unlabelled is None else self.unlabelled

    def save(self, path: Path) -> None:
        """Write the data set as a safetensors file, whole or not at all.

        Equal data sets give equal files, byte for byte.

        Args:
            path: usually `data/processed/{dataset}/views.safetensors`.
        """
        tensors = {"fit_index": self.fit_index}
        for position, view in enumerate(self.views):
            tensors[f"values/{position:02d}"] = np.ascontiguousarray(view.values)
            tensors[f"sample_index/{position:02d}"] = view.sample_index
        if self.unlabelled is not None:
            tensors["unlabelled"] = np.ascontiguousarray(self.unlabelled)
        header = {
            "name": self.name,
            "n_samples": self.n_samples,
            "n_clusters": self.n_clusters,
            "views": [{"name": v.name, "modality": v.modality} for v in self.views],
        }
        digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        for key in sorted(tensors):
            digest.update(key.encode() + str(tensors[key].shape).encode())
            digest.update(np.ascontiguousarray(tensors[key]).data)
        write_views(path, tensors, {"dataset": header, "checksum": digest.hexdigest()})

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        """Return the data set of a file; its arrays are mapped into memory, not read.

        Raises:
            InputError: the file is missing, cut short, or not a data set of mmbench.
        """
        header, start = _read_header(path)
        metadata = _metadata(header)
        if "dataset" not in metadata:
            raise InputError(f"{path}: expected the views of a data set, found none")
        tensors = {}
        for key, entry in header.items():
            if key == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            if start + end > path.stat().st_size:
                raise InputError(f"{path}: expected {start + end} bytes, the file is cut short")
            shape = tuple(entry["shape"])
            dtype = _DTYPES[entry["dtype"]]
            if begin == end:  # an empty range cannot be mapped
                tensors[key] = np.empty(shape, dtype)
            else:  # copy on write: a method that scales in place changes neither file nor data
                mapped = np.memmap(path, dtype, mode="c", offset=start + begin, shape=shape)
                tensors[key] = mapped.view(np.ndarray)
        about = metadata["dataset"]
        views = tuple(
            View(tensors[f"values/{i:02d}"], tensors[f"sample_index/{i:02d}"], **names)
            for i, names in enumerate(about["views"])
        )
        return cls(
            views,
            about["n_clusters"],
            about["n_samples"],
            about["name"],
            tensors["fit_index"],
            tensors.get("unlabelled"),
        )

    def _check_view(self, view: View) -> None:
        where = f"{self.name}/{view.name}"
        if view.values.ndim not in (2, 4):
            raise InputError(
                f"{where}: expected (n_rows, n_features) or (n_rows, channels, height, width),"
                f" got shape {view.values.shape}"
            )
        if len(view.values) != len(view.sample_index):
            raise InputError(
                f"{where}: expected one sample index for each of {len(view.values)} rows,"
                f" got {len(view.sample_index)}"
            )
        self._check_index(f"{view.name}.sample_index", view.sample_index)

    def _check_unlabelled(self, unlabelled: NDArray[Any]) -> None:
        where = f"{self.name}/unlabelled"
        if len(self.views) != 1:
            raise InputError(f"{where}: expected one view beside it, got {len(self.views)}")
        like = self.views[0].values
        if unlabelled.shape[1:] != like.shape[1:] or unlabelled.dtype != like.dtype:
            raise InputError(
                f"{where}: expected rows of {like.dtype} {like.shape[1:]},"
                f" got {unlabelled.dtype} {unlabelled.shape[1:]}"
            )

    def _check_index(self, name: str, index: Index) -> None:
        if len(index) == 0:
            return
        if (np.diff(index) <= 0).any() or index[0] < 0 or index[-1] >= self.n_samples:
            raise InputError(
                f"{self.name}: expected {name} to increase within 0..{self.n_samples - 1}"
            )

    def _check_images(self, allowed: bool) -> None:
        for view in self.views:
            if view.is_image and not allowed:
                raise IncompatibleDataError(
                    f"{self.name}: needs feature views, but {view.name} holds images"
                )

    def _check_held_out(self, allowed: bool) -> None:
        if self.is_split and not allowed:
            raise IncompatibleDataError(
                f"{self.name}: needs to train on every sample, but"
                f" {self.n_samples - len(self.fit_index)} of {self.n_samples} are held out"
            )


def write_views(path: Path, tensors: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write a views file, whole or not at all.

    Args:
        path: the file.
        tensors: arrays by name; none where the data could not be had.
        about: what `read_metadata` gives back, as JSON can hold it.
    """
    from safetensors.numpy import save_file  # methods that get arrays in memory need it not

    # one key, since safetensors writes several in random order, and equal data would differ
    metadata = {"mmbench": json.dumps(about, sort_keys=True)}
    with replacing(path) as temporary:
        save_file(dict(tensors), temporary, metadata=metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what a views file says of itself, such as its checksum; its arrays stay unread.

    Raises:
        InputError: the file is missing or not a safetensors file.
    """
    header, _ = _read_header(path)
    return _metadata(header)


def _metadata(header: Mapping[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(header.get("__metadata__", {}).get("mmbench", "{}"))
    return about


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and the offset at which its bytes begin."""
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


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listed(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in lengths.items())
