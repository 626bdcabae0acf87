"""From a config to jobs: what would run, with which parameters, and where its files lie.

The Snakefile asks this module alone. Everything that can be wrong in a config is found here,
before the first job starts.
"""

import dataclasses
import hashlib
import json
import math
import os
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmbench.catalogue import DatasetEntry, load_datasets
from mmbench.checks import checked
from mmbench.config import ALL, Benchmark, MethodEntry, read_methods
from mmbench.data import FORMAT
from mmbench.errors import InputError, unknown
from mmbench.fingerprints import fingerprint
from mmbench.methods import build, locate
from mmbench.runs import read_records

RUNS = Path("results/runs")

_ASSIGNMENTS = "assignments.npz"
_RECORDS = "runs.json"


@dataclass(frozen=True)
class Block:
    """One job of `fit`: a data set, a method with its settings, and consecutive seeds."""

    dataset: str
    method: str
    settings: str
    seeds: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where its two files lie."""
        return RUNS / self.dataset / self.method / self.settings / format_seeds(self.seeds)

    @property
    def assignments(self) -> Path:
        """The file of its assignments."""
        return self.folder / _ASSIGNMENTS

    @property
    def records(self) -> Path:
        """The file of its records."""
        return self.folder / _RECORDS


@dataclass(frozen=True)
class Outlook:
    """What a benchmark still has to do in one cell.

    Attributes:
        dataset: the data set.
        method: the method.
        seeds: how many are wanted.
        seeds_to_run: how many are not stored, or were run with another source.
        seconds_per_seed: the median of the seeds measured here, in any settings, or None.
        minutes: for what is to be run, or None where nothing was measured.
    """

    dataset: str
    method: str
    seeds: int
    seeds_to_run: int
    seconds_per_seed: float | None
    minutes: float | None


class Plan:
    """A benchmark, checked against both catalogues and against the methods' own types.

    Attributes:
        benchmark: what was asked for.
        dataset_names: the data sets of the benchmark, in order.
        method_names: its methods, in order.
        datasets: the catalogue of data sets, by name.
        methods: the catalogue of methods, by name.

    Raises:
        InputError: the config names something unknown, or a parameter does not fit its
            method; one line that names the key and the file.
    """

    def __init__(self, benchmark: Benchmark, *, where: str = "config") -> None:
        self.benchmark = benchmark
        self._where = where
        self.datasets = load_datasets([Path(p) for p in benchmark.dataset_catalogues])
        self.methods = read_methods([Path(p) for p in benchmark.method_catalogues])
        self.dataset_names = _chosen(benchmark.datasets, self.datasets)
        self.method_names = _chosen(benchmark.methods, self.methods)
        for name in self.dataset_names:
            if name not in self.datasets:
                raise unknown("data set", name, self.datasets, where=f"{where}: datasets")
        for name in self.method_names:
            if name not in self.methods:
                raise unknown("method", name, self.methods, where=f"{where}: methods")
            self._check_method(name)
        self._params: dict[tuple[str, str], dict[str, Any]] = {}
        self._fingerprints: dict[str, str] = {}
        for dataset, method in self.cells():
            self.params(method, dataset)

    @classmethod
    def of(cls, config: Mapping[str, Any], *, where: str = "config") -> "Plan":
        """Return the plan of a config as Snakemake or YAML gives it.

        Raises:
            InputError: the config is empty or wrong.
        """
        if not config:
            raise InputError(
                "expected a benchmark, got an empty config; name one by"
                " --configfile config/config.yaml"
            )
        return cls(checked(Benchmark, dict(config), where=where), where=where)

    def cells(self) -> Iterator[tuple[str, str]]:
        """Yield every (dataset, method) of the benchmark."""
        for dataset in self.dataset_names:
            for method in self.method_names:
                yield dataset, method

    def dataset(self, name: str) -> DatasetEntry:
        """Return the catalogue's entry of a data set."""
        return self.datasets[name]

    def method(self, name: str) -> MethodEntry:
        """Return the catalogue's entry of a method."""
        return self.methods[name]

    @property
    def seeds(self) -> str:
        """The seeds of the benchmark, such as `0-4`."""
        return format_seeds(range(self.benchmark.seeds))

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of the rules find in their environment.

        These say where to look, which changes no result: as `params` of a rule they would run
        it again when they change.
        """
        told = {"MMBENCH_CATALOGUE": os.pathsep.join(self.benchmark.dataset_catalogues)}
        if self.benchmark.mirror:
            told["MMBENCH_MIRROR"] = self.benchmark.mirror
        return told

    def timeout_minutes(self, method: str) -> int:
        """Return the limit of one seed, in whole minutes."""
        return math.ceil(self.methods[method].timeout_minutes)

    def runtime_minutes(self, method: str, seeds: str) -> int:
        """Return the limit of a whole job, in minutes, as schedulers of clusters ask for it."""
        start = 5  # minutes to start Python and to write the results
        return start + self.timeout_minutes(method) * len(parse_seeds(seeds))

    # ------------------------------------------------------------------ what a run depends on

    def params(self, method: str, dataset: str) -> dict[str, Any]:
        """Return every hyperparameter of a cell, the defaults of the method included."""
        key = (method, dataset)
        if key not in self._params:
            entry = self.methods[method]
            own = {
                **entry.params,
                **entry.params_by_dataset.get(dataset, {}),
                **self.benchmark.params.get(method, {}),
            }
            try:
                self._params[key] = resolved(method, entry, own)
            except InputError as error:  # it may stand in the benchmark or in a catalogue
                files = ", ".join([self._where, *self.benchmark.method_catalogues])
                raise InputError(f"{files}: {error}") from None
        return self._params[key]

    def settings(self, method: str, dataset: str) -> str:
        """Return eight hex digits of the resolved parameters and the precision."""
        return settings_of(self.params(method, dataset), self.benchmark.precision)

    def fingerprint(self, method: str) -> str:
        """Return the fingerprint of the source that a method runs."""
        if method not in self._fingerprints:
            source = locate(self.methods[method].uses, where=f"method {method}")
            self._fingerprints[method] = fingerprint(source)
        return self._fingerprints[method]

    def method_json(self, method: str, dataset: str) -> str:
        """Return what `mmbench fit` is told of a method, as one line of JSON."""
        told = {
            "method": method,
            "uses": self.methods[method].uses,
            "params": self.params(method, dataset),
            "precision": self.benchmark.precision,
        }
        return json.dumps(told, sort_keys=True)

    def sources(self, dataset: str) -> str:
        """Return a digest of where the files of a data set come from."""
        told = {"sources", "generator"}
        return _digest(self.datasets[dataset].model_dump(mode="json", include=told))

    def recipe(self, dataset: str) -> str:
        """Return a digest of how a data set is made from its files: its entry, words aside."""
        words = {"title", "citation", "licence", "remark"}
        entry = self.datasets[dataset].model_dump(mode="json", exclude=words)
        return _digest({"format": FORMAT, **entry})

    # ------------------------------------------------------------------ jobs and their files

    def blocks(self, dataset: str, method: str) -> list[Block]:
        """Return the jobs that give every wanted seed of a cell.

        Blocks that are stored already are taken as they are, also where they hold more seeds
        than wanted. What they lack is cut at multiples of `seeds_per_job`, so that the cut
        does not depend on which jobs have finished.
        """
        settings = self.settings(method, dataset)
        wanted = set(range(self.benchmark.seeds))
        blocks = []
        for block in stored_blocks(dataset, method, settings):
            if wanted & set(block.seeds):
                blocks.append(block)
                wanted -= set(block.seeds)
        size = self.methods[method].seeds_per_job
        for seeds in _runs_of_seeds(sorted(wanted), size):
            blocks.append(Block(dataset, method, settings, seeds))
        return sorted(blocks, key=lambda block: block.seeds)

    @cached_property
    def jobs(self) -> list[Block]:
        """Every job of `fit`, whether it has run or not."""
        return [block for cell in self.cells() for block in self.blocks(*cell)]

    @property
    def targets(self) -> list[str]:
        """Return what the whole workflow is to make."""
        results = Path("results", self.benchmark.name)
        scores = [results / "scores" / f"{name}.csv" for name in self.dataset_names]
        return [str(path) for path in (results / "tables" / "leaderboard.md", *scores)]

    def outlook(self) -> list[Outlook]:
        """Return what there is still to do in each cell, and about how long it would take."""
        return [self._outlook(dataset, method) for dataset, method in self.cells()]

    def _outlook(self, dataset: str, method: str) -> Outlook:
        to_run = 0
        for block in self.blocks(dataset, method):
            if not (block.records.is_file() and self._is_current(block)):
                to_run += len(block.seeds)
        measured = [
            record.seconds["total"]
            for settings in sorted((RUNS / dataset / method).glob("*"))
            for block in stored_blocks(dataset, method, settings.name)
            for record in read_records(block.records)
            if record.status == "ok" and "total" in record.seconds
        ]
        each = statistics.median(measured) if measured else None
        minutes = 0.0 if not to_run else None if each is None else to_run * each / 60
        return Outlook(dataset, method, self.benchmark.seeds, to_run, each, minutes)

    def _is_current(self, block: Block) -> bool:
        """Return whether a stored block was run with today's source of its method."""
        today = self.fingerprint(block.method)
        return all(record.fingerprint == today for record in read_records(block.records))

    def runs(self, dataset: str) -> list[str]:
        """Return the files that `score` needs of a data set."""
        return self._files_by_dataset[dataset]

    @cached_property
    def _files_by_dataset(self) -> dict[str, list[str]]:
        files: dict[str, list[str]] = {name: [] for name in self.dataset_names}
        for block in self.jobs:
            files[block.dataset] += [str(block.assignments), str(block.records)]
        return files

    def selection_json(self, dataset: str) -> str:
        """Return which settings of each method count for this benchmark, as JSON."""
        return json.dumps({m: self.settings(m, dataset) for m in self.method_names})

    def report_json(self) -> str:
        """Return what `mmbench report` is told of the benchmark, as JSON."""
        return json.dumps(self.report_spec())

    def report_spec(self) -> dict[str, Any]:
        """Return the benchmark as reports name it: its data sets and methods, in order."""
        return {
            "name": self.benchmark.name,
            "seeds": list(range(self.benchmark.seeds)),
            "datasets": [
                {
                    "name": name,
                    "title": self.datasets[name].title,
                    "pairing": self.datasets[name].pairing,
                    "setting": self.datasets[name].setting,
                }
                for name in self.dataset_names
            ],
            "methods": [
                {
                    "name": name,
                    "title": self.methods[name].title or name,
                    "fidelity": self.methods[name].fidelity,
                    "rows": self.methods[name].rows,
                    "tuned_on": [
                        d for d in self.dataset_names if d in self.methods[name].params_by_dataset
                    ],
                    "changed": bool(self.benchmark.params.get(name)),
                }
                for name in self.method_names
            ],
        }

    def _check_method(self, name: str) -> None:
        for dataset in self.methods[name].params_by_dataset:
            if dataset not in self.datasets:
                raise unknown(
                    "data set", dataset, self.datasets, where=f"{name}: params_by_dataset"
                )


