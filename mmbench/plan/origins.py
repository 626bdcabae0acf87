"""What an entry of a catalogue is a variant of, and in what it differs."""

from collections.abc import Collection, Mapping
from typing import Any

from mmbench.config import DatasetEntry, Derivation, MethodEntry
from mmbench.plan.params import resolved

# what spoils a data set by a number, so that figures can draw scores against it
_RATES = ("missing_rate", "unpaired_rate", "shuffled_rate", "imbalance", "n_clusters")
# options of a generator, under the names that figures print
_PRINTED = {"private_share": "private"}


def dataset_origin(name: str, datasets: Mapping[str, DatasetEntry]) -> str:
    """Return the data set that an entry is a spoilt form of, or its own name.

    An entry counts as such where it differs from the one it is made from in rates or in
    numbers of the generator alone, so that scores can be drawn against these. With other views
    or fewer samples it is another curve; it is no other evidence, and tests count all that have
    the same root as one (`DatasetEntry.root`).
    """
    parent = datasets[name].base
    if not parent or not dataset_differences(datasets[name], datasets[parent]):
        return name
    return dataset_origin(parent, datasets)


def dataset_differences(entry: DatasetEntry, other: DatasetEntry) -> dict[str, float]:
    """Return the rates and numbers of the generator in which an entry differs from another.

    Nothing is returned where they differ in more, since numbers would not tell it all.
    """
    own, others = _numbers(entry), _numbers(other)
    if _remainder(entry) != _remainder(other):
        return {}
    return {key: value for key, value in own.items() if others.get(key) != value}


def method_origin(name: str, methods: Mapping[str, MethodEntry], present: Collection[str]) -> str:
    """Return the entry that an entry is a variant of, or its own name.

    Of the entries that it extends this is the nearest that is present, so that a reader can
    compare the two; where none is, the one at the root.

    Args:
        name: of the entry.
        methods: the catalogue.
        present: the methods of the benchmark.
    """
    origin = name
    while methods[origin].extends:
        origin = methods[origin].extends
        if origin in present:
            break
    return origin


def method_differences(name: str, other: str, methods: Mapping[str, MethodEntry]) -> dict[str, Any]:
    """Return the parameters in which an entry differs from another, with its values.

    Defaults count; what the entries say of single data sets does not. `restarts` are told like
    a parameter.
    """
    own, others = _plain(name, methods[name]), _plain(other, methods[other])
    return {key: v for key, v in own.items() if key not in others or others[key] != v}


def _plain(name: str, entry: MethodEntry) -> dict[str, Any]:
    return {**resolved(name, entry, entry.params), "restarts": entry.restarts}


def _numbers(entry: DatasetEntry) -> dict[str, float]:
    derivation = entry.derivation or Derivation()
    told = {key: getattr(derivation, key) for key in _RATES}
    if entry.generator is not None:
        for key, value in entry.generator.model_dump(exclude={"kind"}).items():
            told[_PRINTED.get(key, key)] = value
    return {key: value for key, value in told.items() if value is not None}


def _remainder(entry: DatasetEntry) -> tuple[Any, ...]:
    """Return what makes an entry, but for its numbers and the seed of its choices."""
    derivation = entry.derivation or Derivation()
    kind = entry.generator and entry.generator.kind
    return derivation.model_dump(exclude={*_RATES, "seed"}), entry.root, kind, list(entry.views)
