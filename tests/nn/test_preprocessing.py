"""Weights, principal axes and k-means, against slow forms; fitted on training rows alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.preprocessing import (
    equally_weighted,
    joint_features,
    kmeans_assignments,
    principal,
    row_numbers,
    samples_in_pairs,
    training_rows,
)


@pytest.fixture
def x():
    scale = np.array([5.0, 3.0, 1.0, 0.5, 0.1])
    noise = np.random.default_rng(0).normal(size=(80, 5))
    return (scale * noise).astype(np.float32)


def test_values_that_fill_the_unit_range_are_only_divided():
    x = np.array([[0, 0.5, 0.2, 0.1], [1, 0.25, 0.3, 0]], np.float32)
    np.testing.assert_allclose(equally_weighted(x, np.arange(2)), x / 2, atol=1e-7)


def test_units_of_a_view_do_not_change_its_weight(x):
    rows = np.arange(80)
    a, b = equally_weighted(x, rows), equally_weighted(1000 * x - 7, rows)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_training_row_has_a_norm_of_at_most_one(x):
    norms = np.linalg.norm(equally_weighted(x, np.arange(80)), axis=1)
    assert norms.max() <= 1


def test_the_range_is_that_of_the_training_rows():
    x = np.array([[0.0], [2.0], [100.0]], np.float32)
    np.testing.assert_allclose(equally_weighted(x, np.array([0, 1])), [[0], [1], [50]])


def test_a_constant_view_becomes_zeros():
    assert not equally_weighted(np.full((4, 3), 9, np.float32), np.arange(4)).any()


def test_principal_components_are_projections_on_the_axes_of_the_training_rows(x):
    rows = np.arange(0, 80, 2)
    _, _, axes = np.linalg.svd(x[rows] - x[rows].mean(axis=0), full_matrices=False)
    expected = (x - x[rows].mean(axis=0)) @ axes[:2].T
    found = principal(x, 2, rows, seed=0)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)


def test_there_are_no_more_components_than_columns_or_training_rows(x):
    assert principal(x, 100, np.arange(80), seed=0).shape == (80, 5)
    assert principal(x, 100, np.arange(3), seed=0).shape == (80, 3)


@pytest.mark.filterwarnings("error")
def test_components_of_a_constant_view_are_zeros():
    assert not principal(np.ones((6, 3), np.float32), 2, np.arange(6), seed=0).any()


def test_distances_between_paired_samples_are_those_of_equally_weighted_views(paired_blobs):
    data, _ = paired_blobs
    z = joint_features(data, max_features=100, seed=0)
    weighted = [equally_weighted(v.values, data.fit_index) for v in data.views]
    expected = sum(((x[5] - x[9]) ** 2).sum() for x in weighted)
    assert ((z[5] - z[9]) ** 2).sum() == pytest.approx(expected, rel=1e-4)


def test_at_most_so_many_features_are_kept(paired_blobs, mixed_blobs):
    for data, _ in (paired_blobs, mixed_blobs):
        assert joint_features(data, max_features=3, seed=0).shape == (180, 3)


def test_each_modality_has_its_own_axes_of_a_common_number(mixed_blobs):
    data, _ = mixed_blobs
    z = joint_features(data, max_features=100, seed=0)
    assert z.shape == (180, 8)  # text has 8 columns
    for view in data.views:
        rows = np.arange(len(view.values))
        own = principal(equally_weighted(view.values, rows), 8, rows, seed=0)
        np.testing.assert_array_equal(z[view.sample_index], own)


def test_without_equal_weights_every_view_is_taken_as_it_comes(paired_blobs, mixed_blobs):
    data, _ = paired_blobs
    z = joint_features(data, max_features=100, seed=0, equal_weights=False)
    expected = sum(((v.values[5] - v.values[9]) ** 2).sum() for v in data.views)
    assert ((z[5] - z[9]) ** 2).sum() == pytest.approx(expected, rel=1e-4)

    data, _ = mixed_blobs
    z = joint_features(data, max_features=100, seed=0, equal_weights=False)
    for view in data.views:
        own = principal(view.values, 8, np.arange(len(view.values)), seed=0)
        np.testing.assert_array_equal(z[view.sample_index], own)


def test_a_modality_with_few_training_rows_limits_the_common_dimension(mixed_blobs):
    data, _ = mixed_blobs
    image, text = (v.sample_index for v in data.views)
    data = replace(data, fit_index=np.sort(np.concatenate([image[:4], text])))
    assert joint_features(data, max_features=100, seed=0, held_out=True).shape == (180, 4)


def test_held_out_samples_are_refused_unless_asked_for(split_paired_blobs, split_mixed_blobs):
    for data, _ in (split_paired_blobs, split_mixed_blobs):
        with pytest.raises(IncompatibleDataError, match="60 of 180 are held out"):
            joint_features(data, max_features=5, seed=0)


def test_incomplete_views_are_refused(incomplete_blobs):
    data, _ = incomplete_blobs
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        joint_features(data, max_features=5, seed=0)


def test_mixed_images_are_refused(image_blobs, mixed_blobs):
    images = image_blobs[0].views[0].values
    image, text = mixed_blobs[0].views
    view = View(images[image.sample_index], image.sample_index, "image", "image")
    data = replace(mixed_blobs[0], views=(view, text))
    with pytest.raises(IncompatibleDataError, match="needs feature views, but image holds images"):
        joint_features(data, max_features=5, seed=0)


def test_training_rows_count_within_the_view(split_mixed_blobs):
    data, _ = split_mixed_blobs
    for view in data.views:
        in_training = [i for i, s in enumerate(view.sample_index) if s in set(data.fit_index)]
        assert training_rows(data, view).tolist() == in_training


def test_a_view_without_training_rows_is_refused(mixed_blobs):
    data, _ = mixed_blobs
    data = replace(data, fit_index=data.views[0].sample_index)
    with pytest.raises(IncompatibleDataError, match="in every view, but text has none"):
        training_rows(data, data.views[1])


def test_held_out_samples_join_the_nearest_cluster(split_paired_blobs):
    data, y_true = split_paired_blobs
    y_pred = kmeans_assignments(data.views[0].values, data, seed=0, n_init=5)
    held_out = np.setdiff1d(np.arange(180), data.fit_index)
    assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) == 1
    assert y_pred.dtype == np.int64


def test_centroids_are_those_of_the_training_samples():
    x = np.array([[0.0], [1], [10], [11], [5.6], [40]], np.float32)  # the middle is at 5.5
    data = replace(Dataset.paired([x], n_clusters=2), fit_index=np.arange(4))
    y_pred = kmeans_assignments(x, data, seed=0, n_init=5)
    assert (y_pred == y_pred[2]).tolist() == [False, False, True, True, True, True]


def test_fewer_training_samples_than_clusters_are_refused():
    x = np.arange(6, dtype=np.float32)[:, None]
    data = replace(Dataset.paired([x], n_clusters=3, name="tiny"), fit_index=np.arange(2))
    expected = "tiny: needs a sample to train on for each of 3 clusters, has 2"
    with pytest.raises(IncompatibleDataError, match=expected):
        kmeans_assignments(x, data, seed=0, n_init=1)


@pytest.mark.filterwarnings("error")
def test_fewer_distinct_rows_than_clusters_leave_clusters_empty():
    x = np.array([[0.0], [0], [0], [1], [1]], np.float32)
    y_pred = kmeans_assignments(x, Dataset.paired([x], n_clusters=4), seed=0, n_init=2)
    assert len(set(y_pred[:3])) == 1
    assert len(set(y_pred[3:])) == 1
    assert y_pred[0] != y_pred[3]


def test_the_number_of_threads_changes_nothing():
    # noise without clusters: the last bit of a centroid ends in other clusters for a tenth
    x = np.random.default_rng(0).normal(size=(20_000, 10)).astype(np.float32)
    data = Dataset.paired([x], n_clusters=30)
    found = set()
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="openmp"):
            found.add(kmeans_assignments(x, data, seed=0, n_init=1).tobytes())
    assert len(found) == 1


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
