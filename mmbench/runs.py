"""Runs: the assignments of one data set, method and seed, how they arose, and where they lie.

Seeds are run in blocks. A block of seeds is a folder with two files: `assignments.npz` holds the
arrays of its seeds and `runs.json` a record of each. Both can be read without mmbench.

A `RunStore` is a folder of blocks, laid out as
`{dataset}/{method}/{params_hash}/{first seed}-{last seed}/`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import NOT_AN_NPZ, digest, read_json, replacing, write_json
from mmbench.literals import Checkpoint, Precision, Status

STATUSES: tuple[Status, ...] = get_args(Status)

# The version of the rules by which a run is made and scored, and of the fields of a record. It is
# raised when a rule changes; runs of different versions are neither merged nor compared.
FORMAT_VERSION = 2

ASSIGNMENTS_FILE = "assignments.npz"
RECORDS_FILE = "runs.json"


class Restart(TypedDict):
    """One of several trainings of a seed.

    Attributes:
        seed: the seed it was trained with.
        loss: the logged loss of its result; None where it did not end `ok` or logged no loss.
        kept: whether the run of the seed is this training.
    """

    seed: int
    status: Status
    loss: float | None
    kept: bool


@dataclass(frozen=True)
class Record:
    """How the run of one seed went.

    Attributes:
        reason: one line, where it did not end `ok`; for an imported run, its source file.
        log_tail: the last printed lines, where it did not end `ok`.
        method: the catalogue entry.
        uses: the module that ran.
        params: every hyperparameter, defaults included.
        fingerprint: of the source code that ran.
        losses: for each logged figure, (epoch, value) pairs.
        seconds: setup, training, inference, waiting (for a device) and total.
        memory: peak bytes on the host and on the device.
        versions: of Python and the libraries that matter.
        git_commit: of the project, or None outside a checkout.
        git_clean: whether the checkout had no changes other than in `results/` and `dvc.lock`.
        data_checksum: of the data set that was clustered.
        started: the start time in UTC.
        n_restarts: how many trainings of the seed were requested, of which one is kept.
        restarts: the finished trainings, if several were requested; `seconds` is their sum.
        checkpoint: which checkpoint of a training was requested as its result.
        checkpoint_epoch: the epoch of the assignments, where it was chosen by the loss.
        format_version: see `FORMAT_VERSION`.
        host: the name of the machine it ran on.
        origin: empty for a run that was trained here, `imported` for assignments that were made
            elsewhere, and otherwise the machine whose runs were merged.
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
    checkpoint: Checkpoint = "last"
    checkpoint_epoch: int | None = None
    format_version: int = FORMAT_VERSION
    host: str = ""
    origin: str = ""


