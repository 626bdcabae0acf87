"""Images as they are stored, on their way into a network."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.batches import eval_outputs, shuffled_batches

# images that are converted to float32 at a time
_ROWS = 500


def on_device(images: NDArray[np.uint8], side: int, device: str) -> Tensor:
    """Return images as a uint8 tensor on the device, at most twice as large as `side`.

    Larger images are reduced once, with a filter: crops are sampled from four neighbours, which
    causes aliasing where an image shrinks by more than a factor of two.

    Args:
        images: (n_samples, channels, height, width).
        side: of the network's input, in pixels.
        device: as torch names it.
    """
    pixels = torch.as_tensor(images)
    shorter = min(pixels.shape[2:])
    if len(pixels) and shorter > 2 * side:
        shape = [round(2 * side / shorter * n) for n in pixels.shape[2:]]
        parts = [_scaled(x, shape).mul(255).round().byte() for x in pixels.split(_ROWS)]
        pixels = torch.cat(parts)
    return pixels.to(device)


def resized(images: Tensor, side: int) -> Tensor:
    """Return whole uint8 images as (n, channels, side, side) float32 in [0, 1]."""
    return _scaled(images, [side, side])


def centre_crop(images: Tensor, share: float) -> Tensor:
    """Return the middle of images, with the same share of their height and of their width."""
    height, width = (round(share * n) for n in images.shape[2:])
    top, left = (images.shape[2] - height) // 2, (images.shape[3] - width) // 2
    return images[:, :, top : top + height, left : left + width]


def _scaled(images: Tensor, shape: list[int]) -> Tensor:
    x = images.float() / 255
    if list(x.shape[2:]) == shape:
        return x
    return functional.interpolate(x, shape, mode="bilinear", antialias=True).clamp(0, 1)


def image_batches(images: Tensor, fit_rows: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Yield the images of each full batch of one epoch, in a new random order.

    `fit_rows`, (n_fit,) on the device of the images, are those to train on.
    """
    for rows in shuffled_batches(len(fit_rows), batch_size, images.device, drop_last=True):
        yield images[fit_rows[rows]]


def predicted(
    network: nn.Module, images: Tensor, side: int, output: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the output of a network for whole uint8 images, in eval mode and without a gradient.

    `output` calls the network on (batch, channels, side, side) float32.
    """
    return eval_outputs(network, images, lambda x: output(resized(x, side)), _ROWS)
