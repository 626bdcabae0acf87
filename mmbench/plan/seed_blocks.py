"""Jobs of `fit` and the folders in which their results are stored."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mmbench.errors import InputError

PROCESSED = Path("data/processed")  # a folder for each prepared data set
RUNS = Path("results/runs")

_ASSIGNMENTS = "assignments.npz"
_RECORDS = "runs.json"


class RunId(Protocol):
    """What tells runs apart but for their seeds: a block, or the wildcards of a rule."""

    @property
    def dataset(self) -> str:
        """The data set."""

    @property
    def method(self) -> str:
        """The row of the benchmark."""

    @property
    def params_hash(self) -> str:
        """Eight hex digits, see `params_hash_of`."""


@dataclass(frozen=True)
class SeedBlock:
    """One job of `fit`: a data set, a method with its params_hash, and consecutive seeds."""

    dataset: str
    method: str
    params_hash: str
    seeds: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where its two files lie."""
        return RUNS / self.dataset / self.method / self.params_hash / format_seeds(self.seeds)

    @property
    def assignments(self) -> Path:
        """The file of its assignments."""
        return self.folder / _ASSIGNMENTS

    @property
    def records(self) -> Path:
        """The file of its records."""
        return self.folder / _RECORDS


def stored_blocks(dataset: str, method: str, params_hash: str) -> list[SeedBlock]:
    """Return the blocks of a cell whose two files are both there."""
    folder = RUNS / dataset / method / params_hash
    blocks = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    for name in names:
        if not name[0].isdigit():
            continue
        block = SeedBlock(dataset, method, params_hash, parse_seeds(name))
        if block.assignments.is_file() and block.records.is_file():
            blocks.append(block)
    return blocks


def all_stored_blocks() -> Iterator[SeedBlock]:
    """Yield every stored block of every cell, whatever benchmark it was run for."""
    for folder in sorted(RUNS.glob("*/*/*")):
        dataset, method, params_hash = folder.parts[-3:]
        yield from stored_blocks(dataset, method, params_hash)


def format_seeds(seeds: Iterable[int]) -> str:
    """Return consecutive seeds as the name of a block: `0-4`, `7-7`."""
    told = list(seeds)
    return f"{told[0]}-{told[-1]}"


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that `0-4` or `7` names.

    Raises:
        InputError: the text is not of that form.
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise InputError(f"seeds: expected a range such as 0-4, got {text!r}")
    return tuple(range(first, last + 1))


def cut(seeds: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yield runs of consecutive seeds, cut at multiples of `size`.

    Args:
        seeds: in increasing order.
        size: at most so many seeds in a run.
    """
    run: list[int] = []
    for seed in seeds:
        if run and (seed != run[-1] + 1 or seed % size == 0):
            yield tuple(run)
            run = []
        run.append(seed)
    if run:
        yield tuple(run)
