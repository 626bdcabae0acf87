"""Shared and superfluous information against closed forms, an enumerable toy, and bounds."""

import math

import numpy as np
import pytest
import torch

from mmbench.nn.information import (
    SMALLEST,
    assignment_diagnostics,
    divergence,
    joint,
    mean_over_views,
    shared_information,
)

P = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
Q = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])


def superfluous_information(p, q):
    """Return what MIB clustering minimises: each view serves as the bound of the other."""
    return (divergence(p, q) + divergence(q, p)) / 2


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_soft(*shape, seed=0, dtype=torch.float32):
    logits = 2 * torch.randn(*shape, generator=generator(seed), dtype=dtype)
    return logits.softmax(dim=-1)


def one_hot(n_samples, n_clusters, seed):
    numbers = torch.randint(n_clusters, (n_samples,), generator=generator(seed))
    return torch.eye(n_clusters)[numbers]


def information_by_loops(p, q, weight):
    p, q = p.double(), q.double()
    n, k = p.shape
    cells = [[0.0] * k for _ in range(k)]
    for i in range(n):
        for a in range(k):
            for b in range(k):
                both_orders = p[i, a] * q[i, b] + q[i, a] * p[i, b]
                cells[a][b] += float(both_orders) / (2 * n)
    rows = [sum(row) for row in cells]
    return sum(
        cells[a][b] * math.log(cells[a][b] / (rows[a] * rows[b]) ** weight)
        for a in range(k)
        for b in range(k)
    )


@pytest.mark.parametrize(
    ("weight", "expected"), [(1.0, 0.693147), (1.5, 1.386294), (2.0, 3 * math.log(2))]
)
def test_views_that_agree_on_two_equal_clusters_share_all_that_the_weight_allows(weight, expected):
    p = torch.eye(2).repeat(5, 1)
    information = shared_information(p, p, entropy_weight=weight).item()
    assert information == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("weight", [1.0, 1.5])
def test_views_that_use_other_halves_of_the_clusters_reach_the_bound_in_both_orders_alone(weight):
    # two classes; one view calls them 0 and 1, the other 2 and 3
    p = torch.eye(4)[[0, 1]].repeat(5, 1)
    q = torch.eye(4)[[2, 3]].repeat(5, 1)
    factor = 2 * weight - 1
    both = shared_information(p, q, entropy_weight=weight).item()
    one_way = shared_information(p, q, entropy_weight=weight, symmetric=False).item()
    assert both == pytest.approx(factor * math.log(4), abs=1e-6)
    assert one_way == pytest.approx(factor * math.log(2), abs=1e-6)


def test_the_one_way_joint_is_that_of_p_in_rows_and_q_in_columns():
    found = joint(P, Q, symmetric=False)
    expected = sum(torch.outer(a, b) for a, b in zip(P, Q, strict=True)) / 3
    torch.testing.assert_close(found, expected)
    a, b = random_soft(50, 4), random_soft(50, 4, seed=1)
    values = [shared_information(*pair, symmetric=False) for pair in ((a, b), (b, a))]
    torch.testing.assert_close(*values)
    cells = joint(a, b, symmetric=False)
    product = torch.outer(cells.sum(dim=1), cells.sum(dim=0))
    torch.testing.assert_close(values[0], (cells * (cells / product).log()).sum())


@pytest.mark.parametrize("n_clusters", [2, 5, 11])
@pytest.mark.parametrize("weight", [1.0, 1.5, 10.0])
def test_the_bound_is_two_lambda_minus_one_log_k(n_clusters, weight):
    p = torch.eye(n_clusters, dtype=torch.float64).repeat(3, 1)
    bound = (2 * weight - 1) * math.log(n_clusters)
    found = shared_information(p, p, entropy_weight=weight).item()
    assert found == pytest.approx(bound, abs=1e-6)


def test_uniform_assignments_share_nothing():
    p = torch.full((6, 4), 0.25)
    assert shared_information(p, p).item() == pytest.approx(0, abs=1e-6)


def test_a_small_example_has_the_values_worked_out_by_hand():
    assert shared_information(P, Q).item() == pytest.approx(0.027166, abs=1e-6)
    assert superfluous_information(P, Q).item() == pytest.approx(0.029257, abs=1e-6)


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_shared_information_equals_a_slow_loop(weight):
    p, q = random_soft(2, 9, 4)
    expected = information_by_loops(p, q, weight)
    found = shared_information(p, q, entropy_weight=weight).item()
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_mutual_information_lies_between_zero_and_log_k(seed):
    p, q = random_soft(2, 20, 6, seed=seed)
    assert -1e-6 <= shared_information(p, q).item() <= math.log(6)


def test_a_constant_assignment_shares_nothing_and_has_a_finite_gradient():
    logits = torch.tensor([[200.0, 0, 0]]).repeat(4, 1).requires_grad_()
    p = logits.softmax(dim=1)
    value = shared_information(p, p, entropy_weight=2.0) + superfluous_information(p, p)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(logits.grad).all()


def test_opposite_certainties_are_finite_and_cost_the_smallest_probability():
    p = torch.eye(2)
    q = p.flip(1).requires_grad_()
    value = superfluous_information(p, q)
    value.backward()
    assert value.item() == pytest.approx(-math.log(SMALLEST), rel=1e-6)
    assert torch.isfinite(q.grad).all()


