"""Deep divergence-based clustering (DDC) of fused views: the network and its loss.

The mean of the outputs of the views' encoders, with learnable weights, passes through a hidden
layer to soft assignments. The loss makes clusters separate and compact in the hidden space, and
assignments orthogonal and close to a corner of the simplex.

Source: Kampffmeyer et al., Deep divergence-based approach to clustering, Neural Networks 113,
2019 (the loss); Trosten et al., Reconsidering Representation Alignment for Multi-view
Clustering, CVPR 2021 (fusion, settings).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmbench.nn.information import widened

# the published constants: width of the kernel relative to the median of squared distances,
# and the lower bounds of a numerator and of the product in its denominator
KERNEL_WIDTH = 0.15
SMALLEST = 1e-9
# squared distances below this share of the largest squared length may be rounding errors
ROUNDING = 1e-4


class FusionOutput(NamedTuple):
    """The outputs of a `FusionNetwork` for a batch."""

    encodings: list[Tensor]  # of each view, (batch, n_latent)
    fused: Tensor  # their weighted mean, (batch, n_latent)
    hidden: Tensor  # (batch, n_hidden)
    soft: Tensor  # assignments, (batch, n_clusters)


class FusionNetwork(nn.Module):
    """Encoders of the views, their weighted mean, and the clustering module."""

    def __init__(
        self, encoders: Sequence[nn.Module], n_latent: int, n_hidden: int, n_clusters: int
    ) -> None:
        """Build the clustering module on top of the encoders."""
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.logits = nn.Parameter(torch.zeros(len(encoders)))
        self.hidden = nn.Sequential(
            nn.Linear(n_latent, n_hidden), nn.ReLU(), nn.BatchNorm1d(n_hidden)
        )
        self.output = nn.Linear(n_hidden, n_clusters)

    @property
    def weights(self) -> Tensor:
        """The weights of the views, (n_views,); they sum to 1."""
        return self.logits.softmax(dim=0)

    def forward(self, views: Sequence[Tensor]) -> FusionOutput:
        """Return the outputs for rows of all views, each (batch, n_features_v)."""
        encodings = [encoder(x) for encoder, x in zip(self.encoders, views, strict=True)]
        fused = torch.einsum("v,vbd->bd", self.weights, torch.stack(encodings))
        hidden = self.hidden(fused)
        return FusionOutput(encodings, fused, hidden, self.output(hidden).float().softmax(dim=1))

    def assign(self, views: Sequence[Tensor], size: int = 4096) -> tuple[Tensor, Tensor]:
        """Return the fused encodings and the soft assignments of all rows, `size` at a time.

        No gradient is kept; the network is in eval mode afterwards.
        """
        self.eval()
        with torch.no_grad():
            pieces = zip(*(x.split(size) for x in views), strict=True)
            outputs = [self(piece) for piece in pieces]
        return torch.cat([o.fused.float() for o in outputs]), torch.cat([o.soft for o in outputs])


def ddc_terms(soft: Tensor, hidden: Tensor) -> Tensor:
    """Return the three terms of the DDC loss, (3,), each in [0, 1].

    - the overlap of the clusters in the hidden space: the mean over pairs of clusters of their
      Cauchy-Schwarz similarity under a Gaussian kernel;
    - the similarity of the assignments of different samples;
    - the overlap of the clusters, with closeness to a corner of the simplex as membership.

    The soft assignments are (batch, n_clusters), `hidden` is (batch, n_hidden).

    Source: Kampffmeyer et al. 2019, equations 6 to 9; the second term sums over pairs of
    samples, as in the published code.
    """
    n, n_clusters = soft.shape
    with torch.autocast(soft.device.type, enabled=False):
        soft = widened(soft)
        kernel = gaussian_kernel(hidden.to(soft.dtype))
        # the sum over pairs i < j of the inner products of rows
        pairs = (soft.sum(dim=0).square().sum() - soft.square().sum()) / 2
        corners = torch.eye(n_clusters, dtype=soft.dtype, device=soft.device)
        membership = torch.exp(-(soft[:, None] - corners).square().sum(dim=2))
        return torch.stack(
            [overlap(soft, kernel), 2 / (n * (n - 1)) * pairs, overlap(membership, kernel)]
        )


def overlap(membership: Tensor, kernel: Tensor) -> Tensor:
    """Return the mean over pairs of clusters of a_i'Ka_j / sqrt(a_i'Ka_i a_j'Ka_j), a scalar.

    The a_i are the columns of membership, (n, n_clusters); K is the kernel, (n, n). The result
    is in [0, 1]: 0 where no two samples of different clusters are close, or for a single cluster.
    """
    n_clusters = membership.shape[1]
    products = membership.T @ kernel @ membership
    own = products.diagonal()
    denominator = (own[:, None] * own).clamp_min(SMALLEST**2).sqrt()
    ratio = products.clamp_min(SMALLEST) / denominator
    return 2 / max(1, n_clusters * (n_clusters - 1)) * ratio.triu(diagonal=1).sum()


def gaussian_kernel(x: Tensor) -> Tensor:
    """Return exp(-‖x_i - x_j‖² / 2σ²), (n, n), with σ² from the median of squared distances.

    The median is over all n² pairs of rows, as published, and has no gradient.
    """
    squares = x.square().sum(dim=1)
    # rounding can make distances of equal rows slightly negative
    distances = (squares[:, None] + squares - 2 * x @ x.T).clamp_min(0)
    # where most rows are equal the median is only a rounding error
    least = max(SMALLEST, ROUNDING * squares.detach().max().item())
    variance = KERNEL_WIDTH * distances.detach().median().clamp_min(least)
    return torch.exp(-distances / (2 * variance))
