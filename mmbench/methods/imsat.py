"""IMSAT: a network that tells clusters apart, and tells the same where the input is disturbed.

A network gives soft assignments, without an autoencoder or centres. Training maximises the
information I(x; c) = H(c) - H(c|x) between sample and cluster, with more weight on H(c), so
that clusters stay about equally large. What keeps the network from cutting through dense
regions is virtual adversarial training: of all disturbances of a given length, the one that
changes the assignment of a sample most is looked for, and then made to change it little. The
length is of each sample its own, a quarter of the distance to its tenth neighbour.

Views are taken side by side; mixed-modal samples as the rows of one space of principal
components, see `mmbench.nn.embedded.one_space`.

Source: Hu, Miyato, Tokui, Matsumoto & Sugiyama, Learning Discrete Representations via
Information Maximizing Self-Augmented Training, ICML 2017, arXiv:1702.08720; settings are those
of its released code for MNIST. The disturbance: Miyato et al., ICLR 2016, one step of its power
iteration.
Departures: the slope that gives the direction is taken at a disturbance of the final length,
not at one of length 10, which would depend on the units of the data; weights start as PyTorch
starts them; balance is a fixed weight, as in the code, where the paper has a constraint.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, chunks, shuffled_batches
from mmbench.nn.embedded import one_space
from mmbench.nn.encoders import normalised_mlp
from mmbench.nn.information import divergence
from mmbench.nn.losses import entropy
from mmbench.nn.mixed import eval_outputs

# rows whose distances to all others are held at a time
DISTANCE_ROWS = 256


@dataclass(frozen=True)
class IMSAT:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of the network.
        epochs: passes over the training samples.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam.
        information_weight: λ, of the information beside the disturbance.
        balance_weight: μ, of H(c) beside H(c|x).
        radius: length of a disturbance, as a share of the distance to a neighbour.
        neighbour: which one, or the last there is.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

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
        """Cluster paired views, a single one, images (as pixels) or mixed-modal features.

        Args:
            data: trained on `fit_index`, all samples are assigned. The neighbours take
                n_samples² distances, once.
            seed: of the initial weights, the order of the batches and the disturbances.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss, the divergence under disturbance, and
                both entropies, in nats; at checkpoints with the assignments; at the end with
                the logits as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
                train on than clusters, or than two.
        """
        torch.manual_seed(seed)
        x, fitted = one_space(data, seed=seed, device=device)
        if len(fitted) < 2:
            raise IncompatibleDataError(f"{data.name}: needs 2 samples to train on, has 1")
        lengths = self.radius * neighbour_distance(fitted, self.neighbour)
        network = normalised_mlp((x.shape[1], *self.hidden), data.n_clusters).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)

        for epoch in range(self.epochs):
            steps = []
            for rows in shuffled_batches(len(fitted), self.batch_size, device, drop_last=True):
                batch = fitted[rows]
                soft = assigned(network, batch)
                spread, doubt = entropies(soft)
                unsteady = unsteadiness(network, batch, soft, lengths[rows])
                loss = unsteady + self.information_weight * (doubt - self.balance_weight * spread)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, unsteady, spread, doubt]).detach())
            # read once an epoch: reading a number makes the host wait for the device
            mean_loss, *means = torch.stack(steps).mean(dim=0).tolist()
            names = ("divergence", "entropy", "conditional_entropy")
            terms: dict[str, Any] = dict(zip(names, means, strict=True))
            log(epoch, loss=mean_loss, **terms)
            if epoch in shown:
                logits = eval_outputs(network, x)
                y_pred: NDArray[np.int64] = logits.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(epoch, embedding=logits.cpu().numpy())
        return y_pred


def assigned(network: nn.Module, x: Tensor) -> Tensor:
    """Return the soft assignments of rows, (batch, n_clusters) float32."""
    logits: Tensor = network(x)
    return logits.float().softmax(dim=1)


def entropies(soft: Tensor) -> tuple[Tensor, Tensor]:
    """Return H(c) and H(c|x) in nats, two scalars.

    Their difference is the information I(x; c), in [0, log(n_clusters)]: 0 where all samples
    have the same assignment, the bound where each is sure and clusters are equally large.

    Args:
        soft: (batch, n_clusters) soft assignments; rows sum to 1.
    """
    return entropy(soft.mean(dim=0)), entropy(soft) / len(soft)


def unsteadiness(network: nn.Module, x: Tensor, soft: Tensor, lengths: Tensor) -> Tensor:
    """Return how much the worst disturbance changes the assignments, in nats, a scalar.

    It is the mean divergence from the undisturbed assignments, which are taken as given by the
    gradient, at least 0.

    Args:
        network: from rows to logits.
        x: (batch, n_features).
        soft: (batch, n_clusters), the assignments without a disturbance.
        lengths: (batch,), of the disturbances.
    """
    disturbed = x + disturbance(network, x, soft, lengths)
    with running_statistics_kept(network):
        return divergence(soft.detach(), assigned(network, disturbed))


def disturbance(network: nn.Module, x: Tensor, soft: Tensor, lengths: Tensor) -> Tensor:
    """Return the shift of each row that changes its assignment most, about, (batch, n_features).

    It points along the slope of the divergence from the undisturbed assignments, taken at a
    random shift of the same length; where that has no slope it is the random one. No gradient
    flows through it.

    Args:
        network: from rows to logits.
        x: (batch, n_features).
        soft: (batch, n_clusters), the assignments without a disturbance.
        lengths: (batch,), of the shifts.
    """
    # drawn on the CPU, so that a seed means the same on every device
    random = functional.normalize(torch.randn(x.shape)).to(x.device)
    shift = (lengths[:, None] * random).requires_grad_()
    with running_statistics_kept(network):
        change = divergence(soft.detach(), assigned(network, x + shift))
    (slope,) = torch.autograd.grad(change, shift)
    steepest = slope.abs().amax(dim=1, keepdim=True)
    # without the division the squares of small slopes would vanish
    along = functional.normalize(slope / steepest.clamp_min(torch.finfo(slope.dtype).tiny))
    return lengths[:, None] * torch.where(steepest > 0, along, random)


@contextmanager
def running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Let batch normalisation go by the batch, and leave the running means as they are."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d)]
    for layer in norms:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in norms:
            layer.track_running_stats = True


def neighbour_distance(x: Tensor, neighbour: int) -> Tensor:
    """Return the Euclidean distance of each row to one of its neighbours, (n,).

    Args:
        x: (n, n_features), at least two rows.
        neighbour: 1 for the nearest; with fewer rows, the last there is.
    """
    position = min(neighbour, len(x) - 1)  # a row is the nearest to itself, at 0
    with torch.autocast(x.device.type, enabled=False):
        distances = [
            torch.cdist(x[rows], x).topk(position + 1, largest=False).values[:, position]
            for rows in chunks(len(x), DISTANCE_ROWS)
        ]
        return torch.cat(distances)


METHOD = IMSAT