def test_the_joint_is_symmetric_and_sums_to_one():
    p, q = random_soft(2, 12, 5)
    cells = joint(p, q)
    torch.testing.assert_close(cells, cells.T)
    torch.testing.assert_close(cells, joint(q, p))
    assert cells.sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("function", [shared_information, superfluous_information])
def test_the_order_of_views_and_of_samples_does_not_matter(function):
    p, q = random_soft(2, 30, 4)
    order = torch.randperm(30, generator=generator())
    torch.testing.assert_close(function(p, q), function(q, p))
    torch.testing.assert_close(function(p, q), function(p[order], q[order]))


@pytest.mark.parametrize("function", [shared_information, superfluous_information])
def test_how_both_views_number_their_clusters_does_not_matter(function):
    p, q = random_soft(2, 30, 4)
    numbers = [2, 0, 3, 1]
    torch.testing.assert_close(function(p[:, numbers], q[:, numbers]), function(p, q))


@pytest.mark.parametrize("seed", range(5))
def test_superfluous_information_is_never_negative_and_nil_between_equals(seed):
    p, q = random_soft(2, 20, 5, seed=seed)
    assert superfluous_information(p, q).item() > 0
    assert superfluous_information(p, p).item() == 0


@pytest.mark.parametrize("function", [joint, shared_information, divergence])
def test_leading_dimensions_are_heads_of_their_own(function):
    p, q = random_soft(2, 3, 10, 4)
    together = function(p, q)
    torch.testing.assert_close(
        together, torch.stack([function(a, b) for a, b in zip(p, q, strict=True)])
    )


def test_no_bound_is_below_what_one_view_tells_beyond_the_other():
    # x_u in 0..2 and x_v in 0..1 with this joint distribution, and p(c_u | x_u)
    x_uv = torch.tensor([[0.2, 0.1], [0.05, 0.3], [0.25, 0.1]], dtype=torch.float64)
    c_of_u = torch.tensor([[0.7, 0.3], [0.1, 0.9], [0.5, 0.5]], dtype=torch.float64)
    u_given_v = x_uv / x_uv.sum(dim=0)
    c_of_v = u_given_v.T @ c_of_u
    exact = sum(
        x_uv[u, v] * c_of_u[u, c] * torch.log(c_of_u[u, c] / c_of_v[v, c])
        for u in range(3)
        for v in range(2)
        for c in range(2)
    ).item()

    # one row for each twentieth of the mass, so that a mean over rows is the expectation
    pairs = [
        (u, v) for u in range(3) for v in range(2) for _ in range(round(20 * x_uv[u, v].item()))
    ]
    p = torch.stack([c_of_u[u] for u, _ in pairs])

    def bound(r_of_v):
        return divergence(p, torch.stack([r_of_v[v] for _, v in pairs])).item()

    assert bound(c_of_v) == pytest.approx(exact, abs=1e-9)
    for seed in range(20):
        assert bound(random_soft(2, 2, seed=seed, dtype=torch.float64)) > exact


@pytest.mark.parametrize("function", [shared_information, superfluous_information])
def test_the_gradient_is_that_of_finite_differences(function):
    logits = torch.randn(2, 6, 3, generator=generator(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: function(*x.softmax(dim=-1)), logits)


@pytest.mark.parametrize(
    ("n_samples", "n_clusters", "expected"),
    [(256, 10, 0.092), (2000, 10, 0.011), (512, 50, 1.12)],
)
def test_independent_assignments_of_a_small_batch_seem_to_share(n_samples, n_clusters, expected):
    draws = [
        shared_information(
            one_hot(n_samples, n_clusters, seed), one_hot(n_samples, n_clusters, seed + 1000)
        ).item()
        for seed in range(20)
    ]
    assert sum(draws) / len(draws) == pytest.approx(expected, rel=0.06)


def test_autocast_does_not_round_them():
    p, q = random_soft(2, 300, 10)
    exact = shared_information(p, q), superfluous_information(p, q)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = shared_information(p, q), superfluous_information(p, q)
    assert found == exact
    assert shared_information(p.bfloat16(), q.bfloat16()).dtype == torch.float32


def test_diagnostics_of_views_that_number_clusters_otherwise():
    p = torch.eye(2).repeat(10, 1)
    rows = torch.arange(20).repeat(2, 1)
    measured = assignment_diagnostics([p, p.flip(1)], torch.full((20, 2), 0.5), rows)
    assert measured["agreement"] == 0
    assert measured["information"] == pytest.approx(math.log(2), abs=1e-6)
    assert measured["size_entropy"] == pytest.approx(math.log(2), abs=1e-6)
    assert measured["clusters_used"] == 1


def test_the_mean_of_a_sample_is_over_the_views_that_it_has():
    a, b = torch.arange(6.0).reshape(3, 2), torch.ones(4, 2)
    rows = torch.tensor([[0, 1, -1, -1, 2], [-1, 0, 1, 2, 3]])
    mean = mean_over_views([a, b], rows)
    np.testing.assert_allclose(mean, [[0, 1], [1.5, 2], [1, 1], [1, 1], [2.5, 3]])
