"""Numbers as tables, figures and sentences print them: the same digits wherever one stands.

Sums of the same scores in another order differ in their last bits. At 0.5325 these bits would
decide between .532 and .533, so they are rounded away first. What is not defined is NaN, and is
printed as a dash or as an empty cell of a .csv file.
"""

import math

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
    return MISSING if math.isnan(value) else f"{rounded(value):.{PRINTED}f}"


def format_gain(value: float) -> str:
    """Return a difference of scores, with its sign."""
    return MISSING if math.isnan(value) else f"{rounded(value):+.{PRINTED}f}"


def format_p(p: float) -> str:
    """Return a p value as tables print it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def format_p_equation(p: float) -> str:
    """Return a p value as an equation, such as `p = 0.012`."""
    return f"p {'' if p < 0.001 else '= '}{format_p(p)}"


def format_count(n: int, noun: str) -> str:
    """Return a number with its noun, such as `3 methods`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def format_mean_sd(values: NDArray[np.float64]) -> str:
    """Return mean ± standard deviation (n - 1), without the latter for a single value."""
    if len(values) < 2:
        return format_score(values[0]) if len(values) else MISSING
    return f"{format_score(values.mean())} ± {format_score(values.std(ddof=1))}"


def csv_number(value: float) -> float | str:
    """Return a number with six digits, never minus zero, or an empty text for NaN."""
    return "" if math.isnan(value) else round(float(value), 6) + 0.0


def csv_mean_sd(values: NDArray[np.float64]) -> tuple[float | str, float | str]:
    """Return mean and standard deviation (n - 1) as in a .csv file."""
    mean = values.mean() if len(values) else math.nan
    return csv_number(mean), csv_number(values.std(ddof=1) if len(values) > 1 else math.nan)
