"""IMSAT: a network that maximises information and is stable under adversarial perturbations.

The network gives soft assignments, without an autoencoder or centres. Training maximises the
information I(x; c) = H(c) - H(c|x) of sample and cluster, with a larger weight on H(c), which
keeps clusters about equally large. Virtual adversarial training keeps cluster borders out of
dense regions: of all perturbations of a given length, the one that changes the assignment of a
sample most is estimated, and the network is trained to change little under it. The input is that
of `mmbench.nn.embedded.one_space`.

Source: Hu, Miyato, Tokui, Matsumoto & Sugiyama, Learning Discrete Representations via
Information Maximizing Self-Augmented Training, ICML 2017, arXiv:1702.08720; the settings are
those of its released code for MNIST. The perturbation: Miyato et al., ICLR 2016, one step of its
power iteration.
Departures: the gradient that gives the direction is taken at a perturbation of the final length,
not of length 10; weights have PyTorch's initial values; balance is a fixed weight, as in the code,
where the paper has a constraint.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, eval_outputs, shuffled_batches
from mmbench.nn.embedded import one_space
from mmbench.nn.information import divergence
from mmbench.nn.losses import entropy
from mmbench.nn.networks import normalised_mlp
from mmbench.nn.preprocessing import require_samples

# rows whose distances to all others are in memory at a time
DISTANCE_ROWS = 256


@dataclass(frozen=True)
class IMSAT:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of the network.
        epochs: passes over the training samples.
        batch_size: the last batch is left out unless it is full.
        learning_rate: of Adam.
        information_weight: λ, of the information beside the change under perturbation.
        balance_weight: μ, of H(c) beside H(c|x).
        radius: length of a perturbation, as a fraction of the distance to a neighbour.
        neighbour: position of that neighbour, or the last one of small sets.
    """

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1200, 1200)
    epochs: PositiveInt = 50
    batch_size: Annotated[int, Field(ge=2)] = 250
    learning_rate: PositiveFloat = 2e-3
    information_weight: NonNegativeFloat = 0.1
    balance_weight: NonNegativeFloat = 4.0
    radius: PositiveFloat = 0.25
    neighbour: PositiveInt = 10

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, a single view, images (as pixels) or mixed-modal features.

        The search for neighbours computes n_samples² distances, once. Logged are the mean loss,
        the divergence under perturbation and both entropies in each epoch, in nats; assignments
        at checkpoints; at the end the logits as embedding.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
                train on than clusters, or than two.
        """
        torch.manual_seed(seed)
        x, fitted = one_space(data, seed=seed, device=device)
        require_samples(data, 2)
        lengths = self.radius * neighbour_distance(fitted, self.neighbour)
        network = normalised_mlp((x.shape[1], *self.hidden), data.n_clusters).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        logged_epochs = checkpoints(self.epochs)

        for epoch in range(self.epochs):
            steps = []
            for rows in shuffled_batches(len(fitted), self.batch_size, device, drop_last=True):
                soft = soft_assignments(network, fitted[rows])
                marginal, conditional = entropies(soft)
                change = perturbed_divergence(network, fitted[rows], soft, lengths[rows])
                loss = change + self.information_weight * (
                    conditional - self.balance_weight * marginal
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, change, marginal, conditional]).detach())
            names = ("loss", "divergence", "entropy", "conditional_entropy")
            means: dict[str, Any] = dict(zip(names, epoch_means(steps), strict=True))
            log(epoch, **means)
            if epoch in logged_epochs:
                logits = eval_outputs(network, x)
                y_pred: NDArray[np.int64] = logits.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(epoch, embedding=logits.cpu().numpy())
        return y_pred


def soft_assignments(network: nn.Module, x: Tensor) -> Tensor:
    """Return the soft assignments of rows, (batch, n_clusters) float32."""
    logits: Tensor = network(x)
    return logits.float().softmax(dim=1)


def entropies(soft: Tensor) -> tuple[Tensor, Tensor]:
    """Return H(c) and H(c|x) in nats, two scalars, whose difference is the information I(x; c)."""
    return entropy(soft.mean(dim=0)), entropy(soft) / len(soft)


def perturbed_divergence(network: nn.Module, x: Tensor, soft: Tensor, lengths: Tensor) -> Tensor:
    """Return the divergence of assignments under adversarial perturbation, in nats, a scalar.

    It is a mean over rows, at least 0. The unperturbed assignments `soft` get no gradient.
    """
    perturbed = x + perturbation(network, x, soft, lengths)
    with frozen_running_statistics(network):
        return divergence(soft.detach(), soft_assignments(network, perturbed))


def perturbation(network: nn.Module, x: Tensor, soft: Tensor, lengths: Tensor) -> Tensor:
    """Return, for each row, about the shift that changes its assignment most, like x.

    It has the direction of the gradient of the divergence from the unperturbed assignments,
    taken at a random shift of the same length, (batch,) `lengths`; where that gradient is zero it
    is the random shift. The assignments without perturbation are `soft`, (batch, n_clusters).
    """
    # drawn on the CPU, so that a seed means the same on every device
    random = functional.normalize(torch.randn(x.shape)).to(x.device)
    shift = (lengths[:, None] * random).requires_grad_()
    with frozen_running_statistics(network):
        change = divergence(soft.detach(), soft_assignments(network, x + shift))
    (slope,) = torch.autograd.grad(change, shift)
    steepest = slope.abs().amax(dim=1, keepdim=True)
    # without the division the squares of small slopes would underflow
    along = functional.normalize(slope / steepest.clamp_min(torch.finfo(slope.dtype).tiny))
    return lengths[:, None] * torch.where(steepest > 0, along, random)


@contextmanager
def frozen_running_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch normalisation use the statistics of the batch without updating the running ones."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d)]
    for layer in norms:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in norms:
            layer.track_running_stats = True


def neighbour_distance(x: Tensor, k: int) -> Tensor:
    """Return the Euclidean distance of each row to its k-th neighbour, or its last, (n,)."""
    position = min(k, len(x) - 1)  # a row is the nearest to itself, at 0
    with torch.autocast(x.device.type, enabled=False):
        distances = [
            torch.cdist(rows, x).topk(position + 1, largest=False).values[:, position]
            for rows in x.split(DISTANCE_ROWS)
        ]
        return torch.cat(distances)


METHOD = IMSAT
