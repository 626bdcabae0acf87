"""IMSAT: information and perturbations in closed form; see also test_one_space.py."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.neighbors import NearestNeighbors
from torch import nn

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.imsat import (
    IMSAT,
    entropies,
    neighbour_distance,
    perturbation,
    perturbed_divergence,
    soft_assignments,
)
from mmbench.nn.networks import normalised_mlp

QUICK = IMSAT(hidden=(64, 64), epochs=30, batch_size=45)


def test_one_sample_is_refused():
    data = Dataset.paired([np.ones((3, 2))], n_clusters=1)
    with pytest.raises(IncompatibleDataError, match="needs 2 samples to train on, has 1"):
        QUICK.fit_predict(replace(data, fit_index=np.arange(1)), seed=0)


# ----------------------------------------------------------------------------- its own parts


def test_information_is_log_k_for_certain_and_equal_clusters():
    marginal, conditional = entropies(torch.eye(5).repeat(4, 1))
    assert (marginal - conditional).item() == pytest.approx(math.log(5), abs=1e-6)


def test_information_is_nothing_where_all_samples_are_assigned_alike():
    for row in ([0.5, 0.3, 0.2], [1.0, 0.0, 0.0]):
        marginal, conditional = entropies(torch.tensor([row] * 7))
        assert (marginal - conditional).item() == pytest.approx(0, abs=1e-6)


def test_information_lies_between_nothing_and_log_k():
    generator = torch.Generator().manual_seed(0)
    for scale in (0.1, 1.0, 10.0, 100.0):
        logits = scale * torch.randn(50, 4, generator=generator)
        marginal, conditional = entropies(logits.softmax(dim=1))
        assert 0 <= (marginal - conditional).item() <= math.log(4)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return normalised_mlp((6, 16), 3).train()


def test_a_perturbation_has_the_length_asked_for(network):
    x, lengths = torch.randn(20, 6), torch.linspace(0, 2, 20)
    shift = perturbation(network, x, soft_assignments(network, x), lengths)
    torch.testing.assert_close(shift.norm(dim=1), lengths)


@pytest.mark.parametrize("bias", [80.0, 1000.0])
def test_a_perturbation_has_its_length_where_the_network_is_certain(bias):
    sure = nn.Linear(6, 2)
    with torch.no_grad():
        sure.bias[0] += bias  # the slope is tiny, or none at all
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    shift = perturbation(sure, x, soft_assignments(sure, x), torch.ones(8))
    torch.testing.assert_close(shift.norm(dim=1), torch.ones(8))


def test_a_perturbation_points_across_the_border_of_two_linear_clusters():
    torch.manual_seed(0)
    linear = nn.Linear(6, 2)
    x = torch.randn(10, 6)
    shift = perturbation(linear, x, soft_assignments(linear, x), torch.full((10,), 0.3))
    across = nn.functional.normalize(linear.weight[0] - linear.weight[1], dim=0)
    torch.testing.assert_close((shift @ across).abs(), torch.full((10,), 0.3))


def test_a_perturbation_changes_more_than_random_shifts_of_its_length(network):
    x, lengths = torch.randn(200, 6), torch.full((200,), 0.5)
    soft = soft_assignments(network, x)
    worst = perturbed_divergence(network, x, soft, lengths)
    for _ in range(5):
        random = 0.5 * nn.functional.normalize(torch.randn(200, 6))
        after = soft_assignments(network, x + random)
        change = (soft * (soft / after).log()).sum(dim=1).mean()
        assert worst > 1.5 * change


def test_no_gradient_flows_into_the_targets_or_the_perturbation(network):
    x = torch.randn(20, 6, requires_grad=True)
    soft = soft_assignments(network, x.detach())
    shift = perturbation(network, x.detach(), soft, torch.ones(20))
    assert not shift.requires_grad
    assert all(weight.grad is None for weight in network.parameters())
    change = perturbed_divergence(network, x.detach(), soft, torch.ones(20))
    (slope,) = torch.autograd.grad(change, soft, allow_unused=True, retain_graph=True)
    assert slope is None
    change.backward()
    assert network[-1].weight.grad.abs().sum() > 0


def test_perturbed_rows_leave_the_running_means_as_they_are(network):
    x = torch.randn(20, 6)
    soft = soft_assignments(network, x)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    perturbed_divergence(network, x, soft, torch.ones(20))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    soft_assignments(network, x)
    assert not torch.equal(network[1].running_mean, before["1.running_mean"])


@pytest.mark.parametrize("neighbour", [1, 10])
def test_distances_to_a_neighbour_are_those_of_scikit_learn(neighbour, monkeypatch):
    monkeypatch.setattr("mmbench.methods.imsat.DISTANCE_ROWS", 16)
    x = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
    expected = NearestNeighbors(n_neighbors=neighbour).fit(x).kneighbors()[0][:, -1]
    found = neighbour_distance(torch.as_tensor(x), neighbour)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


def test_with_few_rows_the_last_neighbour_serves():
    x = torch.tensor([[0.0], [1.0], [5.0]])
    torch.testing.assert_close(neighbour_distance(x, 10), torch.tensor([5.0, 4.0, 5.0]))


def test_the_loss_is_the_divergence_less_the_weighted_information(paired_blobs):
    log = RecordingLog()
    replace(QUICK, information_weight=0.3, balance_weight=2.0, epochs=3).fit_predict(
        paired_blobs[0], seed=0, log=log
    )
    terms = (log.by_epoch(name)[2] for name in ("divergence", "conditional_entropy", "entropy"))
    change, conditional, marginal = terms
    assert log.by_epoch("loss")[2] == pytest.approx(
        change + 0.3 * (conditional - 2 * marginal), abs=1e-6
    )
