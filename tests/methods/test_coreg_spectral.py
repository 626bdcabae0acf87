"""What the views agree on is raised; without a weight each view is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.coreg_spectral import CoregSpectral, agreement, coregularised
from mmbench.nn.spectral import gaussian_affinity, normalised


def similarities(data):
    return [normalised(gaussian_affinity(v.values)) for v in data.views]


def span(u):
    return u @ u.T


def leading_span(matrix, n_vectors):
    _, vectors = np.linalg.eigh(matrix)
    return span(vectors[:, -n_vectors:])


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, CoregSpectral().fit_predict(data, seed=0)) > 0.95


def test_clusters_that_no_view_tells_apart_alone_are_found_together(two_of_three):
    data, y_true = two_of_three
    for view in data.views:
        alone = replace(data, views=(view, view))
        assert adjusted_rand_score(y_true, CoregSpectral().fit_predict(alone, seed=0)) < 0.7
    assert adjusted_rand_score(y_true, CoregSpectral().fit_predict(data, seed=0)) > 0.9


def test_weight_zero_is_spectral_clustering_of_each_view(paired_blobs):
    views = similarities(paired_blobs[0])
    for u, similarity in zip(coregularised(views, 3, 0.0, 10, seed=0), views, strict=True):
        np.testing.assert_allclose(span(u), leading_span(similarity, 3), atol=1e-8)


def test_two_rounds_are_those_of_the_dense_loop(three_view_blobs):
    views = similarities(three_view_blobs[0])
    spans = [leading_span(similarity, 3) for similarity in views]
    for _ in range(2):
        for v, similarity in enumerate(views):
            others = sum(s for w, s in enumerate(spans) if w != v)
            spans[v] = leading_span(similarity + 0.3 * others, 3)
    found = coregularised(views, 3, 0.3, 2, seed=0)
    for u, expected in zip(found, spans, strict=True):
        np.testing.assert_allclose(span(u), expected, atol=1e-7)


def test_more_weight_makes_the_views_agree_more():
    rng = np.random.default_rng(0)
    views = [normalised(gaussian_affinity(rng.normal(size=(80, 5)))) for _ in range(2)]
    agreed = [agreement(coregularised(views, 4, weight, 10, seed=0)) for weight in (0, 0.05, 1)]
    assert agreed[0] < agreed[1] < agreed[2]
    assert agreed[2] > 0.9


def test_where_clusters_are_clear_the_order_of_the_views_does_not_matter(paired_blobs):
    views = similarities(paired_blobs[0])
    one = coregularised(views, 3, 0.05, 30, seed=0)
    other = coregularised(views[::-1], 3, 0.05, 30, seed=0)[::-1]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(span(a), span(b), atol=1e-6)


def test_agreement_is_one_of_equal_spans_and_zero_of_orthogonal_ones():
    basis = np.eye(6)
    rotated = basis[:, :2] @ np.array([[0.6, -0.8], [0.8, 0.6]])
    assert agreement([basis[:, :2], rotated]) == pytest.approx(1)
    assert agreement([basis[:, :2], basis[:, 2:4]]) == 0
    assert agreement([basis[:, :2], basis[:, 1:3]]) == pytest.approx(0.5)


def test_too_many_samples_are_refused(paired_blobs):
    with pytest.raises(IncompatibleDataError, match="takes at most 179 samples, has 180"):
        CoregSpectral(max_samples=179).fit_predict(paired_blobs[0], seed=0)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        CoregSpectral().fit_predict(one_view_blobs[0], seed=0)


def test_held_out_samples_are_refused(split_paired_blobs):
    with pytest.raises(IncompatibleDataError, match="60 of 180 are held out"):
        CoregSpectral().fit_predict(split_paired_blobs[0], seed=0)


@pytest.mark.filterwarnings("error")
def test_a_constant_view_breaks_nothing(paired_blobs):
    data, y_true = paired_blobs
    arrays = [v.values for v in data.views] + [np.ones((180, 4))]
    y_pred = CoregSpectral().fit_predict(Dataset.paired(arrays, n_clusters=3), seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
