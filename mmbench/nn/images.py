"""Images as they are stored, on their way into a network."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmbench.nn.batches import chunks

# images that are scaled at a time, so that little is held in float32
_ROWS = 500


def on_device(images: NDArray[np.uint8], side: int, device: str) -> Tensor:
    """Return images as a uint8 tensor on the device, at most twice as large as `side`.

    Crops are sampled from four neighbours, which cannot shrink an image much without aliasing:
    larger ones are made smaller once, with a filter.

    Args:
        images: (n_samples, channels, height, width).
        side: that a method will cut or enlarge them to, in pixels.
        device: where they are to lie.
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