@dataclass(frozen=True, eq=False)
class Run:
    """A record with its arrays.

    Attributes:
        record: how the run went.
        y_pred: (n_samples,) int32, or None where the run did not end `ok`.
        history: (n_checkpoints, n_samples) int16, the assignments during training.
        epochs: (n_checkpoints,), the epoch of each checkpoint.
        embedding: (n_samples, n_latent) float16, where the method has one.
        view_assignments: by view, (n_samples,) int32, the assignments by that view alone.
    """

    record: Record
    y_pred: NDArray[np.int32] | None = None
    history: NDArray[np.int16] | None = None
    epochs: NDArray[np.int32] | None = None
    embedding: NDArray[np.float16] | None = None
    view_assignments: dict[str, NDArray[np.int32]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunKey:
    """Everything that decides the result of a seed: equal keys give equal assignments.

    A stored run is current if its key is the one that a run of today would have.

    Attributes:
        data_checksum: of the data set; None where it is not prepared, and then it is not compared.
        format_version: see `FORMAT_VERSION`.
    """

    params: dict[str, Any]
    precision: str
    n_restarts: int
    checkpoint: Checkpoint
    fingerprint: str
    data_checksum: str | None
    format_version: int = FORMAT_VERSION

    @classmethod
    def of(cls, record: Record) -> "RunKey":
        """Return the key of a run."""
        return cls(**{name: getattr(record, name) for name in cls.__dataclass_fields__})

    def mismatch(self, record: Record) -> str:
        """Return what differs in a run, as `fingerprint: expected X, got Y`; empty if nothing."""
        name = self.changed_field(record)
        expected, found = (getattr(x, name, "") for x in (self, record))
        return f"{name}: expected {expected}, got {found or 'none'}" if name else ""

    def changed_field(self, record: Record) -> str:
        """Return the first field in which a run differs, or an empty text."""
        fields = asdict(self).items()
        return next((n for n, value in fields if value not in (None, getattr(record, n))), "")

    @property
    def digest(self) -> str:
        """Sixteen hex digits of the key."""
        return digest(asdict(self))


# ------------------------------------------------------------------ the two files of a block


def write_runs(runs: Sequence[Run], folder: Path) -> None:
    """Write both files of a block, each completely or not at all, the records last.

    Only the first embedding is kept, since embeddings are large and figures need one.
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
    with replacing(folder / ASSIGNMENTS_FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    write_json(folder / RECORDS_FILE, [asdict(run.record) for run in runs])


def read_records(folder: Path) -> list[Record]:
    """Return the records of a block.

    Raises:
        InputError: the file is missing or does not hold records of this version.
    """
    path = folder / RECORDS_FILE
    value = read_json(path)
    try:
        return [Record(**entry) for entry in value]
    except TypeError as error:
        raise InputError(f"{path}: expected the records of runs, but {error}") from None


def read_runs(folder: Path) -> list[Run]:
    """Return the runs of a block.

    Raises:
        InputError: a file is missing, truncated, or does not hold runs.
    """
    records = read_records(folder)
    path = folder / ASSIGNMENTS_FILE
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: expected the assignments of runs, found none") from None
    except NOT_AN_NPZ as error:
        raise InputError(f"{path}: expected an .npz of assignments, but {error}") from None
    runs = []
    for record in records:
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


# ------------------------------------------------------------------ where blocks lie


@dataclass(frozen=True, order=True)
class SeedBlock:
    """The runs of one data set, method and set of parameters, for consecutive seeds."""

    dataset: str
    method: str
    params_hash: str
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """The last part of its path, such as `3f2a9c10/0-4`."""
        return f"{self.params_hash}/{format_seeds(self.seeds)}"

    @classmethod
    def named(cls, dataset: str, method: str, name: str) -> "SeedBlock":
        """Return the block with a name such as `3f2a9c10/0-4`.

        Raises:
            InputError: the name does not have this form.
        """
        params_hash, _, seeds = name.partition("/")
        return cls(dataset, method, params_hash, parse_seeds(seeds))


class RunStore:
    """A folder of runs, `root`, usually `results/runs`."""

    def __init__(self, root: Path = Path("results/runs")) -> None:
        self.root = root

    def folder(self, block: SeedBlock) -> Path:
        """Return the folder of a block."""
        return self.root / block.dataset / block.method / block.name

    def files(self, block: SeedBlock) -> tuple[Path, Path]:
        """Return the assignments file and the records file of a block."""
        folder = self.folder(block)
        return folder / ASSIGNMENTS_FILE, folder / RECORDS_FILE

    def has(self, block: SeedBlock) -> bool:
        """Return whether both files of a block exist."""
        return all(path.is_file() for path in self.files(block))

    def blocks(self, dataset: str = "*", method: str = "*") -> Iterator[SeedBlock]:
        """Yield the stored blocks in the order of their names; `*` stands for any name."""
        for folder in sorted(self.root.glob(f"{dataset}/{method}/*")):
            yield from self.blocks_of_cell(*folder.parts[-3:])

    def blocks_of_cell(self, dataset: str, method: str, params_hash: str) -> Iterator[SeedBlock]:
        """Yield the stored blocks of one data set, method and set of parameters."""
        folder = self.root / dataset / method / params_hash
        # a plan asks this for every cell, and most folders do not exist
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        for name in names:
            if name[0].isdigit():
                block = SeedBlock(dataset, method, params_hash, parse_seeds(name))
                if self.has(block):
                    yield block

    def covering(self, cell: SeedBlock, seeds_per_job: int) -> list[SeedBlock]:
        """Return blocks that together hold the seeds of `cell`, stored blocks first.

        A stored block is used even if it holds more seeds than requested. The remaining seeds are
        split at multiples of `seeds_per_job`, so that the split does not depend on which jobs have
        finished.
        """
        missing = set(cell.seeds)
        blocks = []
        for block in self.blocks_of_cell(cell.dataset, cell.method, cell.params_hash):
            if missing & set(block.seeds):
                blocks.append(block)
                missing -= set(block.seeds)
        for seeds in split_seeds(sorted(missing), seeds_per_job):
            blocks.append(SeedBlock(cell.dataset, cell.method, cell.params_hash, seeds))
        return sorted(blocks)

    def runs(self, blocks: Iterable[SeedBlock]) -> dict[int, tuple[Run, SeedBlock]]:
        """Return by seed the runs of blocks of one cell, each with its block.

        Where blocks overlap, the run that started last counts: an earlier one may come from an
        earlier version of the method.

        Raises:
            InputError: a block is missing, or a file cannot be read.
        """
        found: dict[int, tuple[Run, SeedBlock]] = {}
        for block in blocks:
            for run in read_runs(self.folder(block)):
                seed, started = run.record.seed, run.record.started
                if seed not in found or started > found[seed][0].record.started:
                    found[seed] = run, block
        return found

    def write(self, blocks: Mapping[SeedBlock, Sequence[Run]]) -> None:
        """Write blocks that are not stored yet: all of them, or none if writing fails.

        Raises:
            OSError: a file cannot be written.
        """
        try:
            for block, runs in blocks.items():
                write_runs(runs, self.folder(block))
        except BaseException:
            for block in blocks:
                for path in self.files(block):
                    path.unlink(missing_ok=True)
            raise


def format_seeds(seeds: Sequence[int]) -> str:
    """Return consecutive seeds as a range: `0-4`, `7-7`."""
    return f"{seeds[0]}-{seeds[-1]}"


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that a range such as `0-4`, or a single number, stands for.

    Raises:
        InputError: the text does not have this form.
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise InputError(f"seeds: expected a range such as 0-4, got {text!r}")
    return tuple(range(first, last + 1))


def split_seeds(seeds: Iterable[int], size: int | None = None) -> Iterator[tuple[int, ...]]:
    """Yield the runs of consecutive, increasing seeds, split at multiples of `size` if given."""
    block: list[int] = []
    for seed in seeds:
        if block and (seed != block[-1] + 1 or (size and seed % size == 0)):
            yield tuple(block)
            block = []
        block.append(seed)
    if block:
        yield tuple(block)
