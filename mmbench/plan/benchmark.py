"""One benchmark, checked, and the jobs that it asks for."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mmbench.checks import checked
from mmbench.config import ALL, Benchmark, DatasetEntry, MethodEntry, read_datasets, read_methods
from mmbench.datasets import recipe
from mmbench.errors import InputError, unknown
from mmbench.files import digest, sha256
from mmbench.fingerprints import fingerprint
from mmbench.methods import locate
from mmbench.plan.origins import (
    dataset_differences,
    dataset_origin,
    method_differences,
    method_origin,
)
from mmbench.plan.params import params_hash_of, resolved
from mmbench.plan.seed_blocks import RunId, SeedBlock, cut, format_seeds, parse_seeds, stored_blocks
from mmbench.plan.sweeps import Point, grid

# what reports are drawn with, beside Python: templates, styles and a script
_DRAWN = (".j2", ".css", ".js", ".mplstyle")


class Plan:
    """A benchmark, checked against both catalogues and against the methods' own types.

    Attributes:
        benchmark: what was asked for.
        dataset_names: the data sets of the benchmark, in order.
        method_names: its methods, in order; after each the rows of its sweep.
        datasets: the catalogue of data sets, by name.
        methods: the catalogue of methods and the rows of sweeps, by name.

    Raises:
        InputError: the config names something unknown, or a parameter does not fit its
            method; one line that names the key and the file.
    """

    def __init__(self, benchmark: Benchmark, *, where: str = "config") -> None:
        self.benchmark = benchmark
        self._where = where
        self.datasets = read_datasets([Path(p) for p in benchmark.dataset_catalogues])
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
        self._check_keys()
        self._params: dict[tuple[str, str], dict[str, Any]] = {}
        self._settings: dict[tuple[str, str], str] = {}
        self._fingerprints: dict[str, str] = {}
        self._points = self._swept()
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
        """The environment variables for the commands of the rules.

        The mirror is where to look for files, which changes no result; a rule whose `params` held
        it would run again when it changes.
        """
        return {"MMBENCH_MIRROR": self.benchmark.mirror} if self.benchmark.mirror else {}

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
                **self._params_on_top(method),
            }
            try:
                self._params[key] = resolved(method, entry, own)
            except InputError as error:  # it may stand in the benchmark or in a catalogue
                files = ", ".join([self._where, *self.benchmark.method_catalogues])
                raise InputError(f"{files}: {error}") from None
        return self._params[key]

    def params_hash(self, method: str, dataset: str) -> str:
        """Return eight hex digits of what a run of a cell depends on; see `params_hash_of`."""
        key = (method, dataset)
        if key not in self._settings:
            self._settings[key] = params_hash_of(
                self.params(method, dataset),
                self.benchmark.precision,
                restarts=self.methods[method].restarts,
            )
        return self._settings[key]

    def has(self, run: RunId) -> bool:
        """Return whether the benchmark asks for runs of these settings."""
        cell = (run.method, run.dataset)
        return cell in self._params and self.params_hash(*cell) == run.params_hash

    def fingerprint(self, method: str) -> str:
        """Return the fingerprint of the source that a method runs."""
        uses = self.methods[method].uses
        if uses not in self._fingerprints:
            self._fingerprints[uses] = fingerprint(locate(uses, where=f"method {method}"))
        return self._fingerprints[uses]

    @cached_property
    def scoring_fingerprint(self) -> str:
        """The fingerprint of the source that compares runs with labels."""
        return fingerprint(locate("mmbench.evaluation.scoring"))

    @cached_property
    def reporting_fingerprint(self) -> str:
        """The fingerprint of the source that draws tables, figures and the page."""
        source = locate("mmbench.reporting")
        drawn = (p for p in sorted(source.parent.rglob("*.*")) if p.suffix in _DRAWN)
        return digest([fingerprint(source), *map(sha256, drawn)])

    def method_json(self, method: str, dataset: str) -> str:
        """Return what `mmbench fit` is told of a method, as one line of JSON."""
        entry = self.methods[method]
        told: dict[str, Any] = {
            "method": method,
            "uses": entry.uses,
            "params": self.params(method, dataset),
            "precision": self.benchmark.precision,
        }
        if entry.restarts > 1:  # told only then: another text would run every stored run again
            told["restarts"] = entry.restarts
        return json.dumps(told, sort_keys=True)

    def sources(self, dataset: str) -> str:
        """Return a digest of the files of a data set, or of what generates it."""
        content_key = self.datasets[dataset].content_key
        return digest([content_key["sources"], content_key["generator"]])

    def recipe(self, dataset: str) -> str:
        """Return a digest of how a data set is made from its files: its entry, words aside."""
        return recipe(self.datasets[dataset])

    # ------------------------------------------------------------------ jobs and their files

    def blocks(self, dataset: str, method: str) -> list[SeedBlock]:
        """Return the jobs that give every wanted seed of a cell.

        Blocks that are stored already are taken as they are, also where they hold more seeds
        than wanted. What they lack is cut at multiples of `seeds_per_job`, so that the cut
        does not depend on which jobs have finished.
        """
        params_hash = self.params_hash(method, dataset)
        wanted = set(range(self.benchmark.seeds))
        blocks = []
        for block in stored_blocks(dataset, method, params_hash):
            if wanted & set(block.seeds):
                blocks.append(block)
                wanted -= set(block.seeds)
        size = self.methods[method].seeds_per_job
        for seeds in cut(sorted(wanted), size):
            blocks.append(SeedBlock(dataset, method, params_hash, seeds))
        return sorted(blocks, key=lambda block: block.seeds)

    @cached_property
    def jobs(self) -> list[SeedBlock]:
        """Every job of `fit`, whether it has run or not."""
        return [block for cell in self.cells() for block in self.blocks(*cell)]

    @property
    def targets(self) -> list[str]:
        """Return what the whole workflow is to make."""
        results = Path("results", self.benchmark.name)
        scores = [results / "scores" / f"{name}.csv" for name in self.dataset_names]
        made = (results / "tables" / "leaderboard.md", results / "report" / "index.html")
        return [str(path) for path in (*made, *scores)]

    def each(self, pattern: str) -> list[str]:
        """Return the files of a pattern with {dataset}, perhaps {benchmark}: one a data set."""
        return [
            pattern.format(benchmark=self.benchmark.name, dataset=name)
            for name in self.dataset_names
        ]

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
        return json.dumps({m: self.params_hash(m, dataset) for m in self.method_names})

    # ------------------------------------------------------------------ for reports

    def report_json(self) -> str:
        """Return what `mmbench report` is told of the benchmark, as JSON."""
        return json.dumps(self.report_spec())

    def report_spec(self) -> dict[str, Any]:
        """Return the benchmark as reports name it: its data sets and methods, in order."""
        return {
            "name": self.benchmark.name,
            "seeds": list(range(self.benchmark.seeds)),
            "reference_method": self.benchmark.reference_method,
            "datasets": [self._dataset_spec(name) for name in self.dataset_names],
            "methods": [self._method_spec(name) for name in self.method_names],
        }

    def _dataset_spec(self, name: str) -> dict[str, Any]:
        entry = self.datasets[name]
        base = dataset_origin(name, self.datasets)
        return {
            "name": name,
            "title": entry.title,
            "pairing": entry.pairing,
            "data_setting": entry.data_setting,
            "root": entry.root,
            "base": base,
            "varied": dataset_differences(entry, self.datasets[base]),
        }

    def _method_spec(self, name: str) -> dict[str, Any]:
        entry = self.methods[name]
        point = self._points.get(name)
        base = point.method if point else method_origin(name, self.methods, self.method_names)
        return {
            "name": name,
            "title": entry.title or name,
            "fidelity": entry.fidelity,
            "rows": entry.rows,
            "tuned_on": [d for d in self.dataset_names if d in entry.params_by_dataset],
            "changed": bool(self.benchmark.params.get(point.method if point else name)),
            "citation": entry.citation,
            "uses": entry.uses,
            "base": base,
            "varied": point.values if point else method_differences(name, base, self.methods),
            "params": self._params_on_top(name),
            "remark": self.benchmark.remarks.get(point.method if point else name, ""),
        }

    # ------------------------------------------------------------------ details

    def _swept(self) -> dict[str, Point]:
        """Make each point of a sweep a method of its own, after the entry that is swept."""
        points = {}
        names: list[str] = []
        for name in self.method_names:
            names.append(name)
            if name not in self.benchmark.sweep:
                continue
            entry, where = self.methods[name], f"{self._where}: sweep"
            for point in grid(name, entry, self.benchmark.sweep[name], where=where):
                if point.name in self.methods:
                    raise InputError(f"{where}: expected another name, {point.name!r} is taken")
                title = point.title(entry.title or name)
                self.methods[point.name] = entry.model_copy(update={"title": title})
                points[point.name] = point
                names.append(point.name)
        self.method_names = tuple(names)
        return points

    def _params_on_top(self, method: str) -> dict[str, Any]:
        """Return the parameters that the benchmark sets, not the catalogue."""
        if method not in self._points:
            return self.benchmark.params.get(method, {})
        point = self._points[method]
        return {**self.benchmark.params.get(point.method, {}), **point.values}

    def _check_keys(self) -> None:
        """Raise where a key speaks of no method; `Benchmark` cannot tell what `all` stands for."""
        reference_method = (
            (self.benchmark.reference_method,) if self.benchmark.reference_method else ()
        )
        keys: dict[str, Iterable[str]] = {
            "params": self.benchmark.params,
            "sweep": self.benchmark.sweep,
            "remarks": self.benchmark.remarks,
            "reference_method": reference_method,
        }
        for key, names in keys.items():
            for name in names:
                if name not in self.method_names:
                    raise unknown("method", name, self.method_names, where=f"{self._where}: {key}")

    def _check_method(self, name: str) -> None:
        for dataset in self.methods[name].params_by_dataset:
            if dataset not in self.datasets:
                raise unknown(
                    "data set", dataset, self.datasets, where=f"{name}: params_by_dataset"
                )


def _chosen(names: tuple[str, ...], catalogue: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a benchmark asks for, `all` spelled out."""
    if names != ALL:
        return names
    return tuple(name for name in catalogue if not name.startswith("toy-"))
