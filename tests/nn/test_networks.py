"""Shapes, layers and starting weights of the shared networks."""

import math

import torch
from torch import nn

from mmbench.nn.networks import (
    AssignmentNetwork,
    Autoencoder,
    mlp,
    normalised_mlp,
    shared_encoders,
)


def test_relu_follows_every_layer_but_the_last():
    kinds = [type(layer) for layer in mlp(5, (4, 3), 2)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_no_hidden_layer_means_one_linear_layer():
    assert [type(layer) for layer in mlp(5, (), 2)] == [nn.Linear]


def test_an_autoencoder_mirrors_its_encoder():
    network = Autoencoder(7, (6, 5), 3)
    widths = [
        [layer.out_features for layer in half if isinstance(layer, nn.Linear)]
        for half in (network.encoder, network.decoder)
    ]
    assert widths == [[6, 5, 3], [5, 6, 7]]
    x = torch.rand(4, 7)
    assert network.encoder(x).shape == (4, 3)
    assert network(x).shape == x.shape


def test_weights_start_uniform_within_one_over_the_root_of_the_inputs():
    torch.manual_seed(0)
    layer = mlp(100, (), 400)[0]
    assert isinstance(layer, nn.Linear)
    for weights in (layer.weight, layer.bias):
        assert weights.abs().max().item() <= 1 / math.sqrt(100)
        assert abs(weights.std().item() * math.sqrt(3 * 100) - 1) < 0.1


def test_each_step_is_linear_normalised_and_rectified():
    kinds = [type(layer) for layer in normalised_mlp([5, 4, 3], n_out=2)]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU] * 2 + [nn.Linear]
    assert normalised_mlp([5, 4, 3], n_out=2)(torch.randn(6, 5)).shape == (6, 2)
    assert normalised_mlp([5, 3])(torch.randn(6, 5)).min() >= 0


def test_all_views_share_every_weight():
    encoders = shared_encoders(3, [5, 4, 3])
    alone = sum(p.numel() for p in normalised_mlp([5, 4, 3]).parameters())
    assert sum(p.numel() for p in encoders.parameters()) == alone
    for encoder in encoders:
        for mine, first in zip(encoder.parameters(), encoders[0].parameters(), strict=True):
            assert mine is first


def test_each_view_has_its_own_statistics():
    encoders = shared_encoders(2, [5, 4]).train()
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    # the location and scale of a view are its own, so batches that differ in them alone look alike
    torch.testing.assert_close(encoders[0](x), encoders[1](x))
    for _ in range(200):
        encoders[0](x), encoders[1](x + 3)
    encoders.eval()
    torch.testing.assert_close(encoders[0](x), encoders[1](x + 3), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(encoders[0](x), encoders[1](x), atol=1e-2)


def test_sharing_survives_a_step_of_the_optimiser():
    encoders = shared_encoders(2, [5, 4])
    before = encoders[1][0].weight.clone()
    optimiser = torch.optim.Adam(encoders.parameters())
    encoders[0](torch.randn(8, 5)).sum().backward()
    optimiser.step()
    assert not torch.equal(encoders[1][0].weight, before)
    assert encoders[1][0].weight is encoders[0][0].weight


def small_network():
    torch.manual_seed(0)
    encoders = [normalised_mlp((6, 8)), normalised_mlp((4, 8))]
    return AssignmentNetwork(encoders, 8, 3, n_heads=2, n_overclusters=9)


def test_soft_assignments_are_distributions_of_each_head():
    clusters, overclusters = small_network()(torch.randn(10, 4), 1)
    assert clusters.shape == (1, 10, 3)
    assert overclusters.shape == (2, 10, 9)
    for soft in (clusters, overclusters):
        torch.testing.assert_close(soft.sum(dim=2), torch.ones(soft.shape[:2]))


def test_views_of_equal_codes_are_assigned_alike():
    network = small_network()
    network.encoders[1] = network.encoders[0]
    x = torch.randn(10, 6)
    first, second = network.assign([x, x])
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, network(x, 0)[0][0])
