"""DM2C: clusters of samples that have one modality each, none of them paired.

Each modality has an autoencoder with latent vectors z. A mapping into each of the two latent
spaces translates the vectors of the other one. Without pairs it is held by two conditions:
there and back again is the identity (cycle consistency), and a critic cannot tell translated
vectors from native ones. The training has phases:

1. pre-training: each autoencoder alone;
2. joint: autoencoders and mappings step on every batch, the critics on every fifth.

Then all samples are moved into the space of one modality, and k-means clusters them there.

Neither condition says which cluster of one modality belongs to which of the other: classes
may come out permuted without any loss, and seeds differ much. `mixing` says what can be seen
of that without labels.

Source: Jiang, Xu, Yang, Cao & Huang, "DM2C: Deep Mixed-Modal Clustering", NeurIPS 2019, with
sizes, losses and schedule of the released code, which adds to the paper's objective a
reconstruction of the input after the cycle, takes means over dimensions, and gives the
autoencoders the rate that its options name as that of the generators, and the reverse.
Departures: the features are centred, as the paper's PCA would do, and reduced by PCA only
from above 2048 columns, fitted on the samples to train on instead of all; the first layer is
eight times as wide as the features where that is less than 1024; every batch has at least two
rows of each modality; the critics' turn is counted on through the epochs, so that they have
one where an epoch has fewer than five batches (the same for the paper's data, of fifteen
batches); k-means is seeded and has scikit-learn's limits, 300 rounds at most instead of 1000.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints
from mmbench.nn.clustering import assign_by_kmeans, kmeans
from mmbench.nn.mixed import (
    Modalities,
    Pretraining,
    clip_weights,
    evaluated,
    leaky_critic,
    leaky_decoder,
    leaky_encoder,
    mixed_batches,
    modalities,
)
from mmbench.nn.modalities import mixing, modality_of
from mmbench.nn.networks import reconstruction_error

Critic = Literal["wasserstein", "naive", "gradient-penalty"]

GENERATOR_TERMS = ("reconstruction", "cycle", "cycle_reconstruction", "adversarial")


@dataclass(frozen=True)
class DM2C:
    """Hyperparameters of the method; the defaults are those published for Wikipedia.

    Attributes:
        widths: of each encoder, the last one of z; the first is at most eight times the
            features. The decoder has them in reverse.
        mapping_widths: of each mapping, an autoencoder's shape from z to z; the last one is of
            its own code.
        generator_output: `leaky` ends a mapping in a LeakyReLU, as published, although native
            vectors pass none; `linear` leaves it out.
        critic: `wasserstein` clips the critics' weights; `gradient-penalty` keeps their slope
            near 1 instead; `naive` is binary cross-entropy, the default of the released code.
        critic_every: batches from one turn of the critics to the next.
        critic_steps: of the critics in one turn, on the same batch.
        weight_clip: bound of each weight of a critic, with `wasserstein`.
        gradient_penalty: its weight.
        cycle_weight: of the distance of z from z translated there and back.
        cycle_reconstruction_weight: of the reconstruction from z translated there and back.
        adversarial_weight: of the critics' word.
        unify_to: the space to cluster in: `first`, `second`, a view or its modality.
        pretrain_epochs: of phase 1.
        joint_epochs: of phase 2.
        batch_size: rows of one modality in phase 1, of both together in phase 2.
        lr_pretrain: of the two autoencoders in phase 1.
        lr_autoencoder: of both in phase 2.
        lr_mapping: of both mappings.
        lr_critic: of both critics.
        n_init: starts of the last k-means.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (1024, 256, 128)
    mapping_widths: tuple[PositiveInt, ...] = (128, 256, 128)
    generator_output: Literal["leaky", "linear"] = "leaky"
    critic: Critic = "wasserstein"
    critic_every: PositiveInt = 5
    critic_steps: PositiveInt = 1
    weight_clip: PositiveFloat = 0.05
    gradient_penalty: PositiveFloat = 10.0
    cycle_weight: NonNegativeFloat = 1.0
    cycle_reconstruction_weight: NonNegativeFloat = 1.0
    adversarial_weight: NonNegativeFloat = 0.5
    unify_to: str = "first"
    pretrain_epochs: NonNegativeInt = 150
    joint_epochs: PositiveInt = 220
    batch_size: Annotated[int, Field(ge=2)] = 128
    lr_pretrain: tuple[PositiveFloat, PositiveFloat] = (1e-4, 1e-5)
    lr_autoencoder: PositiveFloat = 1e-4
    lr_mapping: PositiveFloat = 5e-4
    lr_critic: PositiveFloat = 5e-5
    n_init: PositiveInt = 20

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features.

        Args:
            data: two modalities, view v is (n_rows_v, n_features_v). Trained on `fit_index`,
                all samples are assigned, to the nearest centroid.
            seed: of the initial weights, the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the terms of the loss, means over the batches; at
                checkpoints of phase 2 with assignments (of a k-means of two starts, save for
                the last), the figures of `mixing`, and two of the translation:
                `translated_variance`, the variance of translated vectors over that of the
                native ones, near 0 where the mapping collapsed; and `kept_clusters`, the NMI
                of the clusters of the translated samples with those that k-means finds among
                them before, low where the mapping tears clusters apart; at the end with the
                embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: samples with several views, more or less than two
                modalities, images, too few samples to train on, or no modality `unify_to`.
        """
        torch.manual_seed(seed)
        both = modalities(data, seed=seed, device=device)
        self._target(data.name, both.views)  # a wrong name is told before the training
        network = Translation(
            [x.shape[1] for x in both.inputs],
            self.widths,
            self.mapping_widths,
            linear_output=self.generator_output == "linear",
        ).to(device)

        pretraining = Pretraining(
            network.autoencoders, both.fitted, self.lr_pretrain, self.batch_size
        )
        for epoch in range(self.pretrain_epochs):
            errors = pretraining.epoch()
            figures: Any = {
                f"reconstruction_{v.name}": e for v, e in zip(both.views, errors, strict=True)
            }
            log(epoch, loss=sum(errors), **figures)

        game = Game(self, network)
        sizes = [len(x) for x in both.fitted]
        shown = checkpoints(self.joint_epochs)
        for epoch in range(self.joint_epochs):
            terms = []
            for rows in mixed_batches(sizes, self.batch_size, device):
                terms.append(game.batch([x[r] for x, r in zip(both.fitted, rows, strict=True)]))
            # read once an epoch: reading a number makes the host wait for the device
            epoch_terms = torch.stack(terms)
            generator = epoch_terms[:, :-1].mean(dim=0).tolist()
            figures = dict(zip(GENERATOR_TERMS, generator, strict=True))
            loss = sum(w * t for w, t in zip(game.weights, generator, strict=True))
            critic = float(epoch_terms[:, -1].nanmean())
            if not math.isnan(critic):  # an epoch of few batches may have no step of the critic
                figures["critic"] = critic
            log(self.pretrain_epochs + epoch, loss=loss, **figures)

            if epoch in shown:
                last = epoch == self.joint_epochs - 1
                z, y_pred, figures = self._clustered(
                    network, both, data, seed, n_init=self.n_init if last else 2
                )
                log(
                    self.pretrain_epochs + epoch,
                    y_pred=y_pred,
                    embedding=z if last else None,
                    **figures,
                )
        return y_pred.cpu().numpy()

    def _clustered(
        self, network: "Translation", both: Modalities, data: Dataset, seed: int, *, n_init: int
    ) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Return the unified embedding, its clusters, and what can be said without labels."""
        target = self._target(data.name, both.views)
        other = 1 - target
        parts = [
            evaluated(encode, x) for encode, x in zip(network.encoders, both.inputs, strict=True)
        ]
        native = parts[other]
        parts[other] = evaluated(network.into[target], native)
        z = both.stacked(parts)
        y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init)

        modality = modality_of(data)
        before = kmeans(native, min(data.n_clusters, len(native)), seed=seed, n_init=2).labels
        figures = mixing(z.cpu(), y_pred.cpu(), modality)
        figures["translated_variance"] = float(
            parts[other].var(dim=0).sum() / parts[target].var(dim=0).sum()
        )
        figures["kept_clusters"] = float(
            normalized_mutual_info_score(before.cpu(), y_pred.cpu()[modality == other])
        )
        return z, y_pred, figures

    def _target(self, name: str, views: tuple[View, ...]) -> int:
        """Return the position of the modality that `unify_to` names."""
        names = [(p, v.name, v.modality) for p, v in zip(("first", "second"), views, strict=True)]
        found = [i for i, known in enumerate(names) if self.unify_to in known]
        if len(found) != 1:
            told = ", ".join(dict.fromkeys(word for known in names for word in known))
            raise IncompatibleDataError(
                f"{name}: unify_to: expected one of {told}, got {self.unify_to!r}, which names"
                f" {len(found)} modalities"
            )
        return found[0]


