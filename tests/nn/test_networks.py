"""Shapes, layers and starting weights of the shared networks."""

import math

import torch
from torch import nn

from mmbench.nn.networks import Autoencoder, mlp


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
