"""What a report shows: the data sets and methods of a benchmark, in order."""

from typing import Any

from mmbench.plan.benchmark import Plan
from mmbench.plan.origins import (
    dataset_differences,
    dataset_origin,
    method_differences,
    method_origin,
)


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
    base = dataset_origin(name, plan.datasets)
    return {
        "name": name,
        "title": entry.title,
        "pairing": entry.pairing,
        "data_setting": entry.data_setting,
        "root": entry.root,
        "base": base,
        "varied": dataset_differences(entry, plan.datasets[base]),
    }


def _method_spec(plan: Plan, name: str) -> dict[str, Any]:
    entry = plan.methods[name]
    point = plan.points.get(name)
    listed = point.method if point else name
    base = point.method if point else method_origin(name, plan.methods, plan.method_names)
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
        "varied": point.values if point else method_differences(name, base, plan.methods),
        "params": plan.overrides(name),
        "remark": plan.benchmark.remarks.get(listed, ""),
    }