class Latents(NamedTuple):
    """Latent vectors of a batch by the space they are in; `n_i` rows came from modality i.

    Attributes:
        native: z of the modality of this space, (n_i, n_latent).
        translated: of the other modality, (n_j, n_latent).
        cycled: the native ones, translated into the other space and back, (n_i, n_latent).
    """

    native: list[Tensor]
    translated: list[Tensor]
    cycled: list[Tensor]


class Translation(nn.Module):
    """Two latent spaces, each with an autoencoder, a mapping into it and a critic.

    Attributes:
        encoders: of the modality of each space, (batch, n_features) to (batch, n_latent).
        decoders: back.
        into: from the other space into this one, (batch, n_latent) both.
        critics: whether a row is native to this space, (batch, n_latent) to (batch, 1).
    """

    def __init__(
        self,
        n_features: list[int],
        widths: tuple[int, ...],
        mapping_widths: tuple[int, ...],
        *,
        linear_output: bool,
    ) -> None:
        """Build all parts with PyTorch's initial weights."""
        super().__init__()
        first, *deeper = widths
        n_latent = widths[-1]
        shapes = [[n, min(first, 8 * n), *deeper] for n in n_features]
        self.encoders = nn.ModuleList(leaky_encoder(shape) for shape in shapes)
        self.decoders = nn.ModuleList(leaky_decoder(shape) for shape in shapes)
        mapping = [n_latent, *mapping_widths]
        self.into = nn.ModuleList(
            nn.Sequential(
                leaky_encoder(mapping), leaky_decoder(mapping, linear_output=linear_output)
            )
            for _ in shapes
        )
        self.critics = nn.ModuleList(leaky_critic(n_latent) for _ in shapes)

    @property
    def autoencoders(self) -> nn.ModuleList:
        """Encoder and decoder of each modality in a row, (batch, n_features) both."""
        pairs = zip(self.encoders, self.decoders, strict=True)
        return nn.ModuleList(nn.Sequential(*pair) for pair in pairs)

    def latents(self, x: list[Tensor]) -> Latents:
        """Encode a batch of each modality, (n_i, n_features_i), and translate it."""
        native = [encode(xi) for encode, xi in zip(self.encoders, x, strict=True)]
        translated = [self.into[0](native[1]), self.into[1](native[0])]
        cycled = [self.into[0](translated[1]), self.into[1](translated[0])]
        return Latents(native, translated, cycled)


