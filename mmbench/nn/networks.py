"""Fully connected networks with PyTorch's default initial weights, and their heads."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.batches import in_chunks
from mmbench.nn.information import widened


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


def normalised_mlp(widths: Sequence[int], n_out: int | None = None) -> nn.Sequential:
    """Return a network of Linear, BatchNorm and ReLU layers between consecutive widths.

    In training a batch must have at least two rows.

    Args:
        widths: of the input and of each hidden layer.
        n_out: width of an additional linear layer at the end.
    """
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.BatchNorm1d(narrow), nn.ReLU()]
    if n_out is not None:
        layers.append(nn.Linear(widths[-1], n_out))
    return nn.Sequential(*layers)


def shared_encoders(n_views: int, widths: Sequence[int]) -> nn.ModuleList:
    """Return a `normalised_mlp` for each view, with weights and biases shared by all views.

    The running means and variances of batch normalisation are separate, so that views of
    different location do not shift each other.
    """
    encoders = [normalised_mlp(widths) for _ in range(n_views)]
    for encoder in encoders[1:]:
        for layer, original in zip(encoder, encoders[0], strict=True):
            for name, parameter in original.named_parameters():
                setattr(layer, name, parameter)
    return nn.ModuleList(encoders)


# soft assignments of n rows: by the cluster head, (1, n, n_clusters), and by the auxiliary heads,
# (n_heads, n, n_overclusters)
Soft = tuple[Tensor, Tensor]


class AssignmentNetwork(nn.Module):
    """Encoders of the views, and heads for soft assignments shared by all views.

    Attributes:
        encoders: of each view, (batch, n_features_v) to (batch, n_latent).
        clusters: the cluster head, to logits.
        overclusters: the auxiliary heads with more clusters, concatenated, to logits.
    """

    def __init__(
        self,
        encoders: Iterable[nn.Module],
        n_latent: int,
        n_clusters: int,
        *,
        n_heads: int,
        n_overclusters: int,
    ) -> None:
        """Build the cluster head, and `n_heads` auxiliary heads with `n_overclusters` each."""
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.clusters = nn.Linear(n_latent, n_clusters)
        self.overclusters = nn.Linear(n_latent, n_heads * n_overclusters)
        self.n_heads = n_heads

    def forward(self, x: Tensor, view: int) -> Soft:
        """Return the soft assignments of rows of a view, (batch, n_features_v)."""
        z = self.encoders[view](x)
        logits = self.overclusters(z).unflatten(1, (self.n_heads, -1)).movedim(1, 0)
        return widened(self.clusters(z))[None].softmax(dim=2), widened(logits).softmax(dim=2)

    def assign(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the soft assignments of all rows of each view, (n_rows_v, n_clusters).

        They have no gradient. The network is in eval mode afterwards.
        """
        self.eval()
        pairs = zip(views, self.encoders, strict=True)
        logits = [in_chunks(nn.Sequential(encoder, self.clusters), x) for x, encoder in pairs]
        return [x.softmax(dim=1) for x in logits]
