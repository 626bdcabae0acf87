"""Pictures as they are stored, on their way into a network."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmbench.nn.batches import chunks

# pictures that are scaled at a time, so that little is held in float32
_ROWS = 500


def on_device(images: NDArray[np.uint8], side: int, device: str) -> Tensor:
    """Return pictures as a uint8 tensor on the device, at most twice as large as `side`.

    Crops are sampled from four neighbours, which cannot shrink a picture much without aliasing:
    larger ones are made smaller once, with a filter.

    Args:
        images: (n_samples, channels, height, width).
        side: that a method will cut or enlarge them to, in pixels.
        device: where they are to lie.
    """
    pictures = torch.as_tensor(images)
    shorter = min(pictures.shape[2:])
    if len(pictures) and shorter > 2 * side:
        shape = [round(2 * side / shorter * n) for n in pictures.shape[2:]]
        rows = chunks(len(pictures), _ROWS)
        pictures = torch.cat([_scaled(pictures[r], shape).mul(255).round().byte() for r in rows])
    return pictures.to(device)


def resized(pictures: Tensor, side: int) -> Tensor:
    """Return whole pictures as (n, channels, side, side) float32 in [0, 1].

    Args:
        pictures: (n, channels, height, width) uint8.
        side: of the result, in pixels.
    """
    return _scaled(pictures, [side, side])


def _scaled(pictures: Tensor, shape: list[int]) -> Tensor:
    x = pictures.float() / 255
    if list(x.shape[2:]) == shape:
        return x
    return functional.interpolate(x, shape, mode="bilinear", antialias=True).clamp(0, 1)
