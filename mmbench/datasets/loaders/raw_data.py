"""The content of the files of a source, and checks that are the same for all formats."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmbench.data import check_values
from mmbench.errors import InputError

P = TypeVar("P")


@dataclass(frozen=True)
class RawData:
    """The content of the files, in their order.

    Attributes:
        views: (n_samples, …) numbers, by view; of mixed-modal files (n_rows, …).
        labels: (n_samples,), numbers or names.
        unlabelled: (n_unlabelled, …), rows of the only view that have no label and are not
            clustered.
        sample_index: of mixed-modal files, (n_rows,) by view: the sample that each row of the
            view describes. Otherwise empty: row i of each view describes sample i.
        n_held_out: how many samples at the end of the files are not to be trained on.
    """

    views: dict[str, NDArray[Any]]
    labels: NDArray[Any]
    unlabelled: NDArray[Any] | None = None
    sample_index: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    n_held_out: int = 0


def check(raw: RawData, *, name: str) -> None:
    """Check that views and labels can be a data set.

    Raises:
        InputError: as listed for `read`.
    """
    for view, values in raw.views.items():
        where = f"{name}/{view}"
        check_values(values, where)
        if values.dtype.kind not in "biuf":
            raise InputError(f"{where}: expected numbers, got values of type {values.dtype}")
    lengths = {view: len(values) for view, values in raw.views.items()}
    if not raw.sample_index and len(set(lengths.values())) > 1:
        listed = ", ".join(f"{view} {n}" for view, n in lengths.items())
        raise InputError(f"{name}: expected views of equal length, got {listed}")
    n_samples = sum(lengths.values()) if raw.sample_index else next(iter(lengths.values()))
    labels = raw.labels
    if len(labels) != n_samples:
        raise InputError(f"{name}: expected {n_samples} labels, got {len(labels)}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        missing = int((~np.isfinite(labels)).sum())
        raise InputError(f"{name}: expected a label for each sample, {missing} are missing")
    if len(np.unique(labels)) < 2:
        raise InputError(f"{name}: expected at least two classes, got one ({labels[0]})")


def stacked_views(
    views: Mapping[str, Sequence[P]], read: Callable[[P], NDArray[Any]], name: str
) -> dict[str, NDArray[Any]]:
    """Return each view as the concatenation of its parts, such as training and test.

    `views` holds the places of the parts, and `read` returns the values at a place.

    Raises:
        InputError: the parts of a view differ in width.
    """
    stacked = {}
    for view, places in views.items():
        parts = [read(place) for place in places]
        shapes = {part.shape[1:] for part in parts}
        if len(shapes) > 1:
            raise InputError(f"{name}/{view}: expected parts of equal width, got {sorted(shapes)}")
        stacked[view] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return stacked


def flat_labels(values: NDArray[Any], label: str) -> NDArray[Any]:
    """Return the labels of an array, a row or a column, as (n_samples,)."""
    if values.size != max(values.shape, default=0):
        raise InputError(f"{label}: expected one label for each sample, got shape {values.shape}")
    return values.ravel()
