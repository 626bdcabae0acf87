"""Backbones: their sizes as published, the map they leave to pool, and what a block computes."""

from typing import get_args

import pytest
import torch
from torch import nn

from mmbench.errors import InputError
from mmbench.nn.resnet import Backbone, BasicBlock, backbone

SMALLEST = {"resnet18": 97, "resnet34": 97, "resnet18-small": 25, "resnet34-small": 25}
SMALLEST |= {"narrow": 25, "resnet34-pooled": 32}


def feature_map(network, channels, side):
    return network[:-1](torch.zeros(1, channels, side, side))


@pytest.mark.parametrize(("name", "count"), [("resnet18", 11_176_512), ("resnet34", 21_284_672)])
def test_a_resnet_has_the_weights_of_the_published_one_less_its_classifier(name, count):
    network, n_features = backbone(name, channels=3, side=224)
    assert sum(p.numel() for p in network.parameters()) == count
    assert n_features == 512


@pytest.mark.parametrize("name", get_args(Backbone))
def test_the_smallest_side_leaves_a_map_as_large_as_needed_and_one_less_is_refused(name):
    network, n_features = backbone(name, channels=1, side=SMALLEST[name])
    least = 3 if name == "resnet34-pooled" else 4
    assert feature_map(network.eval(), 1, SMALLEST[name]).shape == (1, n_features, least, least)
    less = f"{least - 1} x {least - 1}"
    expected = f"side: expected at least {SMALLEST[name]} px for the backbone '{name}'.*{less}"
    with pytest.raises(InputError, match=expected):
        backbone(name, channels=1, side=SMALLEST[name] - 1)


def test_cifar_needs_the_small_stem():
    with pytest.raises(InputError, match=r"at least 97 px.*1 x 1, got 32"):
        backbone("resnet18", channels=3, side=32)
    network, _ = backbone("resnet18-small", channels=3, side=32)
    assert feature_map(network.eval(), 3, 32).shape == (1, 512, 4, 4)


def test_the_imagenet_stem_leaves_7_by_7_of_224():
    network, _ = backbone("resnet18", channels=3, side=224)
    assert feature_map(network.eval(), 3, 224).shape == (1, 512, 7, 7)


def test_a_feature_is_the_mean_over_the_map():
    network, n_features = backbone("narrow", channels=3, side=28)
    x = torch.rand(5, 3, 28, 28)
    network.eval()
    expected = network[:-1](x).flatten(2).mean(dim=2)
    torch.testing.assert_close(network(x), expected)
    assert expected.shape == (5, n_features)


def test_a_block_without_its_residual_is_the_rectified_shortcut():
    block = BasicBlock(8, 8, stride=1).eval()
    nn.init.zeros_(block.residual[-1].weight)
    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(block(x), x.clamp_min(0))


def test_a_block_with_a_stride_halves_the_side_rounded_up():
    assert BasicBlock(8, 16, stride=2)(torch.randn(2, 8, 7, 7)).shape == (2, 16, 4, 4)


def test_convolutions_start_with_a_variance_of_two_over_their_fan_out():
    network, _ = backbone("resnet18", channels=3, side=224)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)


def test_pooling_before_the_norm_agrees_with_pooling_after_the_relu():
    network, _ = backbone("narrow", channels=1, side=28)
    network.eval()
    convolution, pool, norm, relu = network[1:5]
    x = torch.rand(3, 1, 28, 28)
    torch.testing.assert_close(relu(norm(pool(convolution(x)))), pool(relu(norm(convolution(x)))))
