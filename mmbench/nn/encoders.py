"""Fully connected encoders with batch normalisation, as several methods use them."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def normalised_mlp(widths: Sequence[int], n_out: int | None = None) -> nn.Sequential:
    """Return a network of Linear, BatchNorm and ReLU for each step from width to width.

    In training a batch must have at least two rows.

    Args:
        widths: of the input and of each hidden layer.
        n_out: of a last, linear layer; without it the network ends in the ReLU.
    """
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.BatchNorm1d(narrow), nn.ReLU()]
    if n_out is not None:
        layers.append(nn.Linear(widths[-1], n_out))
    return nn.Sequential(*layers)


def shared_encoders(n_views: int, widths: Sequence[int]) -> nn.ModuleList:
    """Return a `normalised_mlp` for each view, with one set of weights among them.

    Every weight and bias is one parameter that all views share; the running means and
    variances of batch normalisation are each view's own, so views of different location do
    not shift each other.
    """
    encoders = [normalised_mlp(widths) for _ in range(n_views)]
    for encoder in encoders[1:]:
        for layer, original in zip(encoder, encoders[0], strict=True):
            for name, parameter in original.named_parameters():
                setattr(layer, name, parameter)
    return nn.ModuleList(encoders)
