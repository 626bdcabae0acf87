"""Numbers as tables, figures and sentences print them: the same digits wherever one stands.

Sums of the same scores in another order differ in their last bits. At 0.5325 these bits would
decide between .532 and .533, so they are rounded away first.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIGITS = 9  # scores that agree in so many digits are equal
PRINTED = 3
MISSING = "–"


def rounded(value: float) -> float:
    """Return a score or a difference with as many digits as tables have; never minus zero."""
    return round(round(float(value), DIGITS), PRINTED) + 0.0


def format_score(value: float) -> str:
    """Return a score, or a deviation of scores, as tables and sentences print it."""
    return f"{rounded(value):.{PRINTED}f}"


def format_gain(value: float) -> str:
    """Return a difference of scores, with its sign."""
    return f"{rounded(value):+.{PRINTED}f}"


def format_p(p: float) -> str:
    """Return a p value as tables and sentences print it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def format_mean_sd(values: NDArray[np.float64]) -> str:
    """Return mean ± standard deviation (n - 1), without the latter for a single value."""
    if not len(values):
        return MISSING
    deviation = f" ± {format_score(values.std(ddof=1))}" if len(values) > 1 else ""
    return format_score(values.mean()) + deviation


def csv_mean_sd(values: NDArray[np.float64]) -> tuple[float | str, float | str]:
    """Return mean and standard deviation (n - 1) with six digits, empty where undefined."""
    mean = round(float(values.mean()), 6) if len(values) else ""
    return mean, round(float(values.std(ddof=1)), 6) if len(values) > 1 else ""


def format_seeds(seeds: Sequence[int]) -> str:
    """Return seeds in words, such as `seeds 1, 3`."""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, sorted(seeds)))}"
