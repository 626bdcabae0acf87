"""The adapter that gives views common dimensions, and the rotation that aligns them."""

import numpy as np
import pytest

from mmbench.nn.alignment import adapt, rotated


def test_the_adapter_scales_a_view_by_one_number():
    x = np.random.default_rng(0).random((50, 4), dtype=np.float32) * [1, 2, 3, 4]
    adapted = adapt(x.astype(np.float32), np.arange(50), 4, seed=0)
    assert adapted[:, 0].std() == pytest.approx(1, abs=1e-5)
    ranged = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    distances = np.linalg.norm(ranged[:, None] - ranged, axis=2)
    found = np.linalg.norm(adapted[:, None] - adapted, axis=2)
    ratio = found[distances > 0] / distances[distances > 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_the_adapter_pads_narrow_views_and_cuts_wide_ones():
    x = np.random.default_rng(0).random((50, 4), dtype=np.float32)
    padded = adapt(x, np.arange(50), 6, seed=0)
    assert padded.shape == (50, 6)
    assert (padded[:, 4:] == 0).all()
    np.testing.assert_allclose(adapt(x, np.arange(50), 2, seed=0), padded[:, :2], atol=1e-5)


def test_the_adapter_learns_from_training_rows_alone():
    x = np.random.default_rng(0).random((50, 4), dtype=np.float32)
    fit_rows = np.arange(30)
    other = x.copy()
    other[30:] *= 7
    first, second = (adapt(a, fit_rows, 3, seed=0) for a in (x, other))
    np.testing.assert_array_equal(first[:30], second[:30])
    assert not np.allclose(first[30:], second[30:])


def test_a_constant_view_becomes_zeros():
    assert (adapt(np.full((9, 3), 5, np.float32), np.arange(9), 2, seed=0) == 0).all()


def test_rotation_undoes_a_rotation_and_keeps_distances():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)) * [4, 3, 2, 1]
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    other = x @ turn
    rows = np.tile(np.arange(60), (2, 1))
    first, second = rotated([x, other], rows)
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(first @ first.T, x @ x.T, atol=1e-6)


def test_rotation_learns_from_the_samples_that_two_views_share():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)) * [4, 3, 2, 1]
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    # the views overlap in samples 20 to 59, and each has 20 of its own
    rows = np.full((2, 80), -1)
    rows[0, :60] = np.arange(60)
    rows[1, 20:] = np.arange(60)
    other = np.concatenate([x[20:] @ turn, rng.normal(size=(20, 4))])
    first, second = rotated([x, other], rows)
    np.testing.assert_allclose(first[20:], second[:40], atol=1e-6)


def test_rotated_views_are_closer_whatever_their_order():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(60, 4)) * [4, 3, 2, 1]
    views = [
        shared @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 0.1 * rng.normal(size=(60, 4))
        for _ in range(3)
    ]
    rows = np.tile(np.arange(60), (3, 1))

    def spread(arrays):
        return float(np.var(arrays, axis=0).mean())

    forwards, backwards = rotated(views, rows), rotated(views[::-1], rows)
    assert spread(forwards) < 0.01 * spread(views)
    assert spread(backwards) == pytest.approx(spread(forwards), rel=1e-3)
