"""A benchmark: what to compare, and how often."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from mmbench.checks import checked, read_yaml
from mmbench.config.methods import Count, Params
from mmbench.config.model import Name, StrictModel
from mmbench.literals import Precision


def _not_runs(name: str) -> str:
    if name == "runs":  # results/runs holds the runs of every benchmark
        raise ValueError("expected another name, since results/runs holds the runs, got 'runs'")
    return name


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected each name once, got {twice[0]!r} twice")
    return names


ALL = ("all",)
Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_distinct)]


class Benchmark(StrictModel):
    """The content of a file such as `config/config.yaml`."""

    name: Annotated[Name, AfterValidator(_not_runs)] = Field(
        description="folder of its tables: results/{name}"
    )
    datasets: Names = Field(
        description="names from the catalogue of data sets; [all] are all but those named toy-…"
    )
    methods: Names = Field(description="names from the catalogue of methods; [all] are all")
    seeds: Count = Field(5, description="runs per method and data set: seeds 0..n-1")
    precision: Precision = Field("float32", description="of the training, recorded with each run")
    params: dict[Name, Params] = Field(
        {}, description="by method, on top of the catalogue; marked in the tables"
    )
    sweep: dict[Name, dict[str, tuple[Any, ...]]] = Field(
        {},
        description="by method and parameter, the values to try: a row for each combination,"
        " beside that of the plain entry",
    )
    remarks: dict[Name, str] = Field(
        {},
        description="by method, a sentence that stands under every leaderboard where it has a"
        " score, such as what a label helped to choose",
    )
    metrics: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        ("acc", "nmi", "ari"), description="the metrics that tables show, in this order"
    )
    reference_method: str = Field(
        "", description="the method that tests compare the others with; else kmeans-concat"
    )
    threads_per_fit: Count = Field(1, description="threads that one training may use")
    slots_per_gpu: Count = Field(1, description="trainings that may share a GPU")
    mirror: str | None = Field(None, description="folder to look for data files in, by checksum")
    dataset_catalogues: tuple[str, ...] = ("config/datasets.yaml",)
    method_catalogues: tuple[str, ...] = ("config/methods.yaml",)

    @model_validator(mode="after")
    def _methods_named_are_listed(self) -> "Benchmark":
        named_by_key = {
            "params": tuple(self.params),
            "sweep": tuple(self.sweep),
            "remarks": tuple(self.remarks),
            "reference_method": (self.reference_method,) if self.reference_method else (),
        }
        for key, named in named_by_key.items():
            for method in named:
                if method not in self.methods and self.methods != ALL:
                    raise ValueError(
                        f"{key}: {method!r} is not among the methods of this benchmark"
                    )
        return self

    @model_validator(mode="after")
    def _sweeps_have_values(self) -> "Benchmark":
        for method, grid in self.sweep.items():
            if not grid:
                raise ValueError(f"sweep: {method}: expected a parameter with its values, got none")
            for parameter, values in grid.items():
                where = f"sweep: {method}: {parameter}"
                if not values:
                    raise ValueError(f"{where}: expected at least one value, got []")
                twice = [value for value in values if values.count(value) > 1]
                if twice:
                    raise ValueError(f"{where}: expected each value once, got {twice[0]!r} twice")
        return self


def read_benchmark(path: Path) -> Benchmark:
    """Return the benchmark of a YAML file.

    Raises:
        InputError: the file is missing or wrong; one line that names the key.
    """
    return checked(Benchmark, read_yaml(path), where=str(path))


def schema() -> str:
    """Return the JSON schema of a benchmark, as `workflow/schemas/config.schema.json` keeps it."""
    value = TypeAdapter(Benchmark).json_schema()
    # Snakemake's `validate` picks its validator by this key
    value = {"$schema": "https://json-schema.org/draft/2020-12/schema", **value}
    return json.dumps(value, indent=1) + "\n"