class Game:
    """The two sides of phase 2: their optimisers, and whose turn it is.

    Attributes:
        weights: of `GENERATOR_TERMS` in the loss of the generators' side.
    """

    def __init__(self, method: DM2C, network: Translation) -> None:
        """Begin, with the hyperparameters of `method`."""
        self.weights = (
            1.0,
            method.cycle_weight,
            method.cycle_reconstruction_weight,
            method.adversarial_weight,
        )
        self._method = method
        self._network = network
        self._n_batches = 0
        groups = [
            {"params": network.autoencoders.parameters(), "lr": method.lr_autoencoder},
            {"params": network.into.parameters(), "lr": method.lr_mapping},
        ]
        # foreach: one call for all weights instead of one for each
        self._generator = torch.optim.RMSprop(groups, foreach=True)
        self._critic = torch.optim.RMSprop(
            network.critics.parameters(), lr=method.lr_critic, foreach=True
        )
        network.train()

    def batch(self, x: list[Tensor]) -> Tensor:
        """Train on one batch, (n_i, n_features_i) of each modality.

        Returns:
            The `GENERATOR_TERMS` and the critics' loss, (5,), detached; the last is NaN where
            it was not the critics' turn.
        """
        method, network = self._method, self._network
        latents = network.latents(x)
        terms = generator_terms(network, x, latents, method.critic)
        self._generator.zero_grad()
        self._critic.zero_grad()
        (terms * terms.new_tensor(self.weights)).sum().backward()
        self._generator.step()

        self._n_batches += 1
        critic = terms.new_tensor(float("nan"))
        if self._n_batches % method.critic_every == 0:
            for _ in range(method.critic_steps):
                critic = self._critic_step(latents)
        return torch.cat([terms.detach(), critic.detach()[None]])

    def _critic_step(self, latents: Latents) -> Tensor:
        method, network = self._method, self._network
        loss = method.adversarial_weight * critics_loss(
            network, latents, method.critic, method.gradient_penalty
        )
        self._critic.zero_grad()
        loss.backward()
        self._critic.step()
        if method.critic == "wasserstein":
            clip_weights(network.critics, method.weight_clip)
        return loss


