"""Reads assignments that were made elsewhere, and checks that they fit the samples.

The samples of a prepared data set are in another order than in its original files, so a file of
assignments must name its order. A .csv does so by its columns:

- `sample, cluster`: the sample numbers of `samples.csv`;
- `source_row, cluster`: the row numbers of the original file, from 0;

with a column `seed` if it holds several runs. An .npz has `y_pred`, or `seed_0`, `seed_1`, …,
each (n_samples,); its order is given by the caller.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import NOT_AN_NPZ, PROCESSED, read_csv
from mmbench.views_file import read_metadata

Order = Literal["source", "stored"]
Assignments = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The samples that assignments must fit, read from the file `where`.

    `source_row`, (n_samples,), has the row of each sample in the original file.
    """

    source_row: NDArray[np.int64]
    n_clusters: int
    where: str


def prepared_metadata(dataset: str, *, where: str = "") -> dict[str, Any]:
    """Return the metadata of the views of a prepared data set.

    Raises:
        InputError: it is not prepared here.
    """
    views = PROCESSED / dataset / "views.safetensors"
    metadata = read_metadata(views) if views.is_file() else {}
    if "checksum" not in metadata:
        start = f"{where}: " if where else ""
        raise InputError(f"{start}{views}: not there; `snakemake prepared` makes it")
    return metadata


def read_sample_table(dataset: str, n_clusters: int) -> SampleTable:
    """Return the samples of a prepared data set; labels are not read.

    Raises:
        InputError: `samples.csv` is missing or lacks the column `source_row`.
    """
    path = PROCESSED / dataset / "samples.csv"
    found = read_csv(path, ["source_row"], what="the samples of a data set")
    rows = [_integer(row["source_row"], f"{path}: source_row") for row in found]
    return SampleTable(np.array(rows, dtype=np.int64), n_clusters, str(path))


def read_assignments(
    path: Path, table: SampleTable, *, seed: int | None, order: Order | None
) -> dict[int, Assignments]:
    """Return by seed the cluster of each sample, in the order of `samples.csv`.

    `seed` is that of the run if the file does not give it, by default 0. `order` is for an .npz:
    as in the original file, or as stored by `prepare`.

    Raises:
        InputError: the file cannot be read, its order is unknown, or it does not assign each
            sample once to a cluster in 0..n_clusters-1.
    """
    if path.suffix == ".csv":
        if order is not None:
            raise InputError(f"{path}: --order is for an .npz; a .csv gives it by its columns")
        found = _read_csv(path, table, seed)
    elif path.suffix == ".npz":
        found = _read_npz(path, table, seed, order)
    else:
        raise InputError(f"{path}: expected a .csv or an .npz of assignments")
    if min(found) < 0:  # the names of folders have no negative seeds
        raise InputError(f"{path}: expected seeds of at least 0, got {min(found)}")
    return found


def _read_csv(path: Path, table: SampleTable, seed: int | None) -> dict[int, Assignments]:
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
    n_samples = len(table.source_row)
    numbers = table.source_row if key == "source_row" else np.arange(n_samples)
    sample_of = {int(number): sample for sample, number in enumerate(numbers)}
    if len(sample_of) < len(numbers):
        raise InputError(
            f"{path}: several samples of this data set are of one source row; give the column"
            f" sample instead of {key}"
        )
    found: dict[int, Assignments] = {}
    for line, row in enumerate(rows, start=2):
        where = f"{path}, line {line}"
        values = {column: _integer(text, f"{where}: {column}") for column, text in row.items()}
        number, cluster, run = values[key], values["cluster"], values.get("seed", seed or 0)
        if number not in sample_of:
            raise InputError(f"{where}: {table.where} has no {key} {number}")
        clusters = found.setdefault(run, np.full(n_samples, -1, dtype=np.int32))
        if clusters[sample_of[number]] >= 0:
            raise InputError(f"{where}: {key} {number} of seed {run} occurs twice")
        _check_range(np.array([cluster]), table, where)
        clusters[sample_of[number]] = cluster
    for run, clusters in found.items():
        missing = np.flatnonzero(clusters < 0)
        if len(missing):
            raise InputError(
                f"{path}: expected a cluster for each of {n_samples} samples, but seed {run}"
                f" lacks {len(missing)}, the first {key} {numbers[missing[0]]}"
            )
    return found


def _read_npz(
    path: Path, table: SampleTable, seed: int | None, order: Order | None
) -> dict[int, Assignments]:
    if order is None:
        raise InputError(
            f"{path}: an .npz does not give the order of its samples; add --order source (as in"
            " the original file) or --order stored (as in samples.csv)"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            wanted = [key for key in archive.files if re.fullmatch(r"y_pred|seed_\d+", key)]
            arrays = {key: archive[key] for key in wanted}
    except FileNotFoundError:
        raise InputError(f"{path}: expected an .npz of assignments, found none") from None
    except NOT_AN_NPZ as error:
        raise InputError(f"{path}: expected an .npz of assignments, but {error}") from None
    runs = {int(key[5:]): array for key, array in arrays.items() if key != "y_pred"}
    if ("y_pred" in arrays) == bool(runs):
        names = ", ".join(sorted(arrays)) or "none"
        raise InputError(f"{path}: expected either y_pred or seed_0, seed_1, …, got {names}")
    if runs and seed is not None:
        raise InputError(f"{path}: names its seeds; leave --seed out")
    runs = runs or {seed or 0: arrays["y_pred"]}
    return {
        run: _in_stored_order(runs[run], order, table, f"{path}: seed {run}")
        for run in sorted(runs)
    }


def _in_stored_order(
    values: NDArray[Any], order: Order, table: SampleTable, where: str
) -> Assignments:
    """Return valid assignments in the order of `samples.csv`."""
    n_samples = len(table.source_row)
    if values.shape != (n_samples,):
        raise InputError(
            f"{where}: expected shape ({n_samples},) as {table.where} has samples,"
            f" got {values.shape}"
        )
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(f"{where}: expected numbers without NaN, got {values.dtype}")
    if (values != np.rint(values)).any():
        raise InputError(f"{where}: expected whole numbers, got fractions")
    _check_range(values, table, where)
    if order == "source":
        if not np.array_equal(np.sort(table.source_row), np.arange(n_samples)):
            raise InputError(
                f"{where}: {table.where} does not have every row of the original file once; give a"
                " .csv with sample numbers instead"
            )
        values = values[table.source_row]
    return values.astype(np.int32)


def _check_range(values: NDArray[Any], table: SampleTable, where: str) -> None:
    low, high = values.min(), values.max()
    if low < 0 or high >= table.n_clusters:
        hint = "; were they numbered from 1?" if high == table.n_clusters else ""
        raise InputError(
            f"{where}: expected clusters in 0..{table.n_clusters - 1},"
            f" got {high if high >= table.n_clusters else low:g}{hint}"
        )


def _integer(text: str, where: str) -> int:
    if not re.fullmatch(r"\s*-?\d+\s*", text):
        raise InputError(f"{where}: expected a whole number, got {text!r}")
    return int(text)
