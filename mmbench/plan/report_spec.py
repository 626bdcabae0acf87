"""What a report shows: the data sets and methods of a benchmark, and what each is a variant of."""

from collections.abc import Collection, Mapping
from typing import Any

from mmbench.config import DatasetEntry, Derivation, MethodEntry
from mmbench.plan.benchmark import Plan
from mmbench.plan.params import resolved

# options that corrupt a data set by a number, so that figures can show scores against it
_RATES = ("missing_rate", "unpaired_rate", "shuffled_rate", "imbalance", "n_clusters")
# a remark on a method in every leaderboard, whose other scores are those of the last epoch
_BY_LOSS = "the checkpoint of lowest loss, not the last epoch"
# options of a generator, under the names that figures print
_PRINTED = {"private_share": "private"}


def report_spec(plan: Plan) -> dict[str, Any]:
    """Return the fields of a `mmbench.reporting.ReportSpec`."""
    return {
        "name": plan.benchmark.name,
        "seeds": list(range(plan.benchmark.seeds)),
        "metrics": list(plan.benchmark.metrics),
        "reference_method": plan.benchmark.reference_method,
        "datasets": [_dataset_spec(plan, name) for name in plan.dataset_names],
        "methods": [_method_spec(plan, name) for name in plan.method_names],
    }


def _dataset_spec(plan: Plan, name: str) -> dict[str, Any]:
    entry = plan.datasets[name]
    base = _dataset_origin(name, plan.datasets)
    return {
        "name": name,
        "title": entry.title,
        "pairing": entry.pairing,
        "data_setting": entry.data_setting,
        "root": entry.root,
        "base": base,
        "varied": _dataset_differences(entry, plan.datasets[base]),
    }


def _method_spec(plan: Plan, name: str) -> dict[str, Any]:
    entry = plan.methods[name]
    point = plan.points.get(name)
    listed = point.method if point else name
    base = point.method if point else _method_origin(name, plan.methods, plan.method_names)
    own, others = (_method_params(key, plan.methods[key]) for key in (name, base))
    differences = {k: v for k, v in own.items() if k not in others or others[k] != v}
    by_loss = _BY_LOSS if entry.checkpoint == "lowest_loss" else ""
    return {
        "name": name,
        "title": entry.title or name,
        "fidelity": entry.fidelity,
        "rows": entry.rows,
        "tuned_on": [d for d in plan.dataset_names if d in entry.params_by_dataset],
        "changed": bool(plan.benchmark.params.get(listed)),
        "citation": entry.citation,
        "uses": entry.uses,
        "base": base,
        "varied": point.values if point else differences,
        "params": plan.overrides(name),
        "remark": "; ".join(filter(None, [plan.benchmark.remarks.get(listed), by_loss])),
    }


def _dataset_origin(name: str, datasets: Mapping[str, DatasetEntry]) -> str:
    """Return the data set that an entry is a corrupted form of, or its own name.

    An entry is a corrupted form of its base if they differ only in rates or in numbers of the
    generator, so that scores can be shown against these. Entries with other views or fewer samples
    start a curve of their own.
    """
    parent = datasets[name].base
    if not parent or not _dataset_differences(datasets[name], datasets[parent]):
        return name
    return _dataset_origin(parent, datasets)


def _dataset_differences(entry: DatasetEntry, other: DatasetEntry) -> dict[str, float]:
    """Return the numbers in which an entry differs from another; none if anything else differs."""
    own, others = _numbers(entry), _numbers(other)
    if _remainder(entry) != _remainder(other):
        return {}
    return {key: value for key, value in own.items() if others.get(key) != value}


def _method_origin(name: str, methods: Mapping[str, MethodEntry], present: Collection[str]) -> str:
    """Return the entry that an entry is a variant of, or its own name.

    It is the nearest entry in the chain of `extends` that is also `present` in the benchmark, so
    that the two can be compared, or else the last entry of the chain.
    """
    origin = name
    while methods[origin].extends:
        origin = methods[origin].extends
        if origin in present:
            break
    return origin


def _method_params(name: str, entry: MethodEntry) -> dict[str, Any]:
    """Return the parameters of an entry, except those for single data sets."""
    params = resolved(name, entry, entry.params)
    return {**params, "restarts": entry.restarts, "checkpoint": entry.checkpoint}


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
