"""Losses against values worked out by hand, slow loops, and what must not change them."""

import math

import pytest
import torch
from torch import Tensor

from mmbench.nn.losses import cluster_contrast, entropy, imbalance, nt_xent


def nt_xent_by_loops(a: Tensor, b: Tensor, temperature: float) -> float:
    rows = [row / row.norm() for row in torch.cat([a, b]).double()]
    n = len(a)
    total = 0.0
    for anchor in range(2 * n):
        partner = (anchor + n) % (2 * n)
        scores = {
            other: math.exp(float(rows[anchor] @ rows[other]) / temperature)
            for other in range(2 * n)
            if other != anchor
        }
        total -= math.log(scores[partner] / sum(scores.values()))
    return total / (2 * n)


def imbalance_by_loops(soft: Tensor) -> float:
    n_clusters = soft.shape[1]
    sizes = [float(soft[:, j].double().sum()) for j in range(n_clusters)]
    shares = [size / sum(sizes) for size in sizes]
    return math.log(n_clusters) + sum(s * math.log(s) for s in shares if s > 0)


def random_rows(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SOFT_1 = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
SOFT_2 = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (torch.eye(2), torch.eye(2), math.log(1 + 2 * math.exp(-2))),
        (torch.tensor([[1, 0], [0.6, 0.8]]), torch.tensor([[0.8, 0.6], [0, 1]]), 0.870714),
        (torch.ones(4, 3), torch.ones(4, 3), math.log(7)),
        (torch.ones(1, 3), torch.ones(1, 3), 0.0),
    ],
)
def test_the_contrast_of_pairs_has_its_closed_form(a, b, expected):
    assert nt_xent(a, b, 0.5).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.2, 0.5, 1.0])
def test_the_contrast_of_pairs_equals_a_slow_loop(temperature):
    a, b = random_rows(2, 7, 5)
    expected = nt_xent_by_loops(a, b, temperature)
    assert nt_xent(a, b, temperature).item() == pytest.approx(expected, abs=1e-6)


def test_the_contrast_of_pairs_takes_the_cosine_so_length_does_not_matter():
    a, b = random_rows(2, 7, 5)
    lengths = torch.rand(7, 1, generator=torch.Generator().manual_seed(1)) + 0.1
    torch.testing.assert_close(nt_xent(a * lengths, b / lengths, 0.5), nt_xent(a, b, 0.5))


def test_the_contrast_of_pairs_is_symmetric_and_invariant_to_the_order_of_samples():
    a, b = random_rows(2, 9, 5)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    expected = nt_xent(a, b, 0.5)
    torch.testing.assert_close(nt_xent(b, a, 0.5), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(nt_xent(a[order], b[order], 0.5), expected, rtol=0, atol=1e-6)


def test_wrong_pairs_cost_more_than_right_ones():
    a = random_rows(9, 5)
    b = a + 0.1 * random_rows(9, 5, seed=1)
    assert nt_xent(a, b.roll(1, dims=0), 0.5) > nt_xent(a, b, 0.5) + 0.1


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        (torch.eye(2), torch.eye(2), math.log(1 + 2 * math.exp(-1))),
        (SOFT_1, SOFT_2, 0.874289),
        (torch.full((6, 3), 1 / 3), torch.full((6, 3), 1 / 3), math.log(5)),
    ],
)
def test_the_contrast_of_clusters_has_its_closed_form(p, q, expected):
    assert cluster_contrast(p, q).item() == pytest.approx(expected, abs=1e-6)


def test_the_parts_of_the_contrast_of_clusters_have_their_closed_forms():
    balance = imbalance(SOFT_1) + imbalance(SOFT_2)
    assert balance.item() == pytest.approx(0.011139, abs=1e-6)
    assert nt_xent(SOFT_1.T, SOFT_2.T, 1.0).item() == pytest.approx(0.863150, abs=1e-6)


def test_the_contrast_of_clusters_equals_a_slow_loop():
    p, q = random_rows(2, 30, 4).softmax(dim=2)
    expected = nt_xent_by_loops(p.T, q.T, 1.0) + imbalance_by_loops(p) + imbalance_by_loops(q)
    assert cluster_contrast(p, q).item() == pytest.approx(expected, abs=1e-6)


def test_the_contrast_of_clusters_is_symmetric_and_invariant_to_the_order_of_samples():
    p, q = random_rows(2, 30, 4).softmax(dim=2)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    expected = cluster_contrast(p, q)
    torch.testing.assert_close(cluster_contrast(q, p), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(cluster_contrast(p[order], q[order]), expected, rtol=0, atol=1e-6)


def test_a_cluster_without_mass_gives_a_finite_loss_and_finite_gradients():
    p = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    q = SOFT_2.clone().requires_grad_()
    loss = cluster_contrast(p, q)
    loss.backward()
    assert loss.isfinite()
    assert p.grad is not None
    assert p.grad.isfinite().all()
    assert q.grad is not None
    assert q.grad.isfinite().all()


def test_one_full_cluster_of_two_costs_log_2():
    assert imbalance(torch.tensor([[1.0, 0.0]] * 3)).item() == pytest.approx(math.log(2), abs=1e-6)


def test_equal_clusters_cost_nothing():
    assert imbalance(torch.eye(3)).item() == pytest.approx(0, abs=1e-6)


def test_entropy_is_log_k_where_all_are_equal_and_0_where_one_has_all():
    assert entropy(torch.full((5,), 0.2)).item() == pytest.approx(math.log(5), abs=1e-6)
    assert entropy(torch.tensor([0.0, 1.0, 0.0])).item() == pytest.approx(0, abs=1e-6)


def test_entropy_has_a_finite_gradient_at_an_empty_cell():
    p = torch.tensor([0.0, 1.0], requires_grad=True)
    entropy(p).backward()
    assert p.grad is not None
    assert p.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_does_not_lower_the_precision_of_the_losses(dtype):
    a, b = random_rows(2, 40, 8).softmax(dim=2).to(dtype)
    expected = nt_xent_by_loops(a, b, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = nt_xent(a, b, 0.1)
        clusters = cluster_contrast(a, b)
    assert loss.dtype == clusters.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(clusters, cluster_contrast(a, b))
