"""Sweeps: one row for each combination of parameter values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mmbench.config import MethodEntry
from mmbench.errors import InputError, unknown
from mmbench.plan.params import resolved


@dataclass(frozen=True)
class Point:
    """One combination of the values of a sweep.

    Attributes:
        method: the catalogue entry that is swept.
        values: by parameter.
        entry: the entry of the point; its title names the values.
    """

    method: str
    values: dict[str, Any]
    entry: MethodEntry

    @property
    def name(self) -> str:
        """The name of the row and of its folder, such as `cmmc--joint_epochs-10`."""
        coordinates = [f"{key}-{_as_name(value)}" for key, value in self.values.items()]
        return "--".join([self.method, *coordinates])


def expanded(
    names: Sequence[str],
    catalogue: Mapping[str, MethodEntry],
    sweeps: Mapping[str, Mapping[str, Sequence[Any]]],
    *,
    where: str,
) -> dict[str, Point]:
    """Return the points of all sweeps by name.

    `sweeps` holds the values to try by method and parameter, and `names` the methods of the
    benchmark.

    Raises:
        InputError: a method lacks a parameter, or the name of a point is taken.
    """
    points: dict[str, Point] = {}
    for method in names:
        if method not in sweeps:
            continue
        for point in grid(method, catalogue[method], sweeps[method], where=where):
            if point.name in catalogue or point.name in points:
                raise InputError(f"{where}: expected another name, {point.name!r} is taken")
            points[point.name] = point
    return points


def grid(
    method: str, entry: MethodEntry, values: Mapping[str, Sequence[Any]], *, where: str
) -> list[Point]:
    """Return every combination of the values, with the parameters in alphabetical order.

    Raises:
        InputError: the method has no such parameter.
    """
    known = resolved(method, entry, entry.params)
    for parameter in values:
        if parameter not in known:
            raise unknown("parameter", parameter, known, where=f"{where}: {method}")
    axes = sorted(values)  # so that the names of rows do not depend on the order in the file
    points = []
    for combination in product(*(values[axis] for axis in axes)):
        at = dict(zip(axes, combination, strict=True))
        words = ", ".join(f"{key} {_as_text(value)}" for key, value in at.items())
        title = f"{entry.title or method} ({words})"
        points.append(Point(method, at, entry.model_copy(update={"title": title})))
    return points


def _as_name(value: Any) -> str:
    """Return a value as part of a name: 0.5 is 0p5, -1 is m1, [125, 500] is 125-500."""
    if isinstance(value, list | tuple):
        return "-".join(_as_name(item) for item in value) or "none"
    text = re.sub("^-", "m", _as_text(value)).replace(".", "p")
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_as_text(item) for item in value) + "]"
    return str(value).removesuffix(".0")
