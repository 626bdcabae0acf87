"""The samples of a data set: their classes and the subsets that are scored on their own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import read_csv

_COLUMNS = ("sample", "label", "class", "split", "modality")


@dataclass(frozen=True, eq=False)
class Samples:
    """What is known about the samples of a data set.

    Attributes:
        y_true: (n_samples,), the class of each.
        classes: (n_classes,), their names, indexed by label.
        modality: (n_samples,) int, an index into `modalities`; -1 unless the data are mixed-modal.
        modalities: their names, sorted.
        subsets: by name, (n_samples,) bool, which samples belong to it; `all` is the first.
    """

    y_true: NDArray[np.int64]
    classes: NDArray[np.str_]
    modality: NDArray[np.int64]
    modalities: tuple[str, ...]
    subsets: dict[str, NDArray[np.bool_]]


def read_samples(path: Path) -> Samples:
    """Return the samples of a data set.

    Args:
        path: a .csv with columns sample, label, class, split, modality and source_row. Labels are
            0..n_classes-1, splits are train or test, modality is empty unless mixed-modal.

    Raises:
        InputError: the file is missing or does not have this form.
    """
    rows = read_csv(path, _COLUMNS, what="the samples of a data set")
    names: dict[int, str] = {}
    labels = []
    for i, row in enumerate(rows):
        valid = row["split"] in ("train", "test") and row["sample"] == str(i)
        if not (valid and row["label"].isdecimal()):
            raise InputError(
                f"{path}: expected sample {i} with a label from 0, a split (train or test) and a"
                f" modality, got {', '.join(map(str, row.values()))}"
            )
        labels.append(int(row["label"]))
        names.setdefault(labels[-1], row["class"])
    classes = [names.get(i, str(i)) for i in range(max(names, default=-1) + 1)]
    modalities = tuple(sorted({row["modality"] for row in rows} - {""}))
    index = {name: i for i, name in enumerate(modalities)}
    modality = np.array([index.get(row["modality"], -1) for row in rows], dtype=np.int64)
    held_out = np.array([row["split"] == "test" for row in rows], dtype=bool)
    subsets = {"all": np.ones(len(rows), dtype=bool)}
    if held_out.any():
        subsets |= {"train": ~held_out, "test": held_out}
    subsets |= {f"modality:{name}": modality == i for name, i in index.items()}
    return Samples(
        np.array(labels, dtype=np.int64),
        np.array(classes, dtype=str),
        modality,
        modalities,
        {name: mask for name, mask in subsets.items() if mask.any()},
    )