def generator_terms(
    network: Translation, x: list[Tensor], latents: Latents, critic: Critic
) -> Tensor:
    """Return the `GENERATOR_TERMS`, each a sum over both modalities, (4,).

    Reconstructions are squared errors, the cycle's distance is the absolute one, all means
    over rows and features, at least 0. The adversarial term of `wasserstein` and
    `gradient-penalty` is minus the mean score of translated rows, without a bound; that of
    `naive` their cross-entropy with "native".

    Args:
        network: not changed, but for the running statistics of its layers.
        x: (n_i, n_features_i), the batch.
        latents: of the batch, not detached: every term reaches the encoders too.
        critic: which.
    """
    reconstruction, cycle, cycle_reconstruction, adversarial = [], [], [], []
    for i, native in enumerate(latents.native):
        cycled = latents.cycled[i]
        reconstruction.append(reconstruction_error(network.decoders[i](native), x[i]))
        cycle.append(functional.l1_loss(cycled.float(), native.float()))
        cycle_reconstruction.append(reconstruction_error(network.decoders[i](cycled), x[i]))
        adversarial.append(persuasion(network.critics[i](latents.translated[i]), critic))
    terms = (reconstruction, cycle, cycle_reconstruction, adversarial)
    return torch.stack([torch.stack(term).sum() for term in terms])


def critics_loss(
    network: Translation, latents: Latents, critic: Critic, penalty_weight: float
) -> Tensor:
    """Return what both critics minimise, a scalar; no gradient leaves them.

    Args:
        network: its critics alone are used.
        latents: of a batch.
        critic: which.
        penalty_weight: of `gradient_penalty`, with the critic of that name.
    """
    losses = []
    for i, judge in enumerate(network.critics):
        native, translated = latents.native[i].detach(), latents.translated[i].detach()
        losses.append(discrimination(judge(native), judge(translated), critic))
        if critic == "gradient-penalty":
            losses.append(penalty_weight * gradient_penalty(judge, native, translated))
    return torch.stack(losses).sum()


def persuasion(translated: Tensor, critic: Critic) -> Tensor:
    """Return the loss of a mapping whose rows have these scores, (n, 1), a scalar."""
    scores = translated.float()
    return functional.softplus(-scores).mean() if critic == "naive" else -scores.mean()


def discrimination(native: Tensor, translated: Tensor, critic: Critic) -> Tensor:
    """Return the loss of a critic that gives these scores, (n_i, 1) and (n_j, 1), a scalar.

    Except for `naive`, the mean score of translated rows less that of native ones, without a
    bound. `naive` is half the sum of the cross-entropies, at least 0, and log 2 where all
    scores are 0.
    """
    native, translated = native.float(), translated.float()
    if critic == "naive":
        return (functional.softplus(-native).mean() + functional.softplus(translated).mean()) / 2
    return translated.mean() - native.mean()


def gradient_penalty(critic: nn.Module, native: Tensor, translated: Tensor) -> Tensor:
    """Return the mean of (length of the critic's slope - 1)² between both kinds, a scalar.

    The slope is taken at random points between a native and a translated row, as many as the
    smaller of the two has rows.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NIPS 2017, equation 3.

    Args:
        critic: (batch, n_latent) to (batch, 1).
        native: (n_i, n_latent), detached.
        translated: (n_j, n_latent), detached.
    """
    n = min(len(native), len(translated))
    weight = torch.rand(n, 1).to(native.device)  # drawn on the CPU: the same on every device
    between = torch.lerp(native[:n].float(), translated[:n].float(), weight).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return functional.mse_loss(slope.norm(dim=1), torch.ones(n, device=slope.device))


METHOD = DM2C