def resolved(name: str, entry: MethodEntry, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters of a method with its defaults, as JSON can hold them.

    Raises:
        InputError: the method cannot be imported, or a parameter is unknown or of the wrong
            type.
    """
    method = build(entry.uses, params, where=f"method {name}")
    as_json: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(method)))  # type: ignore[call-overload]
    return as_json


def settings_of(params: Mapping[str, Any], precision: str) -> str:
    """Return eight hex digits of resolved parameters and the precision of the training."""
    return _digest({"params": params, "precision": precision})[:8]


def stored_blocks(dataset: str, method: str, settings: str) -> list[Block]:
    """Return the blocks of a cell whose two files are both there."""
    folder = RUNS / dataset / method / settings
    blocks = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    for name in names:
        if not name[0].isdigit():
            continue
        block = Block(dataset, method, settings, parse_seeds(name))
        if block.assignments.is_file() and block.records.is_file():
            blocks.append(block)
    return blocks


def all_stored_blocks() -> Iterator[Block]:
    """Yield every stored block of every cell, whatever benchmark it was run for."""
    for folder in sorted(RUNS.glob("*/*/*")):
        dataset, method, settings = folder.parts[-3:]
        yield from stored_blocks(dataset, method, settings)


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


def _chosen(names: tuple[str, ...], catalogue: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a benchmark asks for, `all` spelled out."""
    if names != ALL:
        return names
    return tuple(name for name in catalogue if not name.startswith("toy-"))


def _runs_of_seeds(seeds: list[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yield consecutive seeds, cut at multiples of `size`."""
    run: list[int] = []
    for seed in seeds:
        if run and (seed != run[-1] + 1 or seed % size == 0):
            yield tuple(run)
            run = []
        run.append(seed)
    if run:
        yield tuple(run)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
