"""`Dataset`: the views of a data set as methods see them, without labels.

One class serves every setting, because each row of a view says which sample it describes:

- paired: every view describes every sample;
- mixed: each sample is described by exactly one view;
- incomplete: anything between;
- images: a single view of shape (n_samples, channels, height, width), uint8.

A method states its requirements by the accessor that it calls. The accessors raise
`IncompatibleDataError` for data that do not meet them; the run then has the status
`not_applicable`, with the message as its reason.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmbench.errors import InputError
from mmbench.literals import DataSetting
from mmbench.views_file import read_views, write_views

Index = NDArray[np.int64]

# the version of the files that `Dataset.save` writes; another one prepares every data set again
FORMAT = 1


class IncompatibleDataError(ValueError):
    """The data are valid, but of a kind that the method cannot work on."""


@dataclass(frozen=True, eq=False)
class View:
    """One array of a data set, and which sample each of its rows describes.

    Attributes:
        values: (n_rows, n_features) float32 features, or (n_rows, channels, height, width)
            uint8 images.
        sample_index: (n_rows,), strictly increasing, in 0..n_samples-1.
        name: the name in the data set's entry, such as "fou".
        modality: the kind of signal, such as "image" or "text"; views may share one.
        image_shape: (channels, height, width) of rows that are images, also where they are
            flattened to features; otherwise empty.
    """

    values: NDArray[Any]
    sample_index: Index
    name: str
    modality: str
    image_shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shape = self.values.shape[1:] if self.is_image else self.image_shape
        object.__setattr__(self, "image_shape", tuple(shape))

    @property
    def is_image(self) -> bool:
        """Whether the rows are images rather than feature vectors or flattened images."""
        return self.values.ndim == 4

    @property
    def n_features(self) -> int:
        """The length of a flattened row."""
        return int(np.prod(self.values.shape[1:]))

    def flat(self) -> NDArray[np.float32]:
        """Return (n_rows, n_features) float32; images as pixels in [0, 1]."""
        return flat(self.values)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Views of the same samples, and the number of clusters to find.

    Attributes:
        views: at least one; together they describe every sample.
        n_clusters: in 1..n_samples.
        n_samples: the number of samples, whether or not each has all views.
        name: the name in the catalogue of data sets.
        fit_index: (n_fit,) increasing: the samples to train on. The others are held out; a
            prediction always covers all. An empty index means all samples.
        unlabelled: (n_unlabelled, …) rows like those of the only view, which a method may learn
            from. They are not samples, and no prediction covers them.

    Raises:
        InputError: an index is out of range or not increasing, lengths differ, a sample is
            described by no view, `n_clusters` is out of range, or unlabelled rows differ in
            shape or type from those of the view, or accompany several views.
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
            arrays: (n_samples, n_features) each, or a single one of (n_samples, channels,
                height, width) uint8 for images.
            n_clusters: the number of clusters to find.
            names: of the views; by default view-1, view-2, ….
            name: of the data set, for messages.

        Raises:
            InputError: arrays differ in length, the number of names is wrong, a view is empty,
                or values are NaN or infinite.
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
        if len({len(view.values) for view in views}) > 1:
            lengths = ", ".join(f"{view.name} {len(view.values)}" for view in views)
            raise InputError(f"{name}: expected views of equal length, got {lengths}")
        data = cls(tuple(views), n_clusters, len(views[0].values), name)
        data.check_values()
        return data

    def check_values(self) -> None:
        """Raise InputError if a view is empty or holds NaN or infinite values."""
        for view in self.views:
            check_values(view.values, f"{self.name}/{view.name}")

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
        """Whether some samples are held out from training."""
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
            at_most: how many views it can take; None for any number.
            pixels: accept images, as flattened pixels in [0, 1].
            held_out: the method trains on `fit_index` alone and assigns the other samples.
                Otherwise data with held-out samples are refused.

        Raises:
            IncompatibleDataError: too few or too many views, samples that lack a view,
                images, or held-out samples.
        """
        self._check_n_views(at_least, at_most, "view", "views")
        for view in self.views:
            if len(view.sample_index) < self.n_samples:
                raise IncompatibleDataError(
                    f"{self.name}: needs paired samples, but {view.name} describes"
                    f" {len(view.sample_index)} of {self.n_samples}"
                )
        return [view.flat() for view in self._views(pixels, held_out)]

    def mixed_features(
        self, *, at_least: int = 2, at_most: int | None = None, held_out: bool = False
    ) -> tuple[View, ...]:
        """Return the views of mixed-modal data, in which each sample is described by one view.

        The arguments are those of `paired_features`.

        Raises:
            IncompatibleDataError: data of another setting, too few or too many modalities,
                images, or held-out samples.
        """
        if self.data_setting != "mixed":
            others = "images" if self.data_setting == "images" else f"{self.data_setting} samples"
            raise IncompatibleDataError(
                f"{self.name}: needs mixed-modal samples (one view each), has {others}"
            )
        self._check_n_views(at_least, at_most, "modality", "modalities")
        return self._views(False, held_out)

    def incomplete_features(self, *, at_least: int = 1, held_out: bool = False) -> tuple[View, ...]:
        """Return feature views of any setting, in which a sample may lack some views.

        The arguments are those of `paired_features`.

        Raises:
            IncompatibleDataError: too few views, images, or held-out samples.
        """
        self._check_n_views(at_least, None, "view", "views")
        return self._views(False, held_out)

    def images(self, *, held_out: bool = False) -> NDArray[np.uint8]:
        """Return the images, (n_samples, channels, height, width).

        Args:
            held_out: as for `paired_features`.

        Raises:
            IncompatibleDataError: the data are features, or have held-out samples.
        """
        if self.data_setting != "images":
            raise IncompatibleDataError(f"{self.name}: needs images, has feature views")
        return self._views(True, held_out)[0].values

    def unlabelled_images(self) -> NDArray[np.uint8]:
        """Return the unlabelled images, (n_unlabelled, channels, height, width).

        Most data sets have none: n_unlabelled is 0.

        Raises:
            IncompatibleDataError: the data are features.
        """
        none: NDArray[np.uint8] = self.images(held_out=True)[:0]
        return none if self.unlabelled is None else self.unlabelled

    def save(self, path: Path) -> None:
        """Write the data set as a views file; equal data sets give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {"fit_index": self.fit_index}
        for position, view in enumerate(self.views):
            arrays[f"values/{position:02d}"] = view.values
            arrays[f"sample_index/{position:02d}"] = view.sample_index
        if self.unlabelled is not None:
            arrays["unlabelled"] = self.unlabelled
        about = {
            "name": self.name,
            "n_samples": self.n_samples,
            "n_clusters": self.n_clusters,
            "views": [_description(view) for view in self.views],
        }
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for key in sorted(arrays):
            digest.update(key.encode() + str(arrays[key].shape).encode())
            digest.update(np.ascontiguousarray(arrays[key]).data)
        write_views(path, arrays, {"dataset": about, "checksum": digest.hexdigest()})

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        """Return the data set of a views file; its arrays are mapped into memory, not read.

        Raises:
            InputError: the file is missing, cut short, or does not hold a data set.
        """
        metadata, arrays = read_views(path)
        if "dataset" not in metadata:
            raise InputError(f"{path}: expected the views of a data set, found none")
        about = metadata["dataset"]
        views = tuple(
            View(arrays[f"values/{i:02d}"], arrays[f"sample_index/{i:02d}"], **names)
            for i, names in enumerate(about["views"])
        )
        return cls(
            views,
            about["n_clusters"],
            about["n_samples"],
            about["name"],
            arrays["fit_index"],
            arrays.get("unlabelled"),
        )

    def _check_view(self, view: View) -> None:
        where = f"{self.name}/{view.name}"
        if view.values.ndim not in (2, 4):
            raise InputError(
                f"{where}: expected (n_rows, n_features) or (n_rows, channels, height, width),"
                f" got shape {view.values.shape}"
            )
        if view.image_shape and math.prod(view.image_shape) != view.n_features:
            raise InputError(
                f"{where}: expected image_shape of {view.n_features} pixels, got {view.image_shape}"
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

    def _check_n_views(self, at_least: int, at_most: int | None, one: str, several: str) -> None:
        n_views = len(self.views)
        if n_views < at_least:
            verb, limit = "needs", at_least
        elif at_most is not None and n_views > at_most:
            verb, limit = "takes at most", at_most
        else:
            return
        noun = one if limit == 1 else several
        raise IncompatibleDataError(f"{self.name}: {verb} {limit} {noun}, has {n_views}")

    def _views(self, images: bool, held_out: bool) -> tuple[View, ...]:
        """Return the views, unless they hold images or held-out samples that are not accepted."""
        for view in self.views:
            if view.is_image and not images:
                raise IncompatibleDataError(
                    f"{self.name}: needs feature views, but {view.name} holds images"
                )
        if self.is_split and not held_out:
            raise IncompatibleDataError(
                f"{self.name}: needs to train on every sample, but"
                f" {self.n_samples - len(self.fit_index)} of {self.n_samples} are held out"
            )
        return self.views


def _description(view: View) -> dict[str, Any]:
    about: dict[str, Any] = {"name": view.name, "modality": view.modality}
    is_flattened = view.image_shape and not view.is_image
    return about | ({"image_shape": view.image_shape} if is_flattened else {})


def check_values(values: NDArray[Any], where: str) -> None:
    """Raise InputError, naming `where`, if an array is empty or holds NaN or infinite values."""
    if values.size == 0:
        raise InputError(f"{where}: expected a view with values, got shape {values.shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = np.argwhere(~np.isfinite(values))
        raise InputError(
            f"{where}: expected finite values, got {len(bad)} NaN or infinite ones,"
            f" the first in row {bad[0][0]}"
        )


def flat(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows as (n_rows, n_features) float32; images as pixels in [0, 1]."""
    if values.ndim == 2:
        return values.astype(np.float32, copy=False)
    return values.reshape(len(values), -1).astype(np.float32) / np.float32(255)
