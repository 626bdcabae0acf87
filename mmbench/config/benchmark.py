"""A benchmark: what to compare, and how often."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from mmbench.checks import checked, read_yaml
from mmbench.config.methods import Count, Params
from mmbench.config.model import Name, StrictModel
from mmbench.literals import Precision


def _not_runs(name: str) -> str:
    if name == "runs":  # results/runs holds the runs of every benchmark
        raise ValueError("expected another name, since results/runs holds the runs, got 'runs'")
    return name


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f"expected each value once, got {twice[0]!r} twice")
    return values


ALL = ("all",)
Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_distinct)]
Values = Annotated[tuple[Any, ...], Field(min_length=1), AfterValidator(_distinct)]
Grid = Annotated[dict[str, Values], Field(min_length=1)]


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
    sweep: dict[Name, Grid] = Field(
        {},
        description="by method and parameter, the values to try: a row for each combination,"
        " beside that of the plain entry",
    )
    remarks: dict[Name, str] = Field(
        {},
        description="by method, a sentence that stands under every leaderboard where it has a"
        " score, such as what a label helped to choose",
    )
    metrics: Names = Field(
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
