"""Deep divergence-based clustering (DDC) of fused views: the network, its loss, its training.

Each view has an encoder. The mean of their outputs, with weights that are learnt, goes to a
hidden layer and on to soft assignments. The loss wants clusters that are separate and compact
in the hidden space, assignments of different clusters orthogonal, and close to the corners of
the simplex.

Source: Kampffmeyer et al., Deep divergence-based approach to clustering, Neural Networks 113,
2019 (the loss); Trosten et al., Reconsidering Representation Alignment for Multi-view
Clustering, CVPR 2021 (fusion, settings).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.nn.batches import checkpoints, chunks, shuffled_batches
from mmbench.nn.information import widened

# the published constants: width of the kernel relative to the median of squared distances,
# and the floors of a numerator and of the product below it
KERNEL_WIDTH = 0.15
SMALLEST = 1e-9
# squared distances below this share of the largest squared length may be rounding
ROUNDING = 1e-4


class Fused(NamedTuple):
    """What the network makes of a batch.

    Attributes:
        z: of each view, (batch, n_latent).
        mean: (batch, n_latent), over the views, with the learnt weights.
        hidden: (batch, n_hidden).
        soft: (batch, n_clusters) soft assignments.
    """

    z: list[Tensor]
    mean: Tensor
    hidden: Tensor
    soft: Tensor


class FusionNetwork(nn.Module):
    """Encoders, their weighted mean, and the clustering module.

    Attributes:
        encoders: of each view, to (batch, n_latent).
        logits: (n_views,), of the weights of the views; equal at first.
    """

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

    def forward(self, views: Sequence[Tensor]) -> Fused:
        """Return what becomes of rows of all views, each (batch, n_features_v)."""
        z = [encoder(x) for encoder, x in zip(self.encoders, views, strict=True)]
        mean = torch.einsum("v,vbd->bd", self.weights, torch.stack(z))
        hidden = self.hidden(mean)
        return Fused(z, mean, hidden, self.output(hidden).float().softmax(dim=1))

    def assign(self, views: Sequence[Tensor], size: int = 4096) -> tuple[Tensor, Tensor]:
        """Return the fused means and the soft assignments of all rows, `size` at a time.

        Without a gradient; the network is in eval mode afterwards.
        """
        self.eval()
        with torch.no_grad():
            told = [self([x[rows] for x in views]) for rows in chunks(len(views[0]), size)]
        return torch.cat([t.mean.float() for t in told]), torch.cat([t.soft for t in told])


def ddc_terms(soft: Tensor, hidden: Tensor) -> Tensor:
    """Return the three terms of the loss of DDC, (3,), each at least 0.

    - overlap of the clusters in the hidden space, in [0, 1]: the mean over pairs of clusters
      of their Cauchy-Schwarz similarity under a Gaussian kernel;
    - similarity of the assignments of different samples, in [0, 1];
    - overlap of the clusters where membership is the closeness to a corner of the simplex,
      in [0, 1].

    Source: Kampffmeyer et al. 2019, equations 6 to 9; the second term sums over pairs of
    samples, as the published code has it.

    Args:
        soft: (batch, n_clusters) soft assignments; rows sum to 1.
        hidden: (batch, n_hidden).
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

    It is in [0, 1]: 0 where clusters share no sample and their samples are far apart, 1 where
    they have the same ones. A single cluster has none to overlap with: 0.

    Args:
        membership: (n, n_clusters), at least 0; its columns are a_i.
        kernel: (n, n), symmetric.
    """
    n_clusters = membership.shape[1]
    products = membership.T @ kernel @ membership
    own = products.diagonal()
    below = (own[:, None] * own).clamp_min(SMALLEST**2).sqrt()
    ratio = products.clamp_min(SMALLEST) / below
    return 2 / max(1, n_clusters * (n_clusters - 1)) * ratio.triu(diagonal=1).sum()


def gaussian_kernel(x: Tensor) -> Tensor:
    """Return exp(-‖x_i - x_j‖² / 2σ²), (n, n), with σ² from the median of squared distances.

    The median is over all n² pairs, as published; it is taken as given by the gradient.

    Args:
        x: (n, n_features).
    """
    squares = x.square().sum(dim=1)
    # rounding may leave a small negative number where rows are equal
    distances = (squares[:, None] + squares - 2 * x @ x.T).clamp_min(0)
    # where most rows are equal the median is what rounding leaves of nothing
    least = max(SMALLEST, ROUNDING * squares.detach().max().item())
    variance = KERNEL_WIDTH * distances.detach().median().clamp_min(least)
    return torch.exp(-distances / (2 * variance))


def train_fused(
    network: FusionNetwork,
    data: Dataset,
    views: Sequence[Tensor],
    fitted: Sequence[Tensor],
    extra: Callable[[Fused, Tensor], dict[str, Tensor]],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    max_gradient: float,
    log: Callable[..., None],
    pretrain_epochs: int = 0,
) -> NDArray[np.int64]:
    """Train on the loss of DDC and further terms; return the assignments of all samples.

    A last batch that is not full is left out. Logged are, once an epoch, the mean loss, its
    terms and the weight of each view; at checkpoints the assignments and `clusters_used`; at
    the end the fused means as embedding.

    Args:
        network: on its device.
        data: gives the names of the views.
        views: of all samples, each (n_samples, n_features_v).
        fitted: of the samples to train on, likewise.
        extra: from what becomes of a batch, and the weights of the views, to further terms of
            the loss by name.
        epochs: passes over the training samples, after pre-training.
        batch_size: samples to a step.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
        log: as methods get it.
        pretrain_epochs: passes before, in which the further terms alone are minimised.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    device = fitted[0].device
    n_epochs = pretrain_epochs + epochs
    shown = checkpoints(n_epochs)
    for epoch in range(n_epochs):
        network.train()
        figures = []
        for rows in shuffled_batches(len(fitted[0]), batch_size, device, drop_last=True):
            fused = network([x[rows] for x in fitted])
            overlaps = ddc_terms(fused.soft, fused.hidden).unbind()
            terms = dict(zip(("compact", "orthogonal", "corner"), overlaps, strict=True))
            further = extra(fused, network.weights)
            terms |= further
            minimised = further if epoch < pretrain_epochs else terms
            loss = torch.stack(list(minimised.values())).sum()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), max_gradient)
            optimiser.step()
            figures.append(torch.stack([loss, *terms.values()]).detach())
        # read once an epoch: reading a number makes the host wait for the device
        means = torch.stack(figures).mean(dim=0).tolist()
        named: dict[str, Any] = dict(zip(("loss", *terms), means, strict=True))
        for view, weight in zip(data.views, network.weights.tolist(), strict=True):
            named[f"weight_{view.name}"] = weight
        log(epoch, **named)
        if epoch in shown:
            mean, soft = network.assign(views)
            y_pred: NDArray[np.int64] = soft.argmax(dim=1).cpu().numpy()
            log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))
    log(n_epochs - 1, embedding=mean.cpu().numpy())
    return y_pred
