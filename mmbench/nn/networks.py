"""Fully connected networks with PyTorch's default initial weights."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


def mlp(n_in: int, hidden: Sequence[int], n_out: int) -> nn.Sequential:
    """Return a fully connected network from (batch, n_in) to (batch, n_out).

    A ReLU follows each layer of `hidden` units; the last layer is linear.
    """
    layers: list[nn.Module] = []
    for wide, narrow in pairwise([n_in, *hidden]):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear([n_in, *hidden][-1], n_out))


class Autoencoder(nn.Module):
    """An `mlp` from the input to a latent vector, and one back with the layers in reverse.

    Attributes:
        encoder: (batch, n_in) to (batch, n_latent).
        decoder: (batch, n_latent) to (batch, n_in).
    """

    def __init__(self, n_in: int, hidden: Sequence[int], n_latent: int) -> None:
        """Build both halves; `hidden` are the widths of the encoder."""
        super().__init__()
        self.encoder = mlp(n_in, hidden, n_latent)
        self.decoder = mlp(n_latent, hidden[::-1], n_in)

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction, (batch, n_in)."""
        return cast(Tensor, self.decoder(self.encoder(x)))


def reconstruction_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Return the mean squared error over rows and features, a float32 scalar."""
    return functional.mse_loss(decoded.float(), x)
