"""One benchmark, checked against both catalogues and against the methods' own types."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmbench.checks import checked
from mmbench.config import ALL, Benchmark, read_datasets, read_methods
from mmbench.errors import InputError, unknown
from mmbench.evaluation.metrics import METRICS
from mmbench.plan.params import params_hash, resolved
from mmbench.plan.sweeps import expanded


class Plan:
    """A benchmark with the parameters of each of its cells.

    A cell is a data set with a method.

    Attributes:
        where: the file it was read from, for messages.
        dataset_names: the data sets, in order.
        method_names: its methods, in order, each followed by the points of its sweep.
        datasets: the catalogue of data sets, by name.
        methods: the catalogue of methods and the points of sweeps, by name.

    Raises:
        InputError: the config names something unknown, or a parameter does not fit its method.
    """

    def __init__(self, benchmark: Benchmark, *, where: str = "config") -> None:
        self.benchmark = benchmark
        self.where = where
        self.datasets = read_datasets([Path(p) for p in benchmark.dataset_catalogues])
        catalogue = read_methods([Path(p) for p in benchmark.method_catalogues])
        self.dataset_names = _chosen("data set", benchmark.datasets, self.datasets, where)
        chosen = _chosen("method", benchmark.methods, catalogue, where)
        for metric in benchmark.metrics:
            if metric not in METRICS:
                raise unknown("metric", metric, METRICS, where=f"{where}: metrics")
        for name in chosen:
            for dataset in catalogue[name].params_by_dataset:
                if dataset not in self.datasets:
                    place = f"{name}: params_by_dataset"
                    raise unknown("data set", dataset, self.datasets, where=place)
        self._check_keys(chosen)
        self.points = expanded(chosen, catalogue, benchmark.sweep, where=f"{where}: sweep")
        self.methods = catalogue | {name: point.entry for name, point in self.points.items()}
        swept = {name: [p for p in self.points if self.points[p].method == name] for name in chosen}
        self.method_names = tuple(row for name in chosen for row in (name, *swept[name]))
        self._params = {cell: self._resolved(*cell) for cell in self.cells()}
        self._hashes: dict[tuple[str, str], str] = {}

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

    def params(self, dataset: str, method: str) -> dict[str, Any]:
        """Return every hyperparameter of a cell, the defaults of the method included."""
        cell = (dataset, method)
        return self._params[cell] if cell in self._params else self._resolved(*cell)

    def params_hash(self, dataset: str, method: str) -> str:
        """Return eight hex digits of the parameters of a cell; see `params_hash`."""
        cell = (dataset, method)
        if cell not in self._hashes:
            entry = self.methods[method]
            self._hashes[cell] = params_hash(
                self.params(*cell),
                self.benchmark.precision,
                restarts=entry.restarts,
                checkpoint=entry.checkpoint,
            )
        return self._hashes[cell]

    def has(self, dataset: str, method: str, params_hash: str) -> bool:
        """Return whether the benchmark has a cell with these parameters."""
        cell = (dataset, method)
        return cell in self._params and self.params_hash(*cell) == params_hash

    def overrides(self, method: str) -> dict[str, Any]:
        """Return the parameters of a method that the benchmark sets, not the catalogue."""
        point = self.points.get(method)
        if point is None:
            return self.benchmark.params.get(method, {})
        return {**self.benchmark.params.get(point.method, {}), **point.values}

    def _resolved(self, dataset: str, method: str) -> dict[str, Any]:
        entry = self.methods[method]
        params = {
            **entry.params,
            **entry.params_by_dataset.get(dataset, {}),
            **self.overrides(method),
        }
        try:
            return resolved(method, entry, params)
        except InputError as error:  # the parameter may stand in the benchmark or in a catalogue
            files = ", ".join([self.where, *self.benchmark.method_catalogues])
            raise InputError(f"{files}: {error}") from None

    def _check_keys(self, methods: tuple[str, ...]) -> None:
        """Raise if a key names a method that the benchmark does not have."""
        reference = self.benchmark.reference_method
        keys: dict[str, Iterable[str]] = {
            "params": self.benchmark.params,
            "sweep": self.benchmark.sweep,
            "remarks": self.benchmark.remarks,
            "reference_method": [reference] if reference else [],
        }
        for key, names in keys.items():
            for name in names:
                if name not in methods:
                    raise unknown("method", name, methods, where=f"{self.where}: {key}")


def _chosen(
    kind: str, names: tuple[str, ...], catalogue: Mapping[str, Any], where: str
) -> tuple[str, ...]:
    """Return the names that a benchmark asks for; `all` stands for every entry except toys."""
    if names == ALL:
        return tuple(name for name in catalogue if not name.startswith("toy-"))
    for name in names:
        if name not in catalogue:
            key = "datasets" if kind == "data set" else "methods"
            raise unknown(kind, name, catalogue, where=f"{where}: {key}")
    return names
