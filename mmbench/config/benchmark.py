"""What people write in `config/`: benchmarks and the catalogue of methods.

One frozen model per level; anything unknown is an error that names the nearest known key.
Nothing here imports torch, so that a mistake shows in well under a second. The catalogue of
data sets has a module of its own, `mmbench.config.datasets`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from mmbench.checks import checked, read_yaml
from mmbench.errors import InputError, unknown
from mmbench.files import write_text
from mmbench.literals import Fidelity, Precision

# a name is a folder and a wildcard of Snakemake: no slash, dot or comma
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Select = Literal["lowest_loss"]
# more would take the seeds of the next seed, see mmbench.training.restarts
MOST_RESTARTS = 1000
# strict, since `seeds: yes` would pass for 1
Count = Annotated[int, Field(gt=0, strict=True)]
Restarts = Annotated[int, Field(ge=1, le=MOST_RESTARTS, strict=True)]
Params = dict[str, Any]


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


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodEntry(_Model):
    """An entry of `config/methods.yaml`: a module of code, and how to run and print it."""

    uses: str = Field(description="module of mmbench.methods, dotted module, or path to a .py file")
    extends: str = Field("", description="the entry whose keys it takes and adds its own to")
    title: str = Field("", description="how tables print it; by default the entry's name")
    fidelity: Fidelity = Field("baseline", description="how close to published code it is")
    citation: str = Field("", description="where the method is from")
    gpu: bool = Field(False, description="whether it takes a GPU where there is one")
    params: Params = Field({}, description="on top of the defaults of the method's dataclass")
    params_by_dataset: dict[Name, Params] = Field(
        {}, description="on top of params, for single data sets; marked in every table"
    )
    seeds_per_job: Count = Field(5, description="seeds that share a process")
    timeout_minutes: PositiveFloat = Field(
        60, description="limit of one seed, all its restarts together"
    )
    restarts: Restarts = Field(
        1, description="trainings of one seed, of which one is kept; chosen without labels"
    )
    select: Select = Field("lowest_loss", description="which of the restarts is kept")
    rows: Literal["one", "views"] = Field(
        "one", description="'views' prints a row for each view's own assignments"
    )


class _Written(BaseModel):
    """What must be right in an entry before `extends` is followed; the rest is checked after."""

    extends: str = ""
    params: Params | None = None


class Benchmark(_Model):
    """A benchmark, such as `config/config.yaml`: what to compare, and how often."""

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


def read_methods(paths: Sequence[Path]) -> dict[str, MethodEntry]:
    """Return the entries of the catalogues of methods, `extends` resolved.

    An entry that extends another takes its keys, and adds its own; `params` are merged key by
    key. A later file may extend the entries of an earlier one, but not redefine them.

    Raises:
        InputError: a file or an entry is wrong, or entries extend each other in a circle.
    """
    raw: dict[str, Params] = {}
    where: dict[str, Path] = {}
    for path in paths:
        for name, entry in read_yaml(path).items():
            if name in raw:
                raise InputError(f"{path}: {name!r} stands in {where[name]} already")
            if not isinstance(entry, dict):
                raise InputError(f"{path}: {name}: expected keys such as uses, got {entry!r}")
            checked(dict[Name, Params], {name: entry}, where=str(path))
            checked(_Written, entry, where=f"{path}: {name}")
            raw[name], where[name] = entry, path
    return {
        name: checked(MethodEntry, _extended(name, raw, where), where=f"{where[name]}: {name}")
        for name in raw
    }


def _extended(name: str, raw: Mapping[str, Params], where: Mapping[str, Path]) -> Params:
    """Return the keys of an entry on top of those that it extends."""
    chain = [name]
    while "extends" in raw[chain[-1]]:
        base = raw[chain[-1]]["extends"]
        if base not in raw:
            raise unknown("method", str(base), raw, where=f"{where[name]}: {chain[-1]}: extends")
        if base in chain:
            circle = " -> ".join([*chain[chain.index(base) :], base])
            raise InputError(f"{where[name]}: {name}: extends goes in a circle: {circle}")
        chain.append(base)
    entry: Params = {}
    for link in reversed(chain):
        own = {key: value for key, value in raw[link].items() if key != "extends"}
        # a title or a citation describes one entry; a variant that has none goes by its name
        inherited = {key: value for key, value in entry.items() if key != "title"}
        params = {**inherited.get("params", {}), **(own.get("params") or {})}
        entry = {**inherited, **own, "params": params}
    return entry | ({"extends": chain[1]} if len(chain) > 1 else {})


def schema() -> str:
    """Return the JSON schema of a benchmark, as `workflow/schemas/config.schema.json` keeps it."""
    value = TypeAdapter(Benchmark).json_schema()
    # Snakemake's `validate` picks its validator by this key
    value = {"$schema": "https://json-schema.org/draft/2020-12/schema", **value}
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":  # python -m mmbench.config.benchmark refreshes the stored schema
    write_text(Path("workflow/schemas/config.schema.json"), schema())
