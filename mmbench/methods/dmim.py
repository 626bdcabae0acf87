"""DMIM: clusters that paired views share, from a trunk that all views pass, in full batches.

A trunk with one batch normalisation for all views has a cluster head, an over-cluster head and a
Gaussian code. Training maximises the mutual information between the soft assignments of the views
(L1), draws the code towards a standard normal prior (L2), and balances the clusters of one view
by targets from Sinkhorn's iteration (L3). One view alone assigns the samples to clusters.

Source: Mao, Yan, Guo & Ye, Deep Mutual Information Maximin for Cross-Modal Clustering, AAAI 2021,
and the code of the first author, which counts where it and the paper may differ.
Departures: the last epoch is the result, where the code keeps the epoch of highest accuracy.
Cells of a joint distribution below 1e-8 are raised to it, instead of those below 2.2e-16. The
iteration of Sinkhorn is computed on logarithms, since powers of peaked assignments underflow. The
code accepts two views of 100 features; here L1 is summed over pairs of views and L2 over views, and
views of different widths are first reduced to common ones by a PCA of each.
L2 is a mean over samples and features, hence about 1 / n_features of a divergence by samples, and
hardly affects the training; `superfluous_reduction` "batchmean" makes it that divergence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, shuffled_batches
from mmbench.nn.information import assignment_diagnostics, shared_information, widened
from mmbench.nn.networks import normalised_mlp
from mmbench.nn.preprocessing import Matrix, principal, require_samples

TERMS = ("shared", "overcluster_shared", "superfluous", "balance")


@dataclass(frozen=True)
class DMIM:
    """Hyperparameters of the method; the defaults are those of the released code.

    Attributes:
        overcluster_factor: clusters of the over-cluster head, as a multiple of `n_clusters`.
        shared_trunk: one trunk for all views instead of one for each.
        overcluster_weight: of the information of the over-cluster head.
        superfluous_weight: of L2.
        superfluous_reduction: "mean" over samples and features, or "batchmean" over samples.
        balance_weight: of L3.
        balance_view: the position of the view that L3 balances, or "all".
        assignment_view: the position of the view that assigns the samples, or "mean" for the
            mean assignment of all views.
        target_interval: epochs between new targets of L3.
        scale: use the views as stored, divided by the root of their mean square ("unit"), or with
            rows divided by their length ("rows").
        max_features: principal components of each view, where the views differ in width.
        epochs: passes over the training samples.
        batch_size: None for all training samples in one batch. The last batch is left out unless
            it is full.
        learning_rate: of Adam.
    """

    overcluster_factor: PositiveInt = 10
    shared_trunk: bool = True
    overcluster_weight: NonNegativeFloat = 1.0
    superfluous_weight: NonNegativeFloat = 1.0
    superfluous_reduction: Literal["mean", "batchmean"] = "mean"
    balance_weight: NonNegativeFloat = 0.5
    balance_view: NonNegativeInt | Literal["all"] = 0
    assignment_view: NonNegativeInt | Literal["mean"] = 0
    target_interval: PositiveInt = 5
    scale: Literal["stored", "unit", "rows"] = "stored"
    max_features: PositiveInt = 100
    epochs: PositiveInt = 500
    batch_size: Annotated[int, Field(ge=2)] | None = None
    learning_rate: PositiveFloat = 5e-4

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired views, of features or images (as pixels).

        Logged are the mean loss and its terms, without their weights, in each epoch; the
        assignments and `assignment_diagnostics` at checkpoints; at the end the output of the
        trunk for the view that assigns, as embedding, and the assignments by each view.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, fewer than two samples
                to train on, or no view at the position of `balance_view` or `assignment_view`.
        """
        torch.manual_seed(seed)
        arrays = data.paired_features(at_least=2, pixels=True, held_out=True)
        require_samples(data, 2)
        all_views = range(len(arrays))
        for name in ("balance_view", "assignment_view"):
            if getattr(self, name) not in (*all_views, "all", "mean"):
                raise IncompatibleDataError(
                    f"{data.name}: {name} expected in 0..{len(arrays) - 1}, got"
                    f" {getattr(self, name)}"
                )
        balanced = all_views if self.balance_view == "all" else [self.balance_view]
        assigning = all_views if self.assignment_view == "mean" else [self.assignment_view]

        adapted = common_features(arrays, data, self.scale, self.max_features, seed=seed)
        views = [torch.as_tensor(x, device=device) for x in adapted]
        fit_index = torch.as_tensor(data.fit_index, device=device)
        fitted = [x[fit_index] for x in views]
        network = Network(
            views[0].shape[1],
            data.n_clusters,
            self.overcluster_factor * data.n_clusters,
            n_trunks=1 if self.shared_trunk else len(views),
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        weights = torch.tensor(
            [-1.0, -self.overcluster_weight, self.superfluous_weight, self.balance_weight],
            device=device,
        )
        logged_epochs = checkpoints(self.epochs)
        rows_by_view = torch.arange(data.n_samples, device=device).expand(len(views), -1)
        targets: list[Tensor] = []

        for epoch in range(self.epochs):
            network.train()
            steps = []
            targets_are_due = epoch % self.target_interval == 0
            size = self.batch_size or len(fit_index)
            for rows in shuffled_batches(len(fit_index), size, device, drop_last=True):
                batch = [x[rows] for x in fitted]
                soft = [network(x, v) for v, x in enumerate(batch)]
                codes = [network.draw_code(x, v) for v, x in enumerate(batch)]
                if targets_are_due:
                    # as released: by a pass of its own in training mode, which also updates the
                    # running statistics of batch normalisation
                    with torch.no_grad():
                        targets = [balanced_targets(network(fitted[v], v)[0]) for v in balanced]
                    targets_are_due = False
                pairs = list(zip(balanced, targets, strict=True))
                # the softmax of cross_entropy is a second one, as released
                balance = [functional.cross_entropy(soft[v][0], t[rows]) for v, t in pairs]
                superfluous = superfluous_term(codes, self.superfluous_reduction)
                shared = shared_terms(soft)
                terms = torch.stack([*shared, superfluous, torch.stack(balance).sum()])
                loss = weights @ terms
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.cat([loss.detach()[None], terms.detach()]))
            means: dict[str, Any] = dict(zip(("loss", *TERMS), epoch_means(steps), strict=True))
            log(epoch, **means)
            if epoch in logged_epochs:
                by_view = network.assign(views)
                mean = torch.stack([by_view[v] for v in assigning]).mean(dim=0)
                y_pred: NDArray[np.int64] = mean.argmax(dim=1).cpu().numpy()
                measured: dict[str, Any] = assignment_diagnostics(by_view, mean, rows_by_view)
                log(epoch, y_pred=y_pred, **measured)

        outputs = [in_chunks(network.trunk(v), views[v]) for v in assigning]
        names = [view.name for view in data.views]
        chosen = [p.argmax(dim=1).cpu().numpy() for p in by_view]
        log(
            self.epochs - 1,
            embedding=torch.stack(outputs).mean(dim=0).cpu().numpy(),
            view_assignments=dict(zip(names, chosen, strict=True)),
        )
        return y_pred


