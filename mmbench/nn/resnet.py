"""Backbones: networks from a batch of images to one feature vector for each image.

None of them is pre-trained. The ResNets are made of BasicBlocks. Before the first block, the stem
for ImageNet divides the side by 4, the small stem, for images of about 32 px, keeps it, and the
pooled one halves it. The narrow backbone is for machines without a GPU.

Source: He et al., CVPR 2016, table 1 (18 and 34 layers); the small stem of their section 4.2; the
pooled one of the released code of IIC (Ji et al., ICCV 2019).
"""

import itertools
from typing import Literal, cast

import torch
from torch import Tensor, nn

from mmbench.errors import InputError

Backbone = Literal[
    "resnet18", "resnet34", "resnet18-small", "resnet34-small", "resnet34-pooled", "narrow"
]

_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
_WIDTHS = (64, 128, 256, 512)
_NARROW_WIDTHS = (32, 64, 128, 256)

# networks with a smaller map before the pooling train far worse, without any error
_SMALLEST_MAP = 4
_SMALLEST_POOLED_MAP = 3  # as published, for 32 px


def backbone(name: Backbone, channels: int, side: int) -> tuple[nn.Sequential, int]:
    """Return a network and the length of its feature vectors.

    The network maps (batch, channels, side, side) to (batch, n_features); every feature is the
    mean of one channel of the last feature map. Weights of convolutions are drawn from a normal
    distribution with a variance of 2 / fan-out (He et al., ICCV 2015).

    Args:
        name: "-small" and "-pooled" stand for the stem.
        channels: of the images, 1 if they are grey.
        side: of the images, in pixels.

    Raises:
        InputError: the last feature map would be smaller than 4 x 4, or than 3 x 3 with the
            pooled stem.
    """
    smallest = _SMALLEST_POOLED_MAP if name.endswith("-pooled") else _SMALLEST_MAP
    last_side = _last_side(name, side)
    if last_side < smallest:
        need = next(n for n in itertools.count(side) if _last_side(name, n) >= smallest)
        raise InputError(
            f"side: expected at least {need} px for the backbone {name!r}, whose last feature"
            f" map would be {last_side} x {last_side}, got {side}"
        )
    if name == "narrow":
        layers, n_features = _narrow(channels), _NARROW_WIDTHS[-1]
    else:
        layers, n_features = _resnet(name, channels), _WIDTHS[-1]
    network = nn.Sequential(_ChannelsLast(), *layers, _GlobalMean())
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    # convolutions are fastest in this layout, above all in bfloat16
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, n_features


def _last_side(name: Backbone, side: int) -> int:
    """Return the side of the last feature map."""
    if name.endswith("-pooled"):
        side = side // 2 + 1  # the pooling has a border
    elif name in _BLOCKS:
        side = -(-side // 4)
    return -(-side // 8)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: (batch, n_in, s, s) to (batch, n_out, s', s').

    The shortcut is a 1 x 1 convolution where the shape changes, else the identity.
    """

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(n_in, n_out, stride),
            nn.ReLU(inplace=True),
            *_convolution(n_out, n_out),
        )
        same = stride == 1 and n_in == n_out
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*_convolution(n_in, n_out, stride, size=1))
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum of both branches; s' is s / stride, rounded up."""
        return cast(Tensor, self.relu(self.residual(x) + self.shortcut(x)))


class _ChannelsLast(nn.Module):
    """Converts the memory layout of a batch of images."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)


class _GlobalMean(nn.Module):
    """Mean over all positions; adaptive pooling has no deterministic gradient on a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def _convolution(n_in: int, n_out: int, stride: int = 1, size: int = 3) -> list[nn.Module]:
    """Return a convolution that divides the side by its stride, and a batch norm."""
    return [
        nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(n_out),
    ]


def _resnet(name: str, channels: int) -> list[nn.Module]:
    """Return a stem and four stages of blocks, of which all but the first halve the side."""
    n_in = _WIDTHS[0]
    depth, _, stem = name.partition("-")
    if stem:
        layers = [*_convolution(channels, n_in), nn.ReLU(inplace=True)]
        if stem == "pooled":
            layers.append(nn.MaxPool2d(2, padding=1))
    else:
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        layers = [*_convolution(channels, n_in, 2, size=7), nn.ReLU(inplace=True), pool]
    counts = _BLOCKS[depth]
    for stage, (count, n_out) in enumerate(zip(counts, _WIDTHS, strict=True)):
        for position in range(count):
            layers.append(BasicBlock(n_in, n_out, stride=2 if stage > 0 and position == 0 else 1))
            n_in = n_out
    return layers


def _narrow(channels: int) -> list[nn.Module]:
    """Return four blocks of one convolution each, of which the first three halve the side.

    Pooling precedes the norm, whereas it usually follows the ReLU. Both orders agree where the
    norm's weight is positive, and the norm, which costs as much as the convolution on a CPU, has
    a quarter of the work.
    """
    layers: list[nn.Module] = []
    n_in = channels
    for position, n_out in enumerate(_NARROW_WIDTHS):
        convolution, norm = _convolution(n_in, n_out)
        halves = position < len(_NARROW_WIDTHS) - 1
        pool = [nn.MaxPool2d(2, ceil_mode=True)] if halves else []
        layers += [convolution, *pool, norm, nn.ReLU(inplace=True)]
        n_in = n_out
    return layers
