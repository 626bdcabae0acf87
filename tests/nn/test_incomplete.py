"""Rows and pairs of incomplete data, counted by hand."""

import numpy as np
import pytest

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.incomplete import row_numbers, samples_in_pairs


def incomplete(*index, fit_index=()):
    views = tuple(
        View(np.zeros((len(i), 2), np.float32), np.array(i), f"view-{v}", "any")
        for v, i in enumerate(index, start=1)
    )
    return Dataset(views, 2, 5, "toy", np.array(fit_index, np.int64))


def test_rows_are_numbered_by_sample():
    rows = row_numbers(incomplete([0, 1, 4], [1, 2, 3, 4]))
    np.testing.assert_array_equal(rows, [[0, 1, -1, -1, 2], [-1, 0, 1, 2, 3]])


def test_pairs_are_training_samples_with_two_views():
    data = incomplete([0, 1, 3, 4], [1, 2, 3, 4])
    np.testing.assert_array_equal(samples_in_pairs(data, row_numbers(data)), [1, 3, 4])
    held_out = incomplete([0, 1, 3, 4], [1, 2, 3, 4], fit_index=[0, 1, 4])
    np.testing.assert_array_equal(samples_in_pairs(held_out, row_numbers(held_out)), [1, 4])


def test_a_view_without_partners_is_refused_by_name():
    data = incomplete([0, 1, 2], [0, 1, 2], [2, 3, 4])
    with pytest.raises(IncompatibleDataError, match=r"toy: needs 2 .* have view-3 and .* has 1"):
        samples_in_pairs(data, row_numbers(data))
