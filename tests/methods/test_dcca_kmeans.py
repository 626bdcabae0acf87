"""Total correlation in closed form; a signal that no linear projection of a view shows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.cca_kmeans import CCAKMeans
from mmbench.methods.dcca_kmeans import DCCAKMeans, total_correlation

QUICK = DCCAKMeans(hidden=(64, 64), n_components=2, epochs=30, batch_size=120)


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(data_setting, request):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.9


def test_a_shared_product_is_found_where_linear_projections_show_nothing():
    rng = np.random.default_rng(0)
    y_true = rng.integers(2, size=600)
    views = []
    for _ in range(2):
        sign = rng.choice([-1, 1], size=600)  # each view has its own, so one column tells nothing
        xor = np.stack([sign, sign * (2 * y_true - 1)], axis=1)
        views.append(xor + rng.normal(scale=0.2, size=(600, 2)))
    data = Dataset.paired(views, n_clusters=2)
    deep = replace(QUICK, n_components=1, epochs=60, batch_size=300)
    assert adjusted_rand_score(y_true, deep.fit_predict(data, seed=0)) > 0.9
    linear = CCAKMeans(n_components=1).fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, linear) < 0.2


@pytest.mark.parametrize("ridge", [1e-4, 0.1])
def test_equal_views_correlate_fully_but_for_the_ridge(ridge):
    x = normal(0, 200, 4)
    variances = torch.linalg.eigvalsh(torch.cov(x.T))
    expected = (variances / (variances + ridge)).sum()
    torch.testing.assert_close(total_correlation(x, x, ridge), expected)


def test_neither_view_comes_first():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(50, 4, generator=generator)
    b = a[:, :3] + torch.randn(50, 3, generator=generator)
    torch.testing.assert_close(total_correlation(a, b, 1e-3), total_correlation(b, a, 1e-3))


def test_independent_views_hardly_correlate():
    found = total_correlation(normal(0, 20000, 3), normal(1, 20000, 3), 1e-4)
    assert 0 < found < 0.1


def test_the_known_correlation_of_two_columns_is_found():
    x = normal(0, 50000, 2)
    y = 0.8 * x[:, :1] + 0.6 * x[:, 1:]  # correlates 0.8 with the first column
    assert total_correlation(x[:, :1], y, 1e-6).item() == pytest.approx(0.8, abs=0.01)


def test_it_is_the_trace_norm_of_the_whitened_covariance():
    a, b = normal(0, 100, 3), normal(1, 100, 5)
    b[:, :2] += a[:, :2]

    def inverse_root(x):
        values, vectors = np.linalg.eigh(np.cov(x.numpy().T) + 0.1 * np.eye(x.shape[1]))
        return vectors / np.sqrt(values) @ vectors.T

    across = np.cov(a.numpy().T, b.numpy().T)[:3, 3:]
    t = inverse_root(a) @ across @ inverse_root(b)
    found = total_correlation(a, b, 0.1).item()
    assert found == pytest.approx(np.linalg.norm(t, "nuc"))


def test_invertible_linear_maps_and_shifts_change_nothing():
    a, b = normal(0, 100, 3), normal(1, 100, 4)
    b[:, :3] += a
    moved = total_correlation(a @ normal(2, 3, 3) + 5, b @ normal(3, 4, 4) - 7, 1e-9)
    torch.testing.assert_close(moved, total_correlation(a, b, 1e-9), atol=1e-5, rtol=1e-5)


def test_the_gradient_is_that_of_finite_differences_also_where_correlations_are_equal():
    a, b = normal(0, 9, 2).requires_grad_(), normal(1, 9, 3).requires_grad_()
    torch.autograd.gradcheck(lambda a, b: total_correlation(a, b, 0.1), (a, b))
    white = torch.linalg.qr(normal(2, 9, 2) - normal(2, 9, 2).mean(dim=0)).Q.requires_grad_()
    total_correlation(white, white.detach(), 0.1).backward()
    assert torch.isfinite(white.grad).all()


def test_autocast_costs_no_digits():
    a, b = normal(0, 100, 3).float(), normal(1, 100, 3).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = total_correlation(a, b, 1e-4)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, total_correlation(a, b, 1e-4))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_outputs_that_are_not_finite_give_a_loss_that_is_not(bad):
    a = normal(0, 10, 2)
    b = a.clone()
    b[3, 1] = bad
    assert not torch.isfinite(total_correlation(a, b, 1e-4))


def test_constant_outputs_do_not_correlate():
    assert total_correlation(torch.ones(10, 2), normal(0, 10, 2), 1e-4).item() == 0


def test_the_loss_falls_towards_minus_the_number_of_components_for_each_pair(three_view_blobs):
    log = RecordingLog()
    QUICK.fit_predict(three_view_blobs[0], seed=0, log=log)
    losses = log.values("loss")
    assert losses[-1] < losses[0]
    assert -3 * 2 < losses[-1] < -3 * 1.8


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        QUICK.fit_predict(one_view_blobs[0], seed=0)


def test_a_single_training_sample_is_refused(paired_blobs):
    data = replace(paired_blobs[0], n_clusters=1, fit_index=np.array([5]))
    with pytest.raises(IncompatibleDataError, match="needs 2 samples to train on, has 1"):
        QUICK.fit_predict(data, seed=0)
