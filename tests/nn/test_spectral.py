"""Dense affinities and eigenvectors against loops and full decompositions."""

import math

import numpy as np
import pytest

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.nn.spectral import (
    check_few_samples,
    distances,
    gaussian_affinity,
    leading_eigenvectors,
    normalised,
    unit_rows,
)


def symmetric(n):
    m = np.random.default_rng(0).normal(size=(n, n))
    return (m + m.T) / 2


def test_distances_are_those_of_a_loop():
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    expected = [[math.dist(a, b) for b in x.tolist()] for a in x.tolist()]
    np.testing.assert_allclose(distances(x), expected, atol=1e-7)


def test_distances_are_symmetric_to_the_bit_and_zero_on_the_diagonal():
    x = np.random.default_rng(0).normal(size=(50, 300))
    d = distances(x)
    np.testing.assert_array_equal(d, d.T)
    np.testing.assert_array_equal(np.diag(d), 0)


def test_the_affinity_at_the_median_distance_is_that_of_one_width():
    x = np.array([[0.0], [2], [10]])  # distances 0, 0, 0, 2, 2, 8, 8, 10, 10
    expected = np.exp(-np.square([[0, 1, 5], [1, 0, 4], [5, 4, 0]]) / 2)
    np.testing.assert_allclose(gaussian_affinity(x), expected)


def test_the_affinity_depends_on_no_unit():
    x = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_allclose(gaussian_affinity(1e3 * x), gaussian_affinity(x))


def test_equal_samples_are_all_alike():
    np.testing.assert_array_equal(gaussian_affinity(np.ones((4, 2))), 1)


def test_the_largest_eigenvalue_of_the_normalised_affinity_is_one():
    values = np.linalg.eigvalsh(
        normalised(gaussian_affinity(np.random.default_rng(0).random((30, 2))))
    )
    assert values[-1] == pytest.approx(1)
    assert values[0] >= -1


@pytest.mark.parametrize("n_vectors", [1, 4, 40])  # by a Krylov space and by LAPACK
def test_eigenvectors_are_those_of_the_largest_eigenvalues_in_order(n_vectors):
    m = symmetric(60)
    values, vectors = np.linalg.eigh(m)
    found = leading_eigenvectors(m, n_vectors, seed=0)
    cosines = np.abs(np.sum(found * vectors[:, ::-1][:, :n_vectors], axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-8)
    np.testing.assert_allclose(np.diag(found.T @ m @ found), values[::-1][:n_vectors])


@pytest.mark.parametrize("n_vectors", [2, 30])
def test_a_low_rank_term_is_as_if_it_had_been_added(n_vectors):
    m, b = symmetric(40), np.random.default_rng(1).normal(size=(40, 3))
    found = leading_eigenvectors(m, n_vectors, seed=0, low_rank=b)
    expected = leading_eigenvectors(m + b @ b.T, n_vectors, seed=0)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-8)


def test_a_row_of_zeros_stays_and_others_get_length_one():
    np.testing.assert_allclose(unit_rows(np.array([[3.0, 4], [0, 0]])), [[0.6, 0.8], [0, 0]])


def test_too_many_samples_are_refused_with_the_size_of_a_matrix():
    data = Dataset.paired([np.zeros((2000, 1))], n_clusters=2, name="many")
    check_few_samples(data, 2000)
    with pytest.raises(
        IncompatibleDataError, match=r"many: takes at most 1999 samples, has 2000: .* 0\.0 GB"
    ):
        check_few_samples(data, 1999)
