"""Encoders of the views: fully connected for features, convolutional for square images."""

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.nn.networks import normalised_mlp

Encoder = Literal["auto", "dense", "conv"]


def view_encoders(
    data: Dataset,
    encoder: Encoder,
    *,
    hidden: Sequence[int],
    n_latent: int,
    kernels: Sequence[int],
    channels: int,
) -> tuple[list[nn.Module], int]:
    """Return an untrained encoder for each view, and the length of their outputs.

    The encoder of a view maps (batch, n_features_v); rows of images are flattened.

    Args:
        data: the views.
        encoder: `auto` gives a `ConvEncoder` to each view of square images and a
            `normalised_mlp` to the others; where images differ in size, which outputs of equal
            length do not allow, or are too small for the kernels, all views get the latter.
            `dense` and `conv` ask for one kind.
        hidden: widths of a dense encoder.
        n_latent: outputs of dense encoders, unless there is a convolutional one to match.
        kernels: see `ConvEncoder`.
        channels: see `ConvEncoder`.

    Raises:
        IncompatibleDataError: `conv` for a view without square images, or for images that are
            too small or differ in size.
    """
    sides = [_map_side(view.image_shape, kernels) for view in data.views]
    if encoder == "conv":
        for view, side in zip(data.views, sides, strict=True):
            if not side or side != sides[0]:
                shape = " x ".join(map(str, view.image_shape or (view.n_features,)))
                raise IncompatibleDataError(
                    f"{data.name}: encoder conv needs square images of one size, large enough for"
                    f" kernels of {' and '.join(map(str, kernels))}, but rows of {view.name} are"
                    f" {shape}"
                )
    if encoder == "dense" or len({*sides} - {0}) > 1:
        sides = [0] * len(sides)
    n_outputs = channels * max(sides) ** 2 or n_latent
    encoders: list[nn.Module] = [
        ConvEncoder(view.image_shape, kernels, channels)
        if side
        else normalised_mlp((view.n_features, *hidden), n_outputs)
        for view, side in zip(data.views, sides, strict=True)
    ]
    return encoders, n_outputs


class ConvEncoder(nn.Module):
    """A network from flattened images to the flattened values of its last map.

    Each of the kernel sizes stands for two convolutions without padding, both with `channels`
    outputs, and max-pooling that halves the side. A ReLU follows the first convolution; batch
    normalisation and a ReLU follow the second.
    """

    def __init__(self, image_shape: Sequence[int], kernels: Sequence[int], channels: int) -> None:
        """Build the network.

        Args:
            image_shape: (channels, height, width) of the images.
            kernels: the side of the two kernels before each pooling, in pixels.
            channels: of every map.
        """
        super().__init__()
        layers: list[nn.Module] = [nn.Unflatten(1, tuple(image_shape))]
        n_in = image_shape[0]
        for kernel in kernels:
            layers += [nn.Conv2d(n_in, channels, kernel), nn.ReLU()]
            layers += [nn.Conv2d(channels, channels, kernel), nn.BatchNorm2d(channels), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            n_in = channels
        self.layers = nn.Sequential(*layers, nn.Flatten())
        # on a CPU a sixth faster, and the same up to rounding; the stubs of torch lack the overload
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, n_outputs) for (batch, n_features); on a CPU always in float32.

        In bfloat16, a CPU without instructions for it takes nine times as long.
        """
        with torch.autocast("cpu", enabled=False):
            return cast(Tensor, self.layers(x))


def _map_side(image_shape: Sequence[int], kernels: Sequence[int]) -> int:
    """Return the side of the last map of a `ConvEncoder`, 0 if the images have none."""
    if not image_shape or image_shape[1] != image_shape[2]:
        return 0
    side = image_shape[1]
    for kernel in kernels:
        side = (side - 2 * (kernel - 1)) // 2
    return max(0, side)
