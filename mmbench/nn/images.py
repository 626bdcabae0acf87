"""Images as they are stored, on their way into a network."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.batches import chunks, eval_outputs, shuffled_batches

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
        rows = chunks(len(pixels), _ROWS)
        pixels = torch.cat([_scaled(pixels[r], shape).mul(255).round().byte() for r in rows])
    return pixels.to(device)


def resized(images: Tensor, side: int) -> Tensor:
    """Return whole images as (n, channels, side, side) float32 in [0, 1].

    Args:
        images: (n, channels, height, width) uint8.
        side: of the result, in pixels.
    """
    return _scaled(images, [side, side])


def _scaled(images: Tensor, shape: list[int]) -> Tensor:
    x = images.float() / 255
    if list(x.shape[2:]) == shape:
        return x
    return functional.interpolate(x, shape, mode="bilinear", antialias=True).clamp(0, 1)


def image_batches(images: Tensor, fit_rows: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Yield the images of each batch of one epoch, in a new random order.

    A last batch that is not full is left out.

    Args:
        images: (n, channels, height, width) uint8.
        fit_rows: (n_fit,), the images to train on, on the same device.
        batch_size: in images.
    """
    for rows in shuffled_batches(len(fit_rows), batch_size, images.device, drop_last=True):
        yield images[fit_rows[rows]]


def predicted(
    network: nn.Module, images: Tensor, side: int, output: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the output of a network for whole images, in eval mode and without a gradient.

    Args:
        network: whose mode is set, and restored.
        images: (n, channels, height, width) uint8.
        side: of the network's input, in pixels.
        output: of (batch, channels, side, side) float32, which calls the network.
    """
    return eval_outputs(network, images, lambda x: output(resized(x, side)), _ROWS)
