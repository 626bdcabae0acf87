"""Scalings against scikit-learn, closed forms, and the traps of real files."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import MinMaxScaler

from mmbench.config import ViewSpec
from mmbench.datasets.scaling import scaled
from mmbench.errors import InputError

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(0.3, size=(30, 12))
COUNTS[4] = 0


def features(values, scaling):
    spec = ViewSpec(modality="text", dims=values.shape[1], scaling=scaling)
    return scaled(values, spec, where="tiny/text")


def pixels(values, dims, white=None):
    return scaled(values, ViewSpec(modality="image", dims=dims, white=white), where="tiny/image")


def test_min_max_agrees_with_scikit_learn():
    x = RNG.normal(size=(50, 6)) * 10.0 ** np.arange(6)
    result = features(x, "min-max")
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, MinMaxScaler().fit_transform(x), atol=1e-6)


def test_a_constant_column_becomes_zero():
    assert (features(np.full((5, 2), 7.0), "min-max") == 0).all()


def test_large_columns_are_scaled_before_they_lose_digits():
    # in float32 these five values would be one and the same
    x = 3e13 + np.arange(5.0)[:, None]
    np.testing.assert_allclose(features(x, "min-max")[:, 0], [0, 0.25, 0.5, 0.75, 1])


def test_tf_idf_agrees_with_scikit_learn():
    expected = TfidfTransformer().fit_transform(COUNTS).toarray()
    np.testing.assert_allclose(features(COUNTS, "tf-idf"), expected, atol=1e-6)


@pytest.mark.parametrize("scaling", ["tf-idf", "unit-rows"])
def test_rows_have_length_one_and_empty_ones_stay_empty(scaling):
    lengths = np.linalg.norm(features(COUNTS, scaling), axis=1)
    empty = COUNTS.sum(axis=1) == 0
    assert empty.any()
    np.testing.assert_allclose(lengths, ~empty, atol=1e-6)


def test_negative_word_counts_are_refused():
    with pytest.raises(InputError, match="tiny/text: expected word counts, got -1"):
        features(COUNTS - 1, "tf-idf")


def test_as_stored_changes_nothing():
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(features(x, "as-stored"), x)


def test_values_beyond_float32_are_refused():
    with pytest.raises(InputError, match="expected values within float32"):
        features(np.array([[1e39, 0.0]]), "as-stored")


def test_images_stay_bytes_and_get_their_shape():
    x = RNG.integers(256, size=(3, 12), dtype=np.uint8)
    result = pixels(x, (1, 3, 4))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, x.reshape(3, 1, 3, 4))


@pytest.mark.parametrize("white", [1.0, 16.0])
def test_grey_levels_become_bytes(white):
    x = np.linspace(0, white, 12).reshape(1, 12)
    expected = np.rint(np.linspace(0, 255, 12))
    given = None if white == 1 else white
    np.testing.assert_array_equal(pixels(x, (1, 3, 4), given).ravel(), expected)


@pytest.mark.parametrize("scaling", ["as-stored", "min-max"])
def test_images_with_the_scaling_of_features_are_flattened(scaling):
    x = RNG.random((5, 12))
    spec = ViewSpec(modality="image", dims=(3, 2, 2), scaling=scaling)
    flat = scaled(x.reshape(5, 3, 2, 2), spec, where="tiny/image")
    np.testing.assert_array_equal(flat, features(x, scaling))


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_pixels_out_of_range_are_refused(value):
    with pytest.raises(InputError, match=r"tiny/image: expected pixels in 0\.\.1\.0, got"):
        pixels(np.array([[0.5, 0.5, 0.5, value]]), (1, 2, 2))


def test_another_width_than_in_the_catalogue_is_refused():
    with pytest.raises(
        InputError, match="tiny/image: expected 1 x 2 x 2 values in each row, got 5"
    ):
        pixels(np.zeros((3, 5)), (1, 2, 2))
