"""Parts against a matrix whose parts are known; shifts where, and only where, they are needed."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.nmf_concat import NMFConcat, non_negative, part_weights

ALL = np.arange(60)


def made_of_parts(n_parts=3):
    rng = np.random.default_rng(0)
    shares = rng.random((60, n_parts)) * (rng.random((60, n_parts)) < 0.6)
    return (shares @ rng.random((n_parts, 12))).astype(np.float32)


@pytest.mark.parametrize(
    "data_setting",
    ["paired_blobs", "three_view_blobs", "one_view_blobs", "image_blobs", "split_paired_blobs"],
)
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, NMFConcat().fit_predict(data, seed=0)) > 0.9


def test_clusters_that_no_view_tells_apart_alone_are_found_together(two_of_three):
    data, y_true = two_of_three
    for view in data.views:
        alone = NMFConcat().fit_predict(replace(data, views=(view,)), seed=0)
        assert adjusted_rand_score(y_true, alone) < 0.7
    assert adjusted_rand_score(y_true, NMFConcat().fit_predict(data, seed=0)) > 0.9


def test_a_matrix_of_three_parts_is_factorised_into_them():
    x = made_of_parts()
    found = part_weights(x, ALL, 3, max_steps=2000, seed=0)
    assert (found >= 0).all()
    # x lies in the span of the parts, so it is a linear map of what was found
    assert np.linalg.norm(x - found @ np.linalg.lstsq(found, x)[0]) < 0.01 * np.linalg.norm(x)


def test_the_weight_of_a_single_part_is_the_length_of_the_row():
    x = made_of_parts(1)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(part_weights(x, ALL, 1, max_steps=2000, seed=0), lengths, atol=1e-3)


def test_twice_a_sample_has_twice_the_weights():
    x = made_of_parts()
    rows = np.arange(50)
    doubled = np.concatenate([x[:50], 2 * x[:10]])
    found = part_weights(doubled, rows, 3, max_steps=2000, seed=0)
    np.testing.assert_allclose(found[50:], 2 * found[:10], atol=0.02)


def test_held_out_samples_do_not_change_the_weights_of_others():
    x = made_of_parts()
    rows = np.arange(40)
    other = np.concatenate([x[:40], x[40:][::-1] ** 2])
    a, b = (part_weights(m, rows, 3, max_steps=50, seed=0) for m in (x, other))
    np.testing.assert_array_equal(a[:40], b[:40])
    assert not np.allclose(a[40:], b[40:])


def test_zero_stays_zero_where_nothing_is_negative():
    x = np.array([[0, 3], [4, 0]], np.float32)
    expected = x / np.sqrt(12.5)
    np.testing.assert_allclose(non_negative(x, np.arange(2)), expected, rtol=1e-6)


def test_a_view_with_negative_values_is_shifted_by_its_minimum():
    x = np.array([[-2, 1], [2, -2]], np.float32)
    expected = (x + 2) / np.sqrt(12.5)
    np.testing.assert_allclose(non_negative(x, np.arange(2)), expected, rtol=1e-6)


def test_the_shift_is_that_of_the_training_rows_and_nothing_falls_below_zero():
    x = np.array([[-1, 1], [1, 1], [-9, 0]], np.float32)
    found = non_negative(x, np.arange(2))
    np.testing.assert_allclose(found, np.array([[0, 2], [2, 2], [0, 1]]) / np.sqrt(6), rtol=1e-6)


def test_units_of_a_view_do_not_matter(paired_blobs):
    data, y_true = paired_blobs
    image, text = data.views
    data = replace(data, views=(replace(image, values=1e4 * image.values), text))
    assert adjusted_rand_score(y_true, NMFConcat().fit_predict(data, seed=0)) > 0.9


@pytest.mark.filterwarnings("error")
def test_a_constant_view_and_more_clusters_than_columns_break_nothing():
    x = np.random.default_rng(0).random((20, 2))
    data = Dataset.paired([x, np.zeros((20, 1))], n_clusters=5)
    assert set(NMFConcat().fit_predict(data, seed=0)) == set(range(5))


def test_a_sample_without_a_view_is_refused(incomplete_blobs):
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        NMFConcat().fit_predict(incomplete_blobs[0], seed=0)


def test_fewer_training_samples_than_clusters_are_refused(paired_blobs):
    data = replace(paired_blobs[0], fit_index=np.array([3, 8]))
    with pytest.raises(IncompatibleDataError, match="for each of 3 clusters, has 2"):
        NMFConcat().fit_predict(data, seed=0)
