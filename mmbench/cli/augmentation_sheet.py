"""Contact sheet of a method's augmentations, for `mmbench run --show-augmentations`."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from mmbench.files import replacing
from mmbench.nn.augment import Augmentation
from mmbench.nn.images import resized


@runtime_checkable
class Augmenting(Protocol):
    """A method that names its augmentations."""

    def augmentations(self) -> Mapping[str, Augmentation]:
        """Return the augmentations by name."""


def augmentation_sheet(
    method: Augmenting, images: NDArray[np.uint8], path: Path, n_images: int = 8, n_draws: int = 6
) -> None:
    """Write a PNG sheet of augmented images, whole or not at all.

    Each row shows one image as the network sees it without augmentation, and then several draws
    of each augmentation, in the order in which the method names them, with white gaps between.
    `images` are (n_samples, channels, height, width) uint8, of which the first `n_images` are
    shown.
    """
    originals = torch.as_tensor(images[:n_images])
    generator = torch.Generator().manual_seed(0)
    draws = [
        torch.stack([augment(originals, generator) for _ in range(n_draws)], dim=1)
        for augment in method.augmentations().values()
    ]
    side = draws[0].shape[-1]
    zoom = max(1, 64 // side)
    strips = [_strip(x.clamp(0, 1), zoom) for x in (resized(originals, side)[:, None], *draws)]
    gap = np.full((len(strips[0]), 8, 3), 255, np.uint8)
    columns = list(chain.from_iterable((gap, strip) for strip in strips))[1:]
    with replacing(path) as temporary:
        Image.fromarray(np.hstack(columns)).save(temporary, format="PNG")


def _strip(x: Tensor, zoom: int) -> NDArray[np.uint8]:
    """Return (n, draws, channels, side, side) as one image, (height, width, 3) uint8."""
    framed = functional.pad(x, (0, 1, 0, 1), value=1.0)
    rgb = framed if framed.shape[2] == 3 else framed[:, :, :1].expand(-1, -1, 3, -1, -1)
    n, n_draws, _, side, _ = rgb.shape
    sheet = rgb.permute(0, 3, 1, 4, 2).reshape(n * side, n_draws * side, 3)
    enlarged = sheet.repeat_interleave(zoom, dim=0).repeat_interleave(zoom, dim=1)
    return (enlarged * 255).round().byte().numpy()
