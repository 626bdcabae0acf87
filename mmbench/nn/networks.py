"""Networks that several methods share, and the epoch that trains an autoencoder.

Weights start as PyTorch starts them.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.batches import shuffled_batches


def mlp(n_in: int, hidden: Sequence[int], n_out: int) -> nn.Sequential:
    """Return a fully connected network: ReLU after each hidden layer, a linear last one.

    Args:
        n_in: the length of an input row.
        hidden: the widths between; none makes it a single linear layer.
        n_out: the length of an output row.
    """
    layers: list[nn.Module] = []
    for wide, narrow in pairwise([n_in, *hidden]):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear([n_in, *hidden][-1], n_out))


class Autoencoder(nn.Module):
    """An `mlp` to a latent vector, and its mirror image back to the input.

    Attributes:
        encoder: (batch, n_in) to (batch, n_latent), linear at the end.
        decoder: (batch, n_latent) to (batch, n_in), linear at the end.
    """

    def __init__(self, n_in: int, hidden: Sequence[int], n_latent: int) -> None:
        """Build both halves.

        Args:
            n_in: the length of an input row.
            hidden: the widths of the encoder; the decoder has them in reverse.
            n_latent: the length of a latent vector.
        """
        super().__init__()
        self.encoder = mlp(n_in, hidden, n_latent)
        self.decoder = mlp(n_latent, hidden[::-1], n_in)

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of x, (batch, n_in)."""
        return cast(Tensor, self.decoder(self.encoder(x)))


def reconstruction_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Return the squared error, a mean over rows and features, in float32, a scalar."""
    return functional.mse_loss(decoded.float(), x)


def reconstruction_epoch(
    networks: Iterable[nn.Module],
    views: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
    batch_size: int,
) -> list[float]:
    """Train an autoencoder for each view for one epoch; return the mean error of each.

    Batches are of the same rows in all views; a last one that is not full is left out.

    Args:
        networks: of the views, from (batch, n_features) to the same shape.
        views: (n_samples, n_features_v) each, paired.
        optimiser: of the weights of all of them.
        batch_size: rows to a step.
    """
    networks = list(networks)
    steps = []
    for rows in shuffled_batches(len(views[0]), batch_size, views[0].device, drop_last=True):
        batch = [x[rows] for x in views]
        pairs = zip(networks, batch, strict=True)
        errors = torch.stack([reconstruction_error(net(x), x) for net, x in pairs])
        optimiser.zero_grad()
        errors.sum().backward()
        optimiser.step()
        steps.append(errors.detach())
    # read once an epoch: reading a number makes the host wait for the device
    means: list[float] = torch.stack(steps).mean(dim=0).tolist()
    return means
