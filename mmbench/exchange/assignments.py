"""Read assignments that somebody made elsewhere, and check that they fit the samples.

The rows of a prepared data set are in another order than those of its files, so a file of
assignments must say which it means. A .csv says it by its columns:

- `sample, cluster`: the sample numbers of `samples.csv`;
- `source_row, cluster`: the row numbers of the original file, from 0;

with a column `seed` where it holds several runs. An .npz has `y_pred`, or `seed_0`, `seed_1`, …,
each (n_samples,), and cannot say it: the caller must.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import NOT_AN_NPZ, read_csv

Order = Literal["source", "stored"]
Assignments = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Known:
    """What assignments must fit.

    Attributes:
        source_row: (n_samples,), by sample the row of the original file.
        n_clusters: how many clusters were asked for.
        where: the file that says so, for messages.
    """

    source_row: NDArray[np.int64]
    n_clusters: int
    where: str

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return len(self.source_row)


def read_assignments(
    path: Path, known: Known, *, seed: int | None, order: Order | None
) -> dict[int, Assignments]:
    """Return by seed the cluster of each sample, in the order of `samples.csv`.

    Args:
        path: a .csv or an .npz, see the module.
        known: the samples.
        seed: of the run, where the file does not say (default: 0).
        order: of an .npz: as in the original file, or as stored by `prepare`.

    Raises:
        InputError: the file cannot be read, says too little or too much, or does not assign
            each sample once to a cluster in 0..n_clusters-1.
    """
    if path.suffix == ".csv":
        if order is not None:
            raise InputError(f"{path}: --order is for an .npz; the columns of a .csv tell it")
        found = _read_csv(path, known, seed)
    elif path.suffix == ".npz":
        found = _read_npz(path, known, seed, order)
    else:
        raise InputError(f"{path}: expected a .csv or an .npz of assignments")
    if min(found) < 0:  # the folder of such a run would be found by nobody
        raise InputError(f"{path}: expected seeds of at least 0, got {min(found)}")
    return found


def read_known(folder: Path, n_clusters: int) -> Known:
    """Return what `samples.csv` in the folder of a prepared data set says; labels are not read.

    Raises:
        InputError: it is missing or not of its form.
    """
    path = folder / "samples.csv"
    found = read_csv(path, ["source_row"], what="the samples of a data set")
    rows = [_whole(row["source_row"], f"{path}: source_row") for row in found]
    return Known(np.array(rows, dtype=np.int64), n_clusters, str(path))


def _read_csv(path: Path, known: Known, seed: int | None) -> dict[int, Assignments]:
    # spreadsheets begin a .csv with a byte-order mark
    rows = read_csv(path, ["cluster"], what="a .csv of assignments", encoding="utf-8-sig")
    if not rows:
        raise InputError(f"{path}: expected assignments, found none")
    columns = set(rows[0])
    keys = columns & {"sample", "source_row"}
    if len(keys) != 1 or not columns <= {*keys, "cluster", "seed"}:
        raise InputError(
            f"{path}: expected the columns sample or source_row, cluster, and seed if there are"
            f" several, got {', '.join(rows[0])}"
        )
    if "seed" in columns and seed is not None:
        raise InputError(f"{path}: has a column seed; leave --seed out")
    (key,) = keys
    numbers = known.source_row if key == "source_row" else np.arange(known.n_samples)
    sample_of = _sample_of(path, numbers, key)
    found: dict[int, Assignments] = {}
    for line, row in enumerate(rows, start=2):
        where = f"{path}, line {line}"
        number = _whole(row[key], f"{where}: {key}")
        run = _whole(row["seed"], f"{where}: seed") if "seed" in columns else seed or 0
        if number not in sample_of:
            raise InputError(f"{where}: {known.where} has no {key} {number}")
        clusters = found.setdefault(run, np.full(known.n_samples, -1, dtype=np.int32))
        if clusters[sample_of[number]] >= 0:
            raise InputError(f"{where}: {key} {number} of seed {run} stands twice")
        cluster = _whole(row["cluster"], f"{where}: cluster")
        _check_range(np.array([cluster]), known, where)
        clusters[sample_of[number]] = cluster
    for run, clusters in found.items():
        missing = np.flatnonzero(clusters < 0)
        if len(missing):
            raise InputError(
                f"{path}: expected a cluster for each of {known.n_samples} samples, but seed {run}"
                f" lacks {len(missing)}, the first {key} {numbers[missing[0]]}"
            )
    return found


def _read_npz(
    path: Path, known: Known, seed: int | None, order: Order | None
) -> dict[int, Assignments]:
    if order is None:
        raise InputError(
            f"{path}: an .npz does not tell the order of its samples; say --order source (as in"
            " the original file) or --order stored (as in samples.csv)"
        )
    arrays = _arrays(path)
    runs = {int(key[5:]): key for key in arrays if re.fullmatch(r"seed_\d+", key)}
    if ("y_pred" in arrays) == bool(runs):
        raise InputError(
            f"{path}: expected either y_pred or seed_0, seed_1, …, got"
            f" {', '.join(sorted(arrays)) or 'none'}"
        )
    if runs and seed is not None:
        raise InputError(f"{path}: names its seeds; leave --seed out")
    where = {run: arrays[key] for run, key in runs.items()} or {seed or 0: arrays["y_pred"]}
    return {run: _fitting(path, run, where[run], known, order) for run in sorted(where)}


def _arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            wanted = [key for key in archive.files if re.fullmatch(r"y_pred|seed_\d+", key)]
            return {key: archive[key] for key in wanted}
    except FileNotFoundError:
        raise InputError(f"{path}: expected an .npz of assignments, found none") from None
    except NOT_AN_NPZ as error:
        raise InputError(f"{path}: expected an .npz of assignments, but {error}") from None


def _fitting(
    path: Path, seed: int, values: NDArray[Any], known: Known, order: Order
) -> Assignments:
    """Return assignments in the order of `samples.csv`, all checks passed."""
    where = f"{path}: seed {seed}"
    if values.shape != (known.n_samples,):
        raise InputError(
            f"{where}: expected shape ({known.n_samples},) as {known.where} has samples,"
            f" got {values.shape}"
        )
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(f"{where}: expected numbers without NaN, got {values.dtype}")
    if (values != np.rint(values)).any():
        raise InputError(f"{where}: expected whole numbers, got fractions")
    _check_range(values, known, where)
    if order == "source":
        if not np.array_equal(np.sort(known.source_row), np.arange(known.n_samples)):
            raise InputError(
                f"{where}: {known.where} does not have every row of the original file once; give a"
                " .csv with sample numbers instead"
            )
        values = values[known.source_row]
    return values.astype(np.int32)


def _check_range(values: NDArray[Any], known: Known, where: str) -> None:
    low, high = values.min(), values.max()
    if low < 0 or high >= known.n_clusters:
        hint = "; were they numbered from 1?" if high == known.n_clusters else ""
        raise InputError(
            f"{where}: expected clusters in 0..{known.n_clusters - 1},"
            f" got {high if high >= known.n_clusters else low:g}{hint}"
        )


def _sample_of(path: Path, numbers: NDArray[np.int64], key: str) -> dict[int, int]:
    sample_of = {int(number): sample for sample, number in enumerate(numbers)}
    if len(sample_of) < len(numbers):
        raise InputError(
            f"{path}: several samples of this data set are of one source row; give the column"
            f" sample instead of {key}"
        )
    return sample_of


def _whole(text: str | None, where: str) -> int:
    if text is None or not re.fullmatch(r"\s*-?\d+\s*", text):
        raise InputError(f"{where}: expected a whole number, got {text!r}")
    return int(text)
