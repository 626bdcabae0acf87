"""The entry of a catalogue that another entry is a variant of, and their differences."""

from collections.abc import Collection, Mapping
from typing import Any

from mmbench.config import DatasetEntry, Derivation, MethodEntry
from mmbench.plan.params import resolved

# options that degrade a data set by a number, so that figures can show scores against it
_RATES = ("missing_rate", "unpaired_rate", "shuffled_rate", "imbalance", "n_clusters")
# options of a generator, under the names that figures print
_PRINTED = {"private_share": "private"}


def dataset_origin(name: str, datasets: Mapping[str, DatasetEntry]) -> str:
    """Return the data set that an entry is a degraded form of, or its own name.

    An entry is a degraded form of its base if they differ only in rates or in numbers of the
    generator, so that scores can be shown against these. Entries with other views or fewer samples
    start a curve of their own. Statistical tests count all entries of one root as one data set
    (`DatasetEntry.root`).
    """
    parent = datasets[name].base
    if not parent or not dataset_differences(datasets[name], datasets[parent]):
        return name
    return dataset_origin(parent, datasets)


def dataset_differences(entry: DatasetEntry, other: DatasetEntry) -> dict[str, float]:
    """Return the rates and numbers of the generator in which an entry differs from another.

    The result is empty if they differ in anything else.
    """
    own, others = _numbers(entry), _numbers(other)
    if _remainder(entry) != _remainder(other):
        return {}
    return {key: value for key, value in own.items() if others.get(key) != value}


def method_origin(name: str, methods: Mapping[str, MethodEntry], present: Collection[str]) -> str:
    """Return the entry that an entry is a variant of, or its own name.

    It is the nearest entry in the chain of `extends` that is also in the benchmark, so that the
    two can be compared, or else the last entry of the chain.

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

    Defaults and `restarts` are included; parameters for single data sets are not.
    """
    own, others = _plain(name, methods[name]), _plain(other, methods[other])
    return {key: v for key, v in own.items() if key not in others or others[key] != v}


def _plain(name: str, entry: MethodEntry) -> dict[str, Any]:
    return {**resolved(name, entry, entry.params), "restarts": entry.restarts}


def _numbers(entry: DatasetEntry) -> dict[str, float]:
    derivation = entry.derivation or Derivation()
    numbers = {key: getattr(derivation, key) for key in _RATES}
    if entry.generator is not None:
        for key, value in entry.generator.model_dump(exclude={"kind"}).items():
            numbers[_PRINTED.get(key, key)] = value
    return {key: value for key, value in numbers.items() if value is not None}


def _remainder(entry: DatasetEntry) -> tuple[Any, ...]:
    """Return what defines an entry, except its numbers and the seed of its random choices."""
    derivation = entry.derivation or Derivation()
    kind = entry.generator and entry.generator.kind
    return derivation.model_dump(exclude={*_RATES, "seed"}), entry.root, kind, list(entry.views)
