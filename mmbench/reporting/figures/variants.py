"""The methods of a report that are variants of one entry, and those that sweep a parameter."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec


@dataclass(frozen=True)
class Grid:
    """Variants of one entry that differ from it in one or two numbers.

    Attributes:
        base: the name of the entry.
        keys: one or two parameters.
        members: the variants, at least two.
    """

    base: str
    keys: tuple[str, ...]
    members: tuple[MethodSpec, ...]


def variants(spec: ReportSpec) -> dict[str, list[MethodSpec]]:
    """Return the variants in the report by the name of their entry, which is in it too."""
    found: dict[str, list[MethodSpec]] = {}
    names = {m.name for m in spec.methods}
    for method in spec.methods:
        if method.base in names - {method.name}:
            found.setdefault(method.base, []).append(method)
    return found


def grids(spec: ReportSpec) -> list[Grid]:
    """Return the sweeps over parameters in the report.

    Two variants or more that differ from their entry in the same one or two numbers are a
    sweep. A variant that differs in one number is also a point of a sweep over that number
    and another.
    """
    found = []
    for base, members in variants(spec).items():
        numeric = [m for m in members if m.varied and all(map(_is_number, m.varied.values()))]
        counts = Counter(frozenset(m.varied) for m in numeric)
        sets = [keys for keys, n in counts.items() if len(keys) <= 2 and n > 1]
        for keys in sets:
            if not any(keys < other for other in sets):
                of_grid = [m for m in numeric if m.varied.keys() <= keys]
                order = dict.fromkeys(key for m in of_grid for key in m.varied)
                found.append(Grid(base, tuple(order), tuple(of_grid)))
    return found


def ablations(spec: ReportSpec) -> dict[str, list[MethodSpec]]:
    """Return the variants that are in no sweep, by the name of their entry."""
    swept = _swept(spec)
    rest = {
        base: [m for m in members if m.name not in swept]
        for base, members in variants(spec).items()
    }
    return {base: members for base, members in rest.items() if members}


def representatives(spec: ReportSpec) -> list[MethodSpec]:
    """Return the methods for figures that may not have room for all, the first ones first.

    Entries come before their variants, each in the order of the report. The points of a sweep
    are left out, since they have a figure of their own.
    """
    swept = _swept(spec)
    is_variant = {m.name for members in variants(spec).values() for m in members}
    methods = [m for m in spec.methods if m.name not in swept]
    return sorted(methods, key=lambda m: m.name in is_variant)


def parameter_values(
    datasets: Sequence[DatasetScores], grid: Grid, method: str
) -> tuple[float, ...] | None:
    """Return the values of the parameters of a grid, or None where one is unknown.

    The parameters in which a variant differs from its entry are in the report. The others, and
    those of the entry itself, are in the records of the runs.
    """
    varied: dict[str, Any] = next((m.varied for m in grid.members if m.name == method), {})
    values = [varied.get(key, _recorded(datasets, method, key)) for key in grid.keys]
    return tuple(map(float, values)) if all(map(_is_number, values)) else None


def _swept(spec: ReportSpec) -> set[str]:
    """Return the methods that differ from their entry in all numbers of a sweep."""
    return {m.name for g in grids(spec) for m in g.members if set(m.varied) == set(g.keys)}


def _recorded(datasets: Sequence[DatasetScores], method: str, key: str) -> Any:
    for scores in datasets:
        for record in scores.records.get(method, {}).values():
            params = json.loads(record.get("params") or "{}")
            if key in params:
                return params[key]
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
