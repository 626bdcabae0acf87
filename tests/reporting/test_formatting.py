"""Digits in print: three, and the same for one number however it was summed."""

import math

import numpy as np
import pytest

from mmbench.reporting.formatting import format_gain, format_score, rounded


@pytest.mark.parametrize("decimal", [0.5325, 0.5335, 0.0005, 0.9995])
def test_neighbouring_floats_print_alike_also_where_the_next_digit_is_a_five(decimal):
    below, above = math.nextafter(decimal, 0), math.nextafter(decimal, 1)
    assert format_score(below) == format_score(decimal) == format_score(above)
    assert format_score(np.float64(below)) == format_score(np.mean([above, decimal]))
    assert format_gain(below)[1:] == format_gain(above)[1:] == format_score(decimal)


def test_a_difference_has_a_sign_and_zero_no_minus():
    assert [format_gain(x) for x in (0.25, -0.25, -0.0, -1e-4)] == [
        "+0.250",
        "-0.250",
        "+0.000",
        "+0.000",
    ]
    assert format_score(-1e-4) == "0.000"
    assert math.copysign(1, rounded(-1e-4)) == 1
