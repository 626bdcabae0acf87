"""From a benchmark to the jobs of the workflow: their files, arguments and limits."""

import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

from mmbench.config import read_benchmark
from mmbench.datasets import recipe, sources_digest
from mmbench.files import PROCESSED, digest, write_text
from mmbench.plan.benchmark import Plan
from mmbench.plan.fingerprints import method_fingerprint
from mmbench.plan.report_spec import report_spec
from mmbench.runs import RunKey, RunStore, SeedBlock, format_seeds, parse_seeds
from mmbench.views_file import read_metadata

# Linux limits one argument of a command to 128 KiB
_LONGEST_ARGUMENT = 60_000
_ARGUMENTS = Path(".snakemake/mmbench")


class Jobs:
    """The jobs of one benchmark.

    Attributes:
        plan: the benchmark.
        store: where its runs lie.
        results: the folder of its scores, tables, figures and page.
    """

    def __init__(self, plan: Plan, store: RunStore | None = None) -> None:
        self.plan = plan
        self.store = store or RunStore()
        self.results = Path("results", plan.benchmark.name)

    @classmethod
    def read(cls, config: Path) -> "Jobs":
        """Return the jobs of the benchmark in a YAML file."""
        return cls(Plan(read_benchmark(config), where=str(config)))

    # ------------------------------------------------------------------ blocks of seeds

    def blocks(self, dataset: str, method: str) -> list[SeedBlock]:
        """Return the jobs of `fit` that give every wanted seed of a cell, finished or not."""
        seeds = tuple(range(self.plan.benchmark.seeds))
        cell = SeedBlock(dataset, method, self.plan.params_hash(dataset, method), seeds)
        return self.store.covering(cell, self.plan.methods[method].seeds_per_job)

    @cached_property
    def all_blocks(self) -> list[SeedBlock]:
        """Every job of `fit`, finished or not."""
        return [block for cell in self.plan.cells() for block in self.blocks(*cell)]

    def run_key(self, dataset: str, method: str) -> RunKey:
        """Return the key that a run of a cell has if it is made today."""
        entry = self.plan.methods[method]
        return RunKey(
            params=self.plan.params(dataset, method),
            precision=self.plan.benchmark.precision,
            n_restarts=entry.restarts,
            checkpoint=entry.checkpoint,
            fingerprint=method_fingerprint(method, entry),
            data_checksum=data_checksum(dataset),
        )

    @cached_property
    def _blocks_by_dataset(self) -> dict[str, list[SeedBlock]]:
        blocks: dict[str, list[SeedBlock]] = {name: [] for name in self.plan.dataset_names}
        for block in self.all_blocks:
            blocks[block.dataset].append(block)
        return blocks

    # ------------------------------------------------------------------ files

    @property
    def targets(self) -> list[str]:
        """The files that the whole workflow makes."""
        scores = [self.results / "scores" / f"{name}.csv" for name in self.plan.dataset_names]
        made = (self.results / "tables/leaderboard.md", self.results / "report/index.html")
        return [str(path) for path in (*made, *scores)]

    def each(self, pattern: str) -> list[str]:
        """Return the files of a pattern with {dataset}, and perhaps {benchmark}."""
        names = self.plan.dataset_names
        return [pattern.format(benchmark=self.results.name, dataset=name) for name in names]

    def runs(self, *datasets: str) -> list[str]:
        """Return the files of runs that `score` reads for data sets, by default for all."""
        names = datasets or self.plan.dataset_names
        blocks = [block for name in names for block in self._blocks_by_dataset[name]]
        return [str(path) for block in blocks for path in self.store.files(block)]

    # ------------------------------------------------------------------ arguments of commands

    @property
    def seeds(self) -> str:
        """The seeds of the benchmark, such as `0-4`."""
        return format_seeds(range(self.plan.benchmark.seeds))

    def fingerprint(self, method: str) -> str:
        """Return the fingerprint of the source code that a method runs."""
        return method_fingerprint(method, self.plan.methods[method])

    def method_json(self, dataset: str, method: str) -> str:
        """Return the argument of `mmbench fit` that describes a method, as one line of JSON."""
        entry = self.plan.methods[method]
        return argument(
            {
                "method": method,
                "uses": entry.uses,
                "params": self.plan.params(dataset, method),
                "precision": self.plan.benchmark.precision,
                "restarts": entry.restarts,
                "checkpoint": entry.checkpoint,
            }
        )

    def selection(self, dataset: str) -> str:
        """Return the argument of `mmbench score`: by method, the blocks that count."""
        names: dict[str, list[str]] = {name: [] for name in self.plan.method_names}
        for block in self._blocks_by_dataset[dataset]:
            names[block.method].append(block.name)
        return argument(names)

    def report_argument(self) -> str:
        """Return the argument of `mmbench report`."""
        return argument(report_spec(self.plan))

    def dataset_argument(self, dataset: str) -> str:
        """Return the argument of `mmbench fetch` and `prepare`; the order of views matters."""
        return argument(self.plan.datasets[dataset].as_dict(), sort_keys=False)

    def sources(self, dataset: str) -> str:
        """Return a digest of the files of a data set, or of what generates it."""
        return sources_digest(self.plan.datasets[dataset])

    def recipe(self, dataset: str) -> str:
        """Return a digest of how a data set is made from its files."""
        return recipe(self.plan.datasets[dataset])

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the rules' commands, which do not trigger a rule."""
        mirror = self.plan.benchmark.mirror
        return {"MMBENCH_MIRROR": mirror} if mirror else {}

    # ------------------------------------------------------------------ limits

    def timeout_minutes(self, method: str) -> int:
        """Return the limit of one seed, in whole minutes."""
        return math.ceil(self.plan.methods[method].timeout_minutes)

    def runtime_minutes(self, method: str, seeds: str) -> int:
        """Return the limit of a whole job in minutes, for the scheduler of a cluster."""
        start = 5  # minutes to start Python and to write the results
        return start + self.timeout_minutes(method) * len(parse_seeds(seeds))


def data_checksum(dataset: str) -> str | None:
    """Return the checksum of a prepared data set; None if it is not, empty if unavailable."""
    views = PROCESSED / dataset / "views.safetensors"
    return str(read_metadata(views).get("checksum", "")) if views.is_file() else None


def argument(value: Any, *, sort_keys: bool = True) -> str:
    """Return a value as an argument of a command: JSON, or `@` and a file with the JSON.

    A long value goes to a file, since the length of an argument is limited. The file is named by
    its content, so that the argument changes only with the value.
    """
    text = json.dumps(value, sort_keys=sort_keys)
    if len(text.encode()) <= _LONGEST_ARGUMENT:
        return text
    path = _ARGUMENTS / f"{digest(text)}.json"
    if not path.is_file():
        write_text(path, text)
    return f"@{path}"
