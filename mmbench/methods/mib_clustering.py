"""MIB clustering: assignments that keep what paired views share, and drop what one view adds.

One encoder serves all views, and a cluster head gives soft assignments p_v of view v. Training
maximises the shared information I(p_u; p_v), a mutual information with a larger weight on equal
cluster sizes, and minimises the superfluous information, which one view contains beyond the other,
by the bound KL(p_u || p_v) in both directions. Additional heads with more, finer clusters have the
same two terms and only help to train the encoder. A sample belongs to the cluster with the largest
mean assignment over the views it has.

Views enter by a fixed adapter: a PCA to common dimensions, then a rotation that brings the rows of
a sample together. Without the rotation the views would number the same clusters differently, which
does not affect the shared information and which β is too small to correct. The encoder sees its
input under noise and dropout, drawn anew for each view and step; otherwise it soon fixes the first
partition that it reaches. All views must contain the clusters.

Source: a method of this project. The two terms are a multi-view information bottleneck (Federici
et al., ICLR 2020) of discrete codes; the heads are those of IIC (Ji et al., ICCV 2019).
Departures: none from a publication, since there is none.
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
from torch import Tensor
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.alignment import adapt, rotated
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, shuffled_batches
from mmbench.nn.information import (
    assignment_diagnostics,
    divergence,
    mean_over_views,
    shared_information,
)
from mmbench.nn.networks import AssignmentNetwork, Soft, normalised_mlp, shared_encoders
from mmbench.nn.preprocessing import row_numbers, samples_in_pairs, training_rows

LOGGED_TERMS = ("loss", "shared", "superfluous", "overcluster_shared", "overcluster_superfluous")
Fraction = Annotated[float, Field(ge=0, lt=1)]
# which side of KL(p || r) has no gradient: neither, the bound r, or the assignments p
Detached = Literal["none", "bound", "assignments"]


@dataclass(frozen=True)
class MIBClustering:
    """Hyperparameters of the method.

    Attributes:
        max_features: principal components of each view that the adapter keeps.
        hidden: widths of the encoder, the last one of its output.
        rotate: align the views by rotations before they are encoded.
        shared_encoder: one set of weights for all views instead of one for each.
        overcluster_heads: number of additional heads.
        overcluster_factor: clusters of such a head, as a multiple of `n_clusters`.
        overcluster_weight: γ, of their mean loss beside that of the cluster head.
        entropy_weight: λ, of equal cluster sizes in the shared information; 1 gives the mutual
            information, which leaves clusters empty on small sets.
        superfluous_weight: β, of the superfluous information.
        warmup: fraction of the epochs in which β grows from 0 to its value. The superfluous
            information alone is smallest for a constant output, so it must not dominate first.
        noise: standard deviation of the noise added to the adapted input.
        dropout: fraction of the adapted input that is set to zero.
        alternating: detach one side of each KL divergence, the bound in odd epochs and the
            assignments in even ones.
        epochs: passes over the training samples.
        min_steps: small sets get more epochs until they have as many steps.
        batch_size: halved if there are fewer training samples than four batches; the last batch
            is left out unless it is full.
        learning_rate: of Adam.
    """

    max_features: PositiveInt = 100
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 512)
    rotate: bool = True
    shared_encoder: bool = True
    overcluster_heads: PositiveInt = 5
    overcluster_factor: PositiveInt = 5
    overcluster_weight: NonNegativeFloat = 1.0
    entropy_weight: Annotated[float, Field(ge=1)] = 2.0
    superfluous_weight: NonNegativeFloat = 0.1
    warmup: Fraction = 0.3
    noise: NonNegativeFloat = 0.1
    dropout: Fraction = 0.1
    alternating: bool = False
    epochs: PositiveInt = 100
    min_steps: NonNegativeInt = 300
    batch_size: Annotated[int, Field(ge=2)] = 1024
    learning_rate: PositiveFloat = 1e-3

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two feature views; samples may lack some of them.

        The network is trained on those of `fit_index` that have two views or more. Logged are
        the mean loss, its four terms summed over pairs of views, and β in each epoch; the
        assignments and `assignment_diagnostics` at checkpoints; at the end the mean output of
        the encoder as embedding and the assignments by each view alone.

        Raises:
            IncompatibleDataError: fewer than two views, images, or a view that shares fewer
                than two training samples with others, as in mixed-modal data.
        """
        torch.manual_seed(seed)
        views = data.incomplete_features(at_least=2, held_out=True)
        rows_by_view = row_numbers(data)
        paired = samples_in_pairs(data, rows_by_view)
        widest = max(v.n_features for v in views)
        n_features = min(self.max_features, len(data.fit_index) - 1, widest)
        adapted = [adapt(v.flat(), training_rows(data, v), n_features, seed=seed) for v in views]
        if self.rotate:
            adapted = rotated(adapted, rows_by_view[:, paired])
        inputs = [torch.as_tensor(x, device=device) for x in adapted]
        rows = torch.as_tensor(rows_by_view, device=device)
        fit_rows = torch.as_tensor(rows_by_view[:, paired], device=device)

        widths = (n_features, *self.hidden)
        network = AssignmentNetwork(
            shared_encoders(len(views), widths)
            if self.shared_encoder
            else [normalised_mlp(widths) for _ in views],
            widths[-1],
            data.n_clusters,
            n_heads=self.overcluster_heads,
            n_overclusters=self.overcluster_factor * data.n_clusters,
        ).to(device)
        # fused: one pass over the weights instead of a dozen
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        small = len(paired) < 4 * self.batch_size
        batch_size = max(2, self.batch_size // 2) if small else self.batch_size
        n_batches = max(1, len(paired) // batch_size)
        n_epochs = max(self.epochs, math.ceil(self.min_steps / n_batches))
        logged_epochs = checkpoints(n_epochs)

        for epoch in range(n_epochs):
            warmed_up = min(1.0, epoch / (self.warmup * n_epochs)) if self.warmup else 1.0
            beta = self.superfluous_weight * warmed_up
            weights = torch.outer(
                torch.tensor([1.0, self.overcluster_weight]), torch.tensor([-1.0, beta])
            ).to(device)
            network.train()
            steps = []
            for batch in shuffled_batches(len(paired), batch_size, device, drop_last=True):
                terms = self.batch_terms(network, inputs, fit_rows[:, batch], epoch)
                loss = (weights * terms).sum()
                if loss.requires_grad:  # not if no two samples of the batch share two views
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                steps.append(torch.cat([loss.detach()[None], terms.detach().flatten()]))
            means: dict[str, Any] = dict(zip(LOGGED_TERMS, epoch_means(steps), strict=True))
            log(epoch, beta=beta, **means)
            if epoch in logged_epochs:
                soft = network.assign(inputs)
                mean = mean_over_views(soft, rows)
                y_pred: NDArray[np.int64] = mean.argmax(dim=1).cpu().numpy()
                measured: dict[str, Any] = assignment_diagnostics(soft, mean, rows)
                log(epoch, y_pred=y_pred, **measured)

        # a last row of -1 serves the samples that lack the view, whose row number is -1
        by_view = [np.append(p.argmax(dim=1).cpu().numpy(), -1) for p in soft]
        view_assignments = {
            v.name: y[r] for v, y, r in zip(views, by_view, rows_by_view, strict=True)
        }
        z = [in_chunks(encoder, x) for encoder, x in zip(network.encoders, inputs, strict=True)]
        embedding = mean_over_views(z, rows).cpu().numpy()
        log(n_epochs - 1, embedding=embedding, view_assignments=view_assignments)
        return y_pred

    def batch_terms(
        self, network: AssignmentNetwork, inputs: Sequence[Tensor], rows: Tensor, epoch: int
    ) -> Tensor:
        """Return the `information_terms` of a batch, summed over pairs of views, (2, 2).

        The inputs of each view are (n_rows_v, n_features); `rows`, (n_views, batch), are those of
        `row_numbers`. With `alternating` the epoch decides what is detached.
        """
        detached: Detached = "none"
        if self.alternating:
            detached = "bound" if epoch % 2 else "assignments"
        has = rows >= 0
        soft = {}
        for v, x in enumerate(inputs):
            batch = x[rows[v][has[v]]]
            if len(batch) > 1:  # batch normalisation needs two rows
                noisy = batch + self.noise * torch.randn_like(batch)
                soft[v] = network(functional.dropout(noisy, self.dropout), v)
        terms = torch.zeros(2, 2, device=rows.device)
        for u, v in combinations(soft, 2):
            both = has[u] & has[v]
            if both.any():
                p, q = _masked(soft[u], both[has[u]]), _masked(soft[v], both[has[v]])
                terms = terms + information_terms(p, q, self.entropy_weight, detached)
        return terms


def information_terms(
    p: Soft, q: Soft, entropy_weight: float, detached: Detached = "none"
) -> Tensor:
    """Return the shared and the superfluous information of two views, (2, 2), in nats.

    Rows: the cluster head, the mean of the other heads. Columns: the shared information, at
    most (2λ - 1) log(n_clusters), and the superfluous information, at least 0. The latter is
    the mean of KL(p || q) and KL(q || p), where the assignments of each view serve as the bound
    for the other. It is 0 for any constant output.

    Source: Federici et al., ICLR 2020, section 3 (there for Gaussian codes).
    """
    terms = []
    for a, b in zip(p, q, strict=True):
        shared = shared_information(a, b, entropy_weight=entropy_weight)
        assigned = (a.detach(), b.detach()) if detached == "assignments" else (a, b)
        bound = (b.detach(), a.detach()) if detached == "bound" else (b, a)
        superfluous = (divergence(assigned[0], bound[0]) + divergence(assigned[1], bound[1])) / 2
        terms.append(torch.stack([shared.mean(), superfluous.mean()]))
    return torch.stack(terms)


def _masked(soft: Soft, mask: Tensor) -> Soft:
    return soft if mask.all() else (soft[0][:, mask], soft[1][:, mask])


METHOD = MIBClustering
