"""The entries of `config/methods.yaml`: a module of code, and how to run and print it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat

from mmbench.checks import checked
from mmbench.config.model import Name, StrictModel, catalogue_entries
from mmbench.errors import InputError, unknown
from mmbench.literals import Checkpoint, Fidelity

# More restarts would use the random seeds of the next seed, see mmbench.training.restarts.
MAX_RESTARTS = 1000
# strict, since `yes` would pass for 1
Count = Annotated[int, Field(gt=0, strict=True)]
Restarts = Annotated[int, Field(ge=1, le=MAX_RESTARTS, strict=True)]
Params = dict[str, Any]


class MethodEntry(StrictModel):
    """An entry with the keys of those that it extends."""

    uses: str = Field(description="module of mmbench.methods, dotted module, or path to a .py file")
    extends: str = Field("", description="the entry whose keys it takes and adds its own to")
    title: str = Field("", description="how tables print it; by default the entry's name")
    fidelity: Fidelity = Field(
        "baseline", description="what the implementation was checked against"
    )
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
        1, description="trainings of one seed; the one with the lowest loss is kept"
    )
    checkpoint: Checkpoint = Field(
        "last", description="the result of a training: its last epoch, or the one of lowest loss"
    )
    rows: Literal["one", "views"] = Field(
        "one", description="'views' prints a row for each view's own assignments"
    )


class _Written(StrictModel, extra="ignore"):
    """The keys that must be right before `extends` is followed; the others are checked after."""

    extends: str = ""
    params: Params | None = None


def read_methods(paths: Sequence[Path]) -> dict[str, MethodEntry]:
    """Return the entries of the catalogues of methods, `extends` resolved.

    An entry that extends another takes its keys, and adds its own; `params` are merged key by
    key. A later file may extend the entries of an earlier one, but not redefine them.

    Raises:
        InputError: a file or an entry is wrong, or entries extend each other in a circle.
    """
    written: dict[str, Params] = {}
    places: dict[str, str] = {}
    for name, entry, place in catalogue_entries(paths):
        checked(Name, name, where=place)
        checked(_Written, entry, where=place)
        written[name], places[name] = entry, place
    return {
        name: checked(MethodEntry, _extended(name, written, places), where=places[name])
        for name in written
    }


def _extended(name: str, written: Mapping[str, Params], places: Mapping[str, str]) -> Params:
    """Return the keys of an entry on top of those that it extends."""
    chain = [name]
    while "extends" in written[chain[-1]]:
        base = written[chain[-1]]["extends"]
        if base not in written:
            raise unknown("method", str(base), written, where=f"{places[chain[-1]]}: extends")
        if base in chain:
            circle = " -> ".join([*chain[chain.index(base) :], base])
            raise InputError(f"{places[name]}: extends goes in a circle: {circle}")
        chain.append(base)
    entry: Params = {}
    for link in reversed(chain):
        own = {key: value for key, value in written[link].items() if key != "extends"}
        # A title describes one entry; a variant without one is printed by its name.
        inherited = {key: value for key, value in entry.items() if key != "title"}
        params = {**inherited.get("params", {}), **(own.get("params") or {})}
        entry = {**inherited, **own, "params": params}
    return entry | ({"extends": chain[1]} if len(chain) > 1 else {})
