"""Columns of views from which the labels can be read off, which no method may get."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import normalized_mutual_info_score

from mmbench.config import ViewSpec
from mmbench.errors import InputError

SUSPICIOUS_NMI = 0.95
_LISTED = 5  # columns that a message names


def refuse_labels(
    values: NDArray[Any], labels: NDArray[Any], spec: ViewSpec, *, where: str
) -> None:
    """Raise `InputError` where columns of a view determine the classes one to one.

    Such columns are constant within each class and together differ between any two classes: the
    labels themselves, another coding of them, or a one-hot group. Columns that the entry allows do
    not count. Rows of images are not looked at, and data with hardly more rows than classes prove
    nothing.

    Args:
        values: (n_rows, n_features) as scaled.
        labels: (n_rows,) the class of each row.
        spec: the entry of the view.
        where: the view, for the message.
    """
    classes = np.unique(labels)
    if spec.is_image or len(labels) <= 2 * len(classes):
        return
    lowest = np.stack([values[labels == c].min(axis=0) for c in classes])
    highest = np.stack([values[labels == c].max(axis=0) for c in classes])
    telling = (lowest == highest).all(axis=0) & (lowest != lowest[0]).any(axis=0)
    telling[[column for column in spec.allow_label_like if column < len(telling)]] = False
    columns = np.flatnonzero(telling)
    if len(columns) and len(np.unique(lowest[:, columns], axis=0)) == len(classes):
        listed = ", ".join(map(str, columns[:_LISTED])) + (", …" if len(columns) > _LISTED else "")
        raise InputError(
            f"{where}: expected features, but the classes can be read off column {listed}, counted"
            f" from 0; leave it out, or give the view `allow_label_like: [{listed}]`"
        )


def suspicious_columns(values: NDArray[Any], labels: NDArray[Any]) -> dict[int, float]:
    """Return the NMI of columns that alone nearly determine the classes, above `SUSPICIOUS_NMI`.

    The groups of a column are its values; columns with many values, or whose median is the same
    in several classes, are left out. The view is (n_rows, n_features), the labels (n_rows,).
    """
    classes = np.unique(labels)
    n_most = 3 * len(classes)
    some = np.sort(values[:: max(1, len(values) // (4 * n_most))], axis=0)
    few_values = (np.diff(some, axis=0) != 0).sum(axis=0) < n_most
    medians = np.sort([np.median(values[labels == c], axis=0) for c in classes], axis=0)
    differ = (np.diff(medians, axis=0) != 0).sum(axis=0) + 1 >= 0.9 * len(classes)
    found = {}
    for column in np.flatnonzero(few_values & differ):
        groups = np.unique(values[:, column], return_inverse=True)[1]
        nmi = float(normalized_mutual_info_score(labels, groups))
        if nmi > SUSPICIOUS_NMI:
            found[int(column)] = nmi
    return found
