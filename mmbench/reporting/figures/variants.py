"""Which methods of a report are variants of one entry, and which of them sweep a parameter."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec


@dataclass(frozen=True)
class Grid:
    """Variants of one entry that differ in one or two numbers.

    Attributes:
        base: the name of the entry.
        keys: one or two parameters.
        members: the variants, at least two.
    """

    base: str
    keys: tuple[str, ...]
    members: tuple[MethodSpec, ...]


def variants(spec: ReportSpec) -> dict[str, list[MethodSpec]]:
    """Return, by the name of an entry of the report, its variants in the report."""
    found: dict[str, list[MethodSpec]] = {}
    names = {m.name for m in spec.methods}
    for method in spec.methods:
        if method.base in names - {method.name}:
            found.setdefault(method.base, []).append(method)
    return found


def grids(spec: ReportSpec) -> list[Grid]:
    """Return the sweeps of the report.

    Two variants or more that differ from their entry in the same one or two numbers are a
    sweep. A variant that differs in one number is also a point of a sweep over that number
    and another.
    """
    found = []
    for base, members in variants(spec).items():
        numeric = [(m, set(m.varied)) for m in members if m.varied and _all_numbers(m)]
        sets: list[set[str]] = []
        for _, keys in numeric:
            if len(keys) <= 2 and keys not in sets and sum(k == keys for _, k in numeric) > 1:
                sets.append(keys)
        for keys in sets:
            if not any(keys < other for other in sets):
                of_grid = [m for m, k in numeric if k <= keys]
                order = [key for m in of_grid for key in m.varied]
                found.append(Grid(base, tuple(dict.fromkeys(order)), tuple(of_grid)))
    return found


def ablations(spec: ReportSpec) -> dict[str, list[MethodSpec]]:
    """Return, by the name of an entry, those of its variants that are in no sweep."""
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
    return sorted(
        (m for m in spec.methods if m.name not in swept), key=lambda m: m.name in is_variant
    )


def by_seed(stored: DatasetScores, method: str, metric: str) -> dict[int, float]:
    """Return the score of each seed that ended ok."""
    return dict(stored.scores.get((method, "last", "all", metric), {}))


def setting(stored: Sequence[DatasetScores], grid: Grid, method: str) -> tuple[float, ...] | None:
    """Return the values of the parameters of a grid, or None where they are not known.

    A variant tells those in which it differs from its entry; the others, and those of the
    entry itself, are in the records of the runs.
    """
    varied: dict[str, Any] = next((m.varied for m in grid.members if m.name == method), {})
    values = []
    for key in grid.keys:
        value = varied.get(key, _recorded(stored, method, key))
        if not _is_number(value):
            return None
        values.append(float(value))
    return tuple(values)


def _swept(spec: ReportSpec) -> set[str]:
    """Return the methods that differ from their entry in all numbers of a sweep."""
    return {m.name for g in grids(spec) for m in g.members if set(m.varied) == set(g.keys)}


def _recorded(stored: Sequence[DatasetScores], method: str, key: str) -> Any:
    for one in stored:
        for record in one.records.get(method, {}).values():
            params = json.loads(record.get("params") or "{}")
            if key in params:
                return params[key]
    return None


def _all_numbers(method: MethodSpec) -> bool:
    return all(_is_number(value) for value in method.varied.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
