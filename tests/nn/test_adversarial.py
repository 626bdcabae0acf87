"""Losses of critics and generators against cases known in closed form; clipped weights."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from mmbench.nn.adversarial import clip_weights, critic_loss, generator_loss, gradient_penalty


def test_generators_raise_the_scores_that_critics_lower():
    scores = torch.tensor([[0.3], [0.1]])
    assert generator_loss(scores, "wasserstein").item() == pytest.approx(-0.2)
    assert generator_loss(scores, "gradient-penalty").item() == pytest.approx(-0.2)
    assert critic_loss(scores, 2 * scores, "wasserstein").item() == pytest.approx(0.2)


def test_the_naive_critic_is_cross_entropy_with_native_as_one():
    native, translated = torch.randn(5, 1), torch.randn(7, 1)
    bce = functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(5, 1), torch.zeros(7, 1)
    torch.testing.assert_close(
        critic_loss(native, translated, "naive"),
        (bce(native, ones) + bce(translated, zeros)) / 2,
    )
    torch.testing.assert_close(generator_loss(translated, "naive"), bce(translated, 1 - zeros))
    undecided = critic_loss(torch.zeros(3, 1), torch.zeros(2, 1), "naive")
    assert undecided.item() == pytest.approx(math.log(2))


def test_the_penalty_of_a_linear_critic_is_that_of_the_length_of_its_weights():
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[3.0, 4.0]])
    penalty = gradient_penalty(critic, torch.randn(5, 2), torch.randn(9, 2))
    assert penalty.item() == pytest.approx((5 - 1) ** 2)
    penalty.backward()
    assert critic.weight.grad is not None


def test_clipping_reaches_weights_and_biases():
    network = nn.Linear(3, 2)
    nn.init.constant_(network.weight, 1.0)
    nn.init.constant_(network.bias, -1.0)
    clip_weights(network, 0.05)
    torch.testing.assert_close(network.weight, torch.full((2, 3), 0.05))
    torch.testing.assert_close(network.bias, torch.full((2,), -0.05))
