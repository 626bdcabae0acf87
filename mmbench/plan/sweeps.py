"""Sweeps: a row for each combination of parameter values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mmbench.config import MethodEntry
from mmbench.errors import unknown
from mmbench.plan.params import resolved


@dataclass(frozen=True)
class Point:
    """One combination of the values of a sweep.

    Attributes:
        method: the entry that is swept.
        values: by parameter.
    """

    method: str
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the row and its folder, such as `cmmc-fast--joint_epochs-10--label_weight-0p5`."""
        coordinates = [f"{key}-{_spelt(value)}" for key, value in self.values.items()]
        return "--".join([self.method, *coordinates])

    def title(self, plain: str) -> str:
        """Return how tables print it, such as `CMMC, fast (joint_epochs 10)`.

        Args:
            plain: how they print the entry that is swept.
        """
        told = ", ".join(f"{key} {_told(value)}" for key, value in self.values.items())
        return f"{plain} ({told})"


def grid(
    method: str, entry: MethodEntry, values: Mapping[str, Sequence[Any]], *, where: str
) -> list[Point]:
    """Return every combination of the values, parameters in the order of the alphabet.

    Args:
        method: the entry that is swept.
        entry: as the catalogue has it.
        values: by parameter, at least one each.
        where: the file and key that say so, for messages.

    Raises:
        InputError: the method has no such parameter.
    """
    known = resolved(method, entry, entry.params)
    for parameter in values:
        if parameter not in known:
            raise unknown("parameter", parameter, known, where=f"{where}: {method}")
    axes = sorted(values)  # so that the names of rows do not depend on the order in the file
    return [
        Point(method, dict(zip(axes, combination, strict=True)))
        for combination in product(*(values[axis] for axis in axes))
    ]


def _spelt(value: Any) -> str:
    """Return a value as part of a name: 0.5 is 0p5, -1 is m1, [125, 500] is 125-500."""
    if isinstance(value, list | tuple):
        return "-".join(_spelt(item) for item in value) or "none"
    text = re.sub("^-", "m", _told(value)).replace(".", "p")
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _told(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_told(item) for item in value) + "]"
    return str(value).removesuffix(".0")
