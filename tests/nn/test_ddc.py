"""The loss of DDC against cases known in closed form and a slow loop; fusion."""

import math

import pytest
import torch
from torch import nn

from mmbench.nn.ddc import FusionNetwork, ddc_terms, gaussian_kernel, overlap


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def soft_assignments(n, n_clusters, seed=0, dtype=torch.float64):
    return torch.randn(n, n_clusters, generator=generator(seed), dtype=dtype).softmax(dim=1)


def overlap_by_loops(a, kernel):
    n, k = a.shape

    def product(i, j):
        return sum(float(a[s, i] * kernel[s, t] * a[t, j]) for s in range(n) for t in range(n))

    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    ratios = [product(i, j) / math.sqrt(product(i, i) * product(j, j)) for i, j in pairs]
    return sum(ratios) / len(pairs)


def similarity_by_loops(a):
    n = len(a)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return sum(float(a[i] @ a[j]) for i, j in pairs) / len(pairs)


def test_the_kernel_is_gaussian_of_a_share_of_the_median_squared_distance():
    x = torch.tensor([[0.0], [1.0], [3.0]])
    # squared distances of the nine pairs: 0 0 0 1 1 4 4 9 9, their median is 1
    expected = torch.exp(-torch.tensor([[0.0, 1, 9], [1, 0, 4], [9, 4, 0]]) / (2 * 0.15))
    torch.testing.assert_close(gaussian_kernel(x), expected)


