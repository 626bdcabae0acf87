"""Tensors, batches and networks for two modalities of mixed-modal data.

The architecture is that of the released code of DM2C (Jiang et al., NeurIPS 2019).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.batches import shuffled_batches
from mmbench.nn.preprocessing import (
    principal,
    require_sample_per_cluster,
    training_rows,
    unit_variance,
)

SLOPE = 0.2  # of every LeakyReLU below zero
MAX_FEATURES = 2048  # wider modalities are reduced to as many principal components
MIN_ROWS = 2  # of a batch: batch normalisation needs a variance

InputScale = Literal["unit-variance", "as-prepared"]


@dataclass(frozen=True, eq=False)
class MixedTensors:
    """Both modalities of a data set, as tensors."""

    views: tuple[View, ...]
    inputs: list[Tensor]  # of each view, (n_rows, n_features), centred on the rows to train on
    fitted: list[Tensor]  # of each view, the rows of `inputs` to train on

    def in_sample_order(self, by_modality: Sequence[Tensor]) -> Tensor:
        """Return (n_samples, n_latent) from the (n_rows, n_latent) of each modality."""
        order = np.argsort(np.concatenate([view.sample_index for view in self.views]))
        z = torch.cat(list(by_modality))
        return z[torch.as_tensor(order, device=z.device)]


def mixed_tensors(
    data: Dataset, *, input_scale: InputScale, seed: int, device: str
) -> MixedTensors:
    """Return both modalities of mixed-modal features, centred.

    Modalities with more than 2048 columns are reduced to their principal components; the seed
    is that of the randomised solver of PCA. With an `input_scale` of "unit-variance", each
    modality is then scaled by `unit_variance`; "as-prepared" keeps the scale of the data set.

    Raises:
        IncompatibleDataError: data that are not mixed-modal, another number of modalities,
            images, a modality with less than 2 samples to train on, or fewer samples to
            train on than clusters.
    """
    views = data.mixed_features(at_least=2, at_most=2, held_out=True)
    require_sample_per_cluster(data)
    inputs, fitted = [], []
    for view in views:
        rows = training_rows(data, view)
        if len(rows) < MIN_ROWS:
            raise IncompatibleDataError(
                f"{data.name}: needs {MIN_ROWS} samples to train on in every modality,"
                f" but {view.name} has {len(rows)}"
            )
        x = view.flat()
        if x.shape[1] > MAX_FEATURES:
            x = principal(x, MAX_FEATURES, rows, seed=seed)
        else:
            x = x - x[rows].mean(axis=0)
        if input_scale == "unit-variance":
            x = unit_variance(x, rows)
        inputs.append(torch.as_tensor(x, device=device))
        fitted.append(inputs[-1][torch.as_tensor(rows, device=device)])
    return MixedTensors(views, inputs, fitted)


def mixed_batches(
    sizes: Sequence[int], batch_size: int, device: str | torch.device = "cpu"
) -> Iterator[list[Tensor]]:
    """Yield, for each batch of one epoch, the row numbers of each modality, on `device`.

    The rows of all modalities, which have these `sizes`, are shuffled together and split, so that
    a batch has more rows of a larger modality; the last batch may be smaller. A modality with
    fewer than two rows in a batch gets further ones at random, because batch normalisation and
    means need them.
    """
    starts = [0, *np.cumsum(sizes).tolist()]
    for batch in shuffled_batches(starts[-1], batch_size):
        by_modality = []
        for low, high in pairwise(starts):
            rows = batch[(batch >= low) & (batch < high)] - low
            if len(rows) < MIN_ROWS:
                rows = torch.cat([rows, torch.randint(high - low, (MIN_ROWS - len(rows),))])
            by_modality.append(rows.to(device))
        yield by_modality


def leaky_encoder(widths: Sequence[int]) -> nn.Sequential:
    """Return blocks of Linear, LeakyReLU and BatchNorm from width to width, then a Linear."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths[:-1]):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE), nn.BatchNorm1d(n_out)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def leaky_decoder(widths: Sequence[int], *, linear_output: bool = False) -> nn.Sequential:
    """Return the mirror image of a `leaky_encoder` with the same widths.

    It ends in a LeakyReLU unless `linear_output` is true.
    """
    layers = leaky_encoder(widths[::-1])
    return layers if linear_output else layers.append(nn.LeakyReLU(SLOPE))


class ModalityAutoencoders(nn.Module):
    """An autoencoder for each modality.

    Attributes:
        encoders: of each modality, (batch, n_features) to (batch, n_latent).
        decoders: back to (batch, n_features).
    """

    def __init__(self, n_features: Sequence[int], widths: Sequence[int]) -> None:
        """Build them for the `n_features` of each modality, with PyTorch's initial weights.

        The `widths` are those of each encoder, the first at most eight times the features; the
        decoder has them in reverse.
        """
        super().__init__()
        first, *others = widths
        shapes = [[n, min(first, 8 * n), *others] for n in n_features]
        self.encoders = nn.ModuleList(leaky_encoder(shape) for shape in shapes)
        self.decoders = nn.ModuleList(leaky_decoder(shape) for shape in shapes)

    @property
    def autoencoders(self) -> nn.ModuleList:
        """Encoder and decoder of each modality in one, (batch, n_features) to the same."""
        pairs = zip(self.encoders, self.decoders, strict=True)
        return nn.ModuleList(nn.Sequential(*pair) for pair in pairs)
