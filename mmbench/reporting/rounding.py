"""Scores as tables print them: the same number has the same digits wherever it stands.

Sums of the same scores in another order differ in their last bits. At 0.5325 this would decide
between .532 and .533, so what floats cannot tell is rounded away first.
"""

DIGITS = 9  # scores that agree in as many are equal
PRINTED = 3


def rounded(value: float) -> float:
    """Return a score or a difference with as many digits as tables have; never minus zero."""
    return round(round(float(value), DIGITS), PRINTED) + 0.0


def told_score(value: float) -> str:
    """Return a score, or a deviation of scores, as tables and sentences print it."""
    return f"{rounded(value):.{PRINTED}f}"


def told_gain(value: float) -> str:
    """Return a difference of scores, with its sign."""
    return f"{rounded(value):+.{PRINTED}f}"
