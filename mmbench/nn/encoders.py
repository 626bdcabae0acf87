"""Fully connected encoders with batch normalisation, their inputs and their heads."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.nn.batches import in_chunks
from mmbench.nn.information import widened


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

        def by_head(x: Tensor, encoder: nn.Module) -> Tensor:
            logits: Tensor = self.clusters(encoder(x)).float()
            return logits.softmax(dim=1)

        pairs = zip(views, self.encoders, strict=True)
        return [in_chunks(partial(by_head, encoder=encoder), x) for x, encoder in pairs]


def paired_tensors(
    data: Dataset,
    device: str,
    *,
    at_least: int = 2,
    at_most: int | None = None,
    min_fit: int = 2,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the paired views as tensors: of all samples, and of the samples to train on.

    Args:
        data: paired views; images are taken as pixels in [0, 1].
        device: of the tensors.
        at_least: smallest number of views.
        at_most: largest number of views; None for no limit.
        min_fit: smallest number of samples to train on; batch normalisation needs two.

    Raises:
        IncompatibleDataError: too few or too many views, samples that lack a view, or too few
            samples to train on.
    """
    arrays = data.paired_features(at_least=at_least, at_most=at_most, pixels=True, held_out=True)
    if len(data.fit_index) < min_fit:
        raise IncompatibleDataError(
            f"{data.name}: needs {min_fit} samples to train on, has {len(data.fit_index)}"
        )
    views = [torch.as_tensor(x, device=device) for x in arrays]
    rows = torch.as_tensor(data.fit_index, device=device)
    return views, [x[rows] for x in views] if data.is_split else views