def test_the_width_of_the_kernel_has_no_gradient():
    # scaling all rows changes nothing, but with the width held fixed it would
    x = torch.randn(5, 3, generator=generator(), dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(gaussian_kernel(3 * x), gaussian_kernel(x))
    gaussian_kernel(x).sum().backward()
    assert (x.grad * x).sum().abs() > 1e-3


def test_equal_rows_have_a_finite_kernel_and_gradient():
    x = torch.ones(4, 3, requires_grad=True)
    kernel = gaussian_kernel(x)
    kernel.sum().backward()
    torch.testing.assert_close(kernel, torch.ones(4, 4))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_where_most_rows_are_equal_rounding_is_not_taken_for_distance(scale):
    x = scale * torch.randn(100, 100, generator=torch.Generator().manual_seed(0))
    x[:75] = x[0]
    x.requires_grad_()
    kernel = gaussian_kernel(x)
    kernel.sum().backward()
    torch.testing.assert_close(kernel[:75, :75], torch.ones(75, 75), atol=0.02, rtol=0)
    assert kernel[75:, :75].max() < 0.02
    assert (scale * x.grad).abs().max() < 1


def test_overlap_is_nil_of_clusters_far_apart_and_one_of_equal_ones():
    assert overlap(torch.eye(3), torch.eye(3)).item() == pytest.approx(0, abs=1e-6)
    assert overlap(torch.full((6, 3), 1 / 3), torch.eye(6)).item() == pytest.approx(1, abs=1e-6)


def test_overlap_of_two_samples_in_two_clusters_is_their_kernel():
    kernel = torch.tensor([[1.0, 0.3], [0.3, 1.0]])
    assert overlap(torch.eye(2), kernel).item() == pytest.approx(0.3, abs=1e-6)


def test_terms_equal_slow_loops():
    soft = soft_assignments(7, 4)
    hidden = torch.randn(7, 5, generator=generator(1), dtype=torch.float64)
    kernel = gaussian_kernel(hidden)
    corners = torch.stack(
        [(-((row - e) ** 2).sum()).exp() for row in soft for e in torch.eye(4, dtype=torch.float64)]
    ).reshape(7, 4)
    expected = [
        overlap_by_loops(soft, kernel),
        similarity_by_loops(soft),
        overlap_by_loops(corners, kernel),
    ]
    assert ddc_terms(soft, hidden).tolist() == pytest.approx(expected, abs=1e-6)


def test_terms_of_crisp_separate_clusters_have_their_closed_form():
    n, k = 12, 3
    soft = torch.eye(k).repeat_interleave(n // k, dim=0)
    hidden = 100 * soft
    compact, orthogonal, corner = ddc_terms(soft, hidden).tolist()
    # σ² is .15 of 2 · 100², so the kernel between clusters is exp(-1 / .3)
    between = math.exp(-1 / 0.3)
    assert compact == pytest.approx(between, abs=1e-6)
    assert orthogonal == pytest.approx((n / k - 1) / (n - 1), abs=1e-6)
    # memberships are 1 at the own corner and exp(-2) at the others
    e = math.exp(-2)
    members = torch.eye(k) + e * (1 - torch.eye(k))
    kernel = torch.eye(k) + between * (1 - torch.eye(k))
    products = members.T @ kernel @ members
    assert corner == pytest.approx((products[0, 1] / products[0, 0]).item(), abs=1e-6)


def test_uniform_assignments_overlap_fully():
    terms = ddc_terms(torch.full((10, 4), 0.25), torch.randn(10, 3, generator=generator()))
    assert terms.tolist() == pytest.approx([1, 0.25, 1], abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_terms_are_within_their_bounds(seed):
    hidden = torch.randn(15, 6, generator=generator(seed + 100))
    terms = ddc_terms(soft_assignments(15, 5, seed, torch.float32), hidden)
    assert (terms >= 0).all()
    assert (terms <= 1 + 1e-6).all()


def test_neither_the_numbers_of_clusters_nor_the_order_of_samples_matter():
    soft, hidden = (
        soft_assignments(9, 4),
        torch.randn(9, 5, generator=generator(), dtype=torch.float64),
    )
    order = torch.randperm(9, generator=generator())
    expected = ddc_terms(soft, hidden)
    torch.testing.assert_close(ddc_terms(soft[:, [2, 0, 3, 1]], hidden), expected)
    torch.testing.assert_close(ddc_terms(soft[order], hidden[order]), expected)


def test_a_single_cluster_overlaps_with_none():
    terms = ddc_terms(torch.ones(6, 1), torch.randn(6, 3, generator=generator()))
    assert terms.tolist() == pytest.approx([0, 1, 0])


def test_the_gradient_is_that_of_finite_differences():
    logits = torch.randn(6, 3, generator=generator(), dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(6, 4, generator=generator(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ddc_terms(x.softmax(dim=1), hidden), logits)


def test_autocast_does_not_round_the_terms():
    soft, hidden = soft_assignments(50, 5, 0, torch.float32), torch.randn(50, 4)
    exact = ddc_terms(soft, hidden)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(ddc_terms(soft, hidden), exact, rtol=0, atol=0)


def test_fusion_is_the_weighted_mean_of_the_views_and_starts_equal():
    torch.manual_seed(0)
    network = FusionNetwork([nn.Linear(3, 4), nn.Linear(2, 4)], 4, 5, 2)
    a, b = torch.randn(6, 3), torch.randn(6, 2)
    output = network([a, b])
    torch.testing.assert_close(network.weights, torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(output.fused, (output.encodings[0] + output.encodings[1]) / 2)
    network.logits.data = torch.tensor([0.0, math.log(3)])
    output = network([a, b])
    torch.testing.assert_close(
        output.fused, 0.25 * output.encodings[0] + 0.75 * output.encodings[1]
    )
    torch.testing.assert_close(output.soft.sum(dim=1), torch.ones(6))


def test_assignments_do_not_depend_on_the_chunks():
    torch.manual_seed(0)
    network = FusionNetwork([nn.Linear(3, 4), nn.Linear(2, 4)], 4, 5, 2)
    views = [torch.randn(11, 3), torch.randn(11, 2)]
    for whole, chunked in zip(network.assign(views), network.assign(views, size=3), strict=True):
        torch.testing.assert_close(whole, chunked)
