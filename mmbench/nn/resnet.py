"""Backbones: from a batch of images to one feature vector for each.

Three kinds, none of them pre-trained. The ResNets have BasicBlocks, either with the stem made
for ImageNet, which divides the side by 4 before the first block, or with a small stem that
keeps it, for images of about 32 px. The narrow one is for machines without a GPU.

Source: He et al., CVPR 2016, table 1 (18 and 34 layers); the small stem of their section 4.2.
"""

from typing import Literal, cast

from torch import Tensor, nn

from mmbench.errors import InputError

Backbone = Literal["resnet18", "resnet34", "resnet18-small", "resnet34-small", "narrow"]

_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
_WIDTHS = (64, 128, 256, 512)
_NARROW_WIDTHS = (32, 64, 128, 256)

# with less left before the pooling, a network trains far worse, and nothing else would tell
_SMALLEST_MAP = 4


def backbone(name: Backbone, channels: int, side: int) -> tuple[nn.Sequential, int]:
    """Return a network and the length of its feature vectors.

    The network takes (batch, channels, side, side) to (batch, n_features), in which every
    feature is a mean over the positions of the last feature map. Convolutions start as normal
    with a variance of 2 / fan-out (He et al., ICCV 2015).

    Args:
        name: which one; a ResNet called "small" has the small stem.
        channels: of the images, 1 if they are grey.
        side: of the images, in pixels.

    Raises:
        InputError: the last feature map would be smaller than 4 x 4.
    """
    halvings = 5 if name in _BLOCKS else 3
    last_side = -(-side // 2**halvings)
    if last_side < _SMALLEST_MAP:
        need = (_SMALLEST_MAP - 1) * 2**halvings + 1
        raise InputError(
            f"side: expected at least {need} px for the backbone {name!r}, whose last feature"
            f" map would be {last_side} x {last_side}, got {side}"
        )
    if name == "narrow":
        body, n_features = _narrow(channels), _NARROW_WIDTHS[-1]
    else:
        stem = _small_stem(channels) if name.endswith("-small") else _imagenet_stem(channels)
        body = nn.Sequential(*stem, *_blocks(_BLOCKS[name.removesuffix("-small")]))
        n_features = _WIDTHS[-1]
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(*body, _GlobalMean()), n_features


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
        """Return the sum of both ways, rectified; s' is s / stride, rounded up."""
        return cast(Tensor, self.relu(self.residual(x) + self.shortcut(x)))


class _GlobalMean(nn.Module):
    """The mean over all positions; adaptive pooling has no deterministic gradient on a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def _convolution(n_in: int, n_out: int, stride: int = 1, size: int = 3) -> list[nn.Module]:
    """Return a convolution that keeps the side (up to its stride), and its batch norm."""
    return [
        nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(n_out),
    ]


def _imagenet_stem(channels: int) -> list[nn.Module]:
    """Divide the side by 4."""
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    return [*_convolution(channels, _WIDTHS[0], 2, size=7), nn.ReLU(inplace=True), pool]


def _small_stem(channels: int) -> list[nn.Module]:
    """Keep the side."""
    return [*_convolution(channels, _WIDTHS[0]), nn.ReLU(inplace=True)]


def _blocks(counts: tuple[int, ...]) -> list[nn.Module]:
    """Return four stages of blocks; the first block of each but the first halves the side."""
    blocks: list[nn.Module] = []
    n_in = _WIDTHS[0]
    for stage, (count, n_out) in enumerate(zip(counts, _WIDTHS, strict=True)):
        for position in range(count):
            stride = 2 if stage > 0 and position == 0 else 1
            blocks.append(BasicBlock(n_in, n_out, stride))
            n_in = n_out
    return blocks


def _narrow(channels: int) -> nn.Sequential:
    """Return four blocks of one convolution; the first three halve the side.

    The maximum is taken before the norm and not after the ReLU, as is more common: the two
    agree where the norm's weight is positive, and the norm then has a quarter of the work. On
    a CPU it costs as much as the convolution.
    """
    layers: list[nn.Module] = []
    n_in = channels
    for position, n_out in enumerate(_NARROW_WIDTHS):
        convolution, norm = _convolution(n_in, n_out)
        halves = position < len(_NARROW_WIDTHS) - 1
        pool = [nn.MaxPool2d(2, ceil_mode=True)] if halves else []
        layers += [convolution, *pool, norm, nn.ReLU(inplace=True)]
        n_in = n_out
    return nn.Sequential(*layers)