class Network(nn.Module):
    """A trunk, two heads for soft assignments, and a Gaussian code, all as wide as the input."""

    def __init__(
        self, n_features: int, n_clusters: int, n_overclusters: int, *, n_trunks: int
    ) -> None:
        """Draw the weights of all layers from a normal distribution; biases are 0."""
        super().__init__()
        widths = [n_features] * 3
        self.trunks = nn.ModuleList(normalised_mlp(widths) for _ in range(n_trunks))
        self.clusters = nn.Linear(n_features, n_clusters)
        self.overclusters = nn.Linear(n_features, n_overclusters)
        self.code = nn.Linear(n_features, 2 * n_features)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def trunk(self, view: int) -> nn.Module:
        """Return the trunk of a view, (batch, n_features) to (batch, n_features)."""
        return self.trunks[view if len(self.trunks) > 1 else 0]

    def forward(self, x: Tensor, view: int) -> tuple[Tensor, Tensor]:
        """Return soft assignments, (batch, n_clusters) and (batch, n_overclusters)."""
        h = self.trunk(view)(x)
        heads = (self.clusters, self.overclusters)
        soft, over = (widened(head(h)).softmax(dim=1) for head in heads)
        return soft, over

    def assign(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the soft assignments of all rows of each view, (n_rows, n_clusters).

        They have no gradient. The network is in eval mode afterwards.
        """
        self.eval()
        heads = [nn.Sequential(self.trunk(v), self.clusters) for v in range(len(views))]
        return [in_chunks(head, x).softmax(dim=1) for head, x in zip(heads, views, strict=True)]

    def draw_code(self, x: Tensor, view: int) -> Tensor:
        """Return a reparametrised draw of the code of each row, (batch, n_features)."""
        mean, scale = widened(self.code(self.trunk(view)(x))).chunk(2, dim=1)
        return mean + (functional.softplus(scale) + 1e-7) * torch.randn_like(mean)


def shared_terms(soft: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the information that views share, by cluster and over-cluster heads, in nats.

    It is the mutual information of the symmetrised joint distribution of two views, summed over
    pairs of views, two scalars. `soft` has the output of `Network` for each view.
    """
    pairs = list(combinations(soft, 2))
    clusters, over = (
        torch.stack([shared_information(a[i], b[i]) for a, b in pairs]) for i in (0, 1)
    )
    return clusters.sum(), over.sum()


def superfluous_term(codes: Sequence[Tensor], reduction: str) -> Tensor:
    """Return KL(p || softmax(z)) summed over views, a scalar, at least 0.

    p is the softmax over features of a fresh draw of the standard normal prior, the same for all
    views; z are the `codes` of each view, (n_samples, n_features). The divergences are divided by
    the number of cells ("mean") or of samples ("batchmean").
    """
    prior = torch.randn_like(codes[0]).softmax(dim=1)
    divergences = [functional.kl_div(z.log_softmax(dim=1), prior, reduction="sum") for z in codes]
    return torch.stack(divergences).sum() / (prior.numel() if reduction == "mean" else len(prior))


def balanced_targets(soft: Tensor) -> Tensor:
    """Return a cluster for each sample, (n_samples,) int64, such that clusters are about equal.

    The tenth power of the soft assignments, (n_samples, n_clusters), is scaled by Sinkhorn's
    iteration until each sample and each cluster has the same mass, within a relative change of
    .01 in sum, which is looked at every tenth round, or for 75 rounds. A sample is assigned to its
    largest cell.
    """
    n_samples, n_clusters = soft.shape
    cells = 10 * soft.double().clamp_min(torch.finfo(soft.dtype).tiny).log()
    samples = torch.full_like(cells[:, :1], -math.log(n_samples))
    for round_number in range(75):
        clusters = -math.log(n_clusters) - (cells + samples).logsumexp(dim=0, keepdim=True)
        before = samples
        samples = -math.log(n_samples) - (cells + clusters).logsumexp(dim=1, keepdim=True)
        if round_number % 10 == 0 and (before - samples).expm1().abs().sum() <= 1e-2:
            break
    return (cells + clusters).argmax(dim=1)


def common_features(
    arrays: Sequence[Matrix], data: Dataset, scale: str, max_features: int, *, seed: int
) -> list[Matrix]:
    """Return the views, scaled, with the same number of features, (n_samples, n_features) each.

    Views of one width are only scaled. Others are reduced to their principal components, at most
    `max_features`, as many as the narrowest view has columns, and fewer than samples to train on.
    Components and "unit" scales are fitted on the samples to train on.
    """

    def scaled(x: Matrix) -> Matrix:
        if scale == "stored":
            return x
        squares = np.square(x, dtype=np.float64)
        of_rows = squares.sum(axis=1, keepdims=True) ** 0.5
        divisor = of_rows if scale == "rows" else squares[data.fit_index].mean() ** 0.5
        return (x / np.where(divisor > 0, divisor, 1)).astype(np.float32)

    views = [scaled(x) for x in arrays]
    widths = {x.shape[1] for x in views}
    if len(widths) == 1:
        return views
    n_features = max(1, min(max_features, len(data.fit_index) - 1, *widths))
    return [principal(x, n_features, data.fit_index, seed=seed) for x in views]


METHOD = DMIM
