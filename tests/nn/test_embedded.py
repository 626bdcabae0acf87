"""Soft assignments and targets against hand-made cases; the space of all samples."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.embedded import one_space, student_t, target_distribution
from mmbench.nn.information import divergence
from mmbench.nn.preprocessing import joint_features


def random_soft(n, n_clusters):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, n_clusters, generator=generator).softmax(dim=1)


# ------------------------------------------------------------------------- soft assignments


def test_a_row_at_distances_0_and_1_is_two_thirds_of_the_nearer_cluster():
    z, centres = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    # 1 / (1 + 0) beside 1 / (1 + 1)
    torch.testing.assert_close(student_t(z, centres), torch.tensor([[2 / 3, 1 / 3]]))


def test_soft_assignments_are_those_of_a_slow_loop_and_sum_to_one():
    generator = torch.Generator().manual_seed(0)
    z, centres = torch.randn(6, 4, generator=generator), torch.randn(3, 4, generator=generator)
    soft = student_t(z, centres)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    for i in range(6):
        kernel = [1 / (1 + math.dist(z[i].tolist(), m.tolist()) ** 2) for m in centres]
        assert soft[i].tolist() == pytest.approx([k / sum(kernel) for k in kernel], abs=1e-6)


def test_soft_assignments_are_float32_under_autocast():
    z, centres = torch.tensor([[1.001, 0.0]]), torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        soft = student_t(z, centres)
    assert soft.dtype == torch.float32
    torch.testing.assert_close(soft, student_t(z, centres))


def test_the_target_of_a_two_by_two_case_is_the_one_by_hand():
    soft = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    # the sums of the columns are 1.2 and 0.8
    first, second = (0.64 / 1.2, 0.04 / 0.8), (0.16 / 1.2, 0.36 / 0.8)
    expected = torch.tensor([[p / sum(row) for p in row] for row in (first, second)])
    torch.testing.assert_close(target_distribution(soft), expected)


def test_the_target_is_sharper_and_certain_assignments_stay():
    soft = random_soft(30, 4)
    target = target_distribution(soft)
    torch.testing.assert_close(target.sum(dim=1), torch.ones(30))
    assert target.max(dim=1).values.mean() > soft.max(dim=1).values.mean()
    certain = torch.eye(3).repeat(2, 1)
    torch.testing.assert_close(target_distribution(certain), certain)


def test_the_target_takes_from_the_larger_of_two_clusters():
    # the last row is undecided, and the first cluster has more of the others
    soft = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    assert target_distribution(soft)[3, 1] > 0.5


def test_the_gradient_is_the_one_of_the_paper_and_pulls_towards_the_likelier_centre():
    z = torch.tensor([[0.2, 0.1], [0.4, -0.3], [1.1, 0.0]], requires_grad=True)
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    soft = student_t(z, centres)
    target = target_distribution(soft).detach()
    (slope,) = torch.autograd.grad(3 * divergence(target, soft), z)
    # equation 4, of the sum over samples, for one degree of freedom
    away = z[:, None] - centres
    force = (target - soft) / (1 + away.square().sum(dim=2))
    torch.testing.assert_close(slope, 2 * (force[..., None] * away).sum(dim=1))

    after = student_t(z - 0.1 * slope, centres)
    likelier = soft.argmax(dim=1, keepdim=True)
    assert (after.gather(1, likelier) > soft.gather(1, likelier)).all()


# ---------------------------------------------------------------------------------- the space


def test_rows_are_centred_and_as_long_as_their_number_of_features_on_average(paired_blobs):
    data, _ = paired_blobs
    x, fitted = one_space(data, seed=0, device="cpu")
    assert x.shape == (180, 20)
    assert x.dtype == torch.float32
    assert x.square().mean().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(20))
    assert fitted is x


def test_views_weigh_the_same_whatever_their_width():
    rng = np.random.default_rng(0)
    narrow = rng.uniform(size=(50, 4))
    x, _ = one_space(
        Dataset.paired([narrow, np.tile(narrow, 5)], n_clusters=2), seed=0, device="cpu"
    )
    torch.testing.assert_close(x[:, :4].square().sum(dim=1), x[:, 4:].square().sum(dim=1))


def test_mixed_modal_rows_are_the_aligned_components_up_to_one_factor(mixed_blobs):
    data, _ = mixed_blobs
    x, _ = one_space(data, seed=0, device="cpu")
    aligned = joint_features(data, max_features=2048, seed=0)
    np.testing.assert_allclose(x.numpy(), aligned / np.sqrt(np.square(aligned).mean()), rtol=1e-5)


def test_held_out_rows_decide_neither_centre_nor_scale(split_paired_blobs):
    data, _ = split_paired_blobs
    x, fitted = one_space(data, seed=0, device="cpu")
    assert len(x) == 180
    torch.testing.assert_close(fitted, x[torch.as_tensor(data.fit_index)])
    torch.testing.assert_close(fitted.mean(dim=0), torch.zeros(20))
    assert fitted.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_constant_views_become_zeros():
    x, _ = one_space(Dataset.paired([np.ones((5, 3))], n_clusters=2), seed=0, device="cpu")
    torch.testing.assert_close(x, torch.zeros(5, 3))


def test_data_without_a_common_space_are_refused(incomplete_blobs, paired_blobs):
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        one_space(incomplete_blobs[0], seed=0, device="cpu")
    few = replace(paired_blobs[0], fit_index=np.arange(2))
    with pytest.raises(IncompatibleDataError, match="each of 3 clusters, has 2"):
        one_space(few, seed=0, device="cpu")
    rows = np.arange(4)
    images = View(np.zeros((2, 1, 4, 4), np.uint8), rows[:2], "image", "image")
    texts = View(np.zeros((2, 3), np.float32), rows[2:], "text", "text")
    with pytest.raises(IncompatibleDataError, match="needs feature views, but image holds images"):
        one_space(Dataset((images, texts), 2, 4), seed=0, device="cpu")
