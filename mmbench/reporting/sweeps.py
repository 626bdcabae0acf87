"""Sweeps over data corrupted by degrees: data sets derived from one base that differ in one number.

Such a number is the share of samples that lack a view, for example. Where it is a rate, the base
is its rate 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.spec import ReportSpec


@dataclass(frozen=True)
class Sweep:
    """Data sets that differ in one parameter.

    Attributes:
        base: the name of the data set they are derived from.
        title: its title, or its name where the report does not have it.
        key: the parameter, such as `missing_rate`.
        rates: its values, ascending, at least two.
        datasets: the names of the data sets, one for each rate.
    """

    base: str
    title: str
    key: str
    rates: tuple[float, ...]
    datasets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in files: the base and the parameter."""
        return f"{self.base}-{self.key}"

    @property
    def label(self) -> str:
        """The label of an axis: the parameter in words."""
        return self.key.replace("_", " ")


def sweeps(spec: ReportSpec) -> list[Sweep]:
    """Return the sweeps of a report, in the order of its data sets."""
    by_name = {d.name: d for d in spec.datasets}
    points: dict[tuple[str, str], dict[float, str]] = {}
    for dataset in spec.datasets:
        if len(dataset.varied) == 1 and dataset.base not in ("", dataset.name):
            ((key, rate),) = dataset.varied.items()
            points.setdefault((dataset.base, key), {}).setdefault(rate, dataset.name)
    found = []
    for (base, key), by_rate in points.items():
        if base in by_name and key.endswith("_rate"):
            by_rate.setdefault(0.0, base)
        rates = tuple(sorted(by_rate))
        if len(rates) > 1:
            title = by_name[base].title if base in by_name else base
            datasets = tuple(by_rate[rate] for rate in rates)
            found.append(Sweep(base, title, key, rates, datasets))
    return found


def areas(sweep: Sweep, scores: Sequence[dict[int, float]]) -> NDArray[np.float64]:
    """Return (n_seeds,), the area under the curve over the width of its range.

    Args:
        sweep: with the rates.
        scores: for each rate, the score of each seed. Only seeds with a score at every rate count.
    """
    seeds = sorted(set.intersection(*map(set, scores)))
    values = np.array([[by_seed[seed] for by_seed in scores] for seed in seeds])
    if not len(values):
        return np.empty(0)
    rates = np.array(sweep.rates)
    area: NDArray[np.float64] = np.trapezoid(values, rates, axis=1) / (rates[-1] - rates[0])
    return area
