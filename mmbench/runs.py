"""The noun `Run`: the assignments of one data set, method and seed, and how they arose.

A block of seeds is stored in two files: `assignments.npz` with the arrays of all its seeds,
`runs.json` with a record of each. Both are plain: no code, readable without mmbench.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import NOT_AN_NPZ, read_json, replacing, write_json
from mmbench.literals import Precision, Status

STATUSES: tuple[Status, ...] = get_args(Status)

# The rules by which a run is made and scored: what a seed reaches, when training ends, which
# epoch counts, how each metric is computed. Raise it when one changes: runs that were made by
# other rules are not merged, and do not belong in one table.
FORMAT_VERSION = 1


class Restart(TypedDict):
    """One of several trainings of a seed: its own seed, and what it was judged by.

    Attributes:
        seed: that it was trained with.
        status: how it ended.
        loss: the last one logged; None where it did not end `ok`, or logged none.
        kept: whether the run is this one.
    """

    seed: int
    status: Status
    loss: float | None
    kept: bool


@dataclass(frozen=True)
class Record:
    """How the run of one seed went, as `runs.json` keeps it.

    Attributes:
        seed: of the run.
        status: how it ended.
        reason: one line, where it did not end `ok`; of an imported run, the file it is from.
        log_tail: the last lines it printed, where it did not end `ok`.
        method: the entry it ran.
        uses: the module it ran.
        params: every hyperparameter, defaults included.
        precision: float32 or bfloat16.
        fingerprint: of the source it ran.
        losses: per figure that the method logged, (epoch, value) pairs.
        seconds: setup, training, inference, waiting (for a device) and total.
        memory: peak bytes on the host and on the device.
        device: what it trained on.
        threads: it was allowed.
        versions: of Python and the libraries that matter.
        git_commit: of the project, or None outside a checkout.
        git_clean: whether the checkout had no changes, `results/` and `dvc.lock` aside.
        data_checksum: of the data set it saw.
        started: when, in UTC.
        n_restarts: trainings of the seed that were asked for, of which one is kept.
        restarts: those that ended, if several were asked for; `seconds` are those of all.
        format_version: the rules it was made by, see `FORMAT_VERSION`.
        host: the name of the machine it ran on.
        origin: empty where it was trained here; `imported` where the assignments alone came
            from elsewhere; otherwise the machine whose runs were merged.
    """

    seed: int
    status: Status
    reason: str = ""
    log_tail: str = ""
    method: str = ""
    uses: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    precision: Precision = "float32"
    fingerprint: str = ""
    losses: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    git_clean: bool | None = None
    data_checksum: str = ""
    started: str = ""
    n_restarts: int = 1
    restarts: list[Restart] = field(default_factory=list)
    format_version: int = 1  # of records from before it was kept
    host: str = ""
    origin: str = ""


@dataclass(frozen=True, eq=False)
class Run:
    """A record with its arrays.

    Attributes:
        record: how the run went.
        y_pred: (n_samples,) int32, or None where the run did not end `ok`.
        history: (n_checkpoints, n_samples) int16, the assignments during training.
        epochs: (n_checkpoints,), the epoch of each.
        embedding: (n_samples, n_latent) float16, where the method has one.
        view_assignments: per view, (n_samples,) int32, the assignments by that view alone.
    """

    record: Record
    y_pred: NDArray[np.int32] | None = None
    history: NDArray[np.int16] | None = None
    epochs: NDArray[np.int32] | None = None
    embedding: NDArray[np.float16] | None = None
    view_assignments: dict[str, NDArray[np.int32]] = field(default_factory=dict)


def write_runs(runs: Sequence[Run], assignments: Path, records: Path) -> None:
    """Write both files of a block, each whole or not at all, the records last.

    The embedding is kept for the first run alone: figures need one, and it is large.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for run in runs:
        seed = run.record.seed
        if run.y_pred is not None:
            arrays[f"seed_{seed}"] = run.y_pred
        if run.history is not None and run.epochs is not None:
            arrays[f"history_{seed}"] = run.history
            arrays[f"epochs_{seed}"] = run.epochs
        for view, y_pred in run.view_assignments.items():
            arrays[f"view_{seed}_{view}"] = y_pred
        if run.embedding is not None and "embedding" not in arrays:
            arrays["embedding"] = run.embedding
            arrays["embedding_seed"] = np.asarray(seed)
    with replacing(assignments) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    write_json(records, [asdict(run.record) for run in runs])


def read_records(records: Path) -> list[Record]:
    """Return the records of a block.

    Raises:
        InputError: the file is missing or does not hold records.
    """
    value = read_json(records)
    try:
        return [Record(**entry) for entry in value]
    except TypeError as error:
        raise InputError(f"{records}: expected the records of runs, but {error}") from None


def read_runs(assignments: Path, records: Path) -> list[Run]:
    """Return the runs of a block.

    Raises:
        InputError: a file is missing, cut short, or does not hold runs.
    """
    told = read_records(records)
    try:
        with np.load(assignments, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise InputError(f"{assignments}: expected the assignments of runs, found none") from None
    except NOT_AN_NPZ as error:
        raise InputError(f"{assignments}: expected an .npz of assignments, but {error}") from None
    runs = []
    for record in told:
        seed = record.seed
        start = f"view_{seed}_"
        runs.append(
            Run(
                record,
                arrays.get(f"seed_{seed}"),
                arrays.get(f"history_{seed}"),
                arrays.get(f"epochs_{seed}"),
                arrays["embedding"] if arrays.get("embedding_seed") == seed else None,
                {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)},
            )
        )
    return runs
