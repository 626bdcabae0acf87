"""What adversarial methods for two modalities of mixed-modal data share.

Architecture and pre-training are those of the released code of DM2C (Jiang et al., NeurIPS
2019).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.batches import in_chunks, shuffled_batches
from mmbench.nn.networks import reconstruction_error
from mmbench.nn.preprocessing import principal, require_sample_per_cluster, training_rows

SLOPE = 0.2  # of every LeakyReLU below zero
MAX_FEATURES = 2048  # wider modalities are reduced to so many principal components
# batch normalisation needs two rows to have a variance
_FEWEST_ROWS = 2


@dataclass(frozen=True, eq=False)
class Modalities:
    """Both modalities of a data set, as tensors.

    Attributes:
        views: where they came from.
        inputs: of each modality, (n_rows, n_features), centred on the rows to train on.
        fitted: of each modality, the rows of `inputs` to train on.
    """

    views: tuple[View, ...]
    inputs: list[Tensor]
    fitted: list[Tensor]

    def stacked(self, parts: Sequence[Tensor]) -> Tensor:
        """Return (n_samples, n_latent) of the (n_rows, n_latent) of both modalities."""
        n_samples = sum(len(z) for z in parts)
        z = parts[0].new_empty(n_samples, parts[0].shape[1])
        for view, part in zip(self.views, parts, strict=True):
            z[torch.as_tensor(view.sample_index, device=z.device)] = part
        return z


def modalities(data: Dataset, *, seed: int, device: str) -> Modalities:
    """Return both modalities of mixed-modal features.

    Columns are centred, as principal components would be; only a modality of more than 2048
    columns is reduced to these.

    Args:
        data: two modalities.
        seed: of the randomised solver of PCA.
        device: where the tensors are to lie, as torch names it.

    Raises:
        IncompatibleDataError: data of another setting, another number of modalities,
            images, a modality with less than 2 samples to train on, or fewer samples to
            train on than clusters.
    """
    views = data.mixed_features(at_least=2, at_most=2, held_out=True)
    require_sample_per_cluster(data)
    inputs, fitted = [], []
    for view in views:
        rows = training_rows(data, view)
        if len(rows) < _FEWEST_ROWS:
            raise IncompatibleDataError(
                f"{data.name}: needs {_FEWEST_ROWS} samples to train on in every modality,"
                f" but {view.name} has {len(rows)}"
            )
        x = view.flat()
        if x.shape[1] > MAX_FEATURES:
            x = principal(x, MAX_FEATURES, rows, seed=seed)
        else:
            x = x - x[rows].mean(axis=0)
        inputs.append(torch.as_tensor(x, device=device))
        fitted.append(inputs[-1][torch.as_tensor(rows, device=device)])
    return Modalities(views, inputs, fitted)


def mixed_batches(
    sizes: Sequence[int], batch_size: int, device: str | torch.device = "cpu"
) -> Iterator[list[Tensor]]:
    """Yield, for each batch of one epoch, the row numbers of each modality.

    The rows of all modalities are shuffled together and cut, the last batch as it is left, so
    a batch has more rows of a larger modality. Where fewer than two rows of a modality fell
    into a batch, further ones are drawn from it at random: batch normalisation and means
    need them.

    Args:
        sizes: how many rows each modality has.
        batch_size: rows to a batch, of all modalities together.
        device: where the row numbers are to lie.
    """
    starts = [0, *np.cumsum(sizes).tolist()]
    for batch in shuffled_batches(starts[-1], batch_size):
        rows = [batch[(batch >= low) & (batch < high)] - low for low, high in pairwise(starts)]
        yield [_topped_up(r, n).to(device) for r, n in zip(rows, sizes, strict=True)]


def _topped_up(rows: Tensor, n_rows: int) -> Tensor:
    lacking = _FEWEST_ROWS - len(rows)
    return rows if lacking <= 0 else torch.cat([rows, torch.randint(n_rows, (lacking,))])


def leaky_encoder(widths: Sequence[int]) -> nn.Sequential:
    """Return layers of Linear, LeakyReLU and batch normalisation, and a linear last one.

    Args:
        widths: of the input, of the layers between, and of the output.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths[:-1]):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE), nn.BatchNorm1d(n_out)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def leaky_decoder(widths: Sequence[int], *, linear_output: bool = False) -> nn.Sequential:
    """Return the mirror image of a `leaky_encoder`, which ends in a LeakyReLU.

    Args:
        widths: those of the encoder, which are taken in reverse.
        linear_output: leave that last LeakyReLU out.
    """
    layers = leaky_encoder(widths[::-1])
    return layers if linear_output else layers.append(nn.LeakyReLU(SLOPE))


def leaky_critic(n_latent: int) -> nn.Sequential:
    """Return a network that scores rows, (batch, n_latent) to (batch, 1), without a bound."""
    return nn.Sequential(nn.Linear(n_latent, 32), nn.LeakyReLU(SLOPE), nn.Linear(32, 1))


def evaluated(network: nn.Module, x: Tensor) -> Tensor:
    """Return network(x) in eval mode, without a gradient; the mode is then what it was.

    A row does not depend on those beside it: batch normalisation takes its running means.

    Args:
        network: from (n_rows, n_in) to (n_rows, n_out).
        x: (n_rows, n_in), as many as there are.
    """
    was_training = network.training
    network.eval()
    z = in_chunks(network, x)
    network.train(was_training)
    return z


def clip_weights(network: nn.Module, bound: float) -> None:
    """Bring every weight and bias of a network into [-bound, bound], in place."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.clamp_(-bound, bound)


class Pretraining:
    """The training of each autoencoder alone on its modality, by Adam."""

    def __init__(
        self,
        autoencoders: Iterable[nn.Module],
        fitted: Iterable[Tensor],
        learning_rates: Iterable[float],
        batch_size: int,
    ) -> None:
        """Begin.

        Args:
            autoencoders: one for each modality.
            fitted: (n_rows, n_features) of each modality.
            learning_rates: of each.
            batch_size: rows to a step; a last batch of a single row is left out.
        """
        self._parts = [
            (
                network,
                x,
                torch.optim.Adam(
                    network.parameters(), lr=lr, betas=(0.5, 0.999), weight_decay=1e-4, fused=True
                ),
            )
            for network, x, lr in zip(autoencoders, fitted, learning_rates, strict=True)
        ]
        self._batch_size = batch_size

    def epoch(self) -> list[float]:
        """Train for one epoch; return the mean error of each modality over the batches."""
        means = []
        for network, x, optimiser in self._parts:
            errors = []
            for rows in shuffled_batches(len(x), self._batch_size, x.device):
                if len(rows) < _FEWEST_ROWS:
                    continue
                batch = x[rows]
                error = reconstruction_error(network(batch), batch)
                optimiser.zero_grad()
                error.backward()
                optimiser.step()
                errors.append(error.detach())
            means.append(torch.stack(errors).mean())
        # read once an epoch: reading a number makes the host wait for the device
        figures: list[float] = torch.stack(means).tolist()
        return figures
