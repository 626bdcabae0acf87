"""DM2C: clusters of samples of two modalities, each sample with one of them and none paired.

Each modality has an autoencoder with latent vectors z. A mapping into each of the two latent
spaces translates the vectors of the other one. Since there are no pairs, two conditions
constrain the mappings: a translation there and back is the identity (cycle consistency), and a
critic cannot distinguish translated vectors from native ones. In phase 1 each autoencoder is
trained alone; in phase 2 autoencoders and mappings take a step on every batch, the critics on
every fifth. Finally all samples are moved into the space of one modality and clustered there by
k-means.

Neither condition determines which cluster of one modality corresponds to which of the other:
classes can be permuted without any loss, and seeds differ much.

Source: Jiang, Xu, Yang, Cao & Huang, "DM2C: Deep Mixed-Modal Clustering", NeurIPS 2019, with
sizes, losses and schedule of the released code. That code adds to the paper's objective a
reconstruction of the input after the cycle, takes means over dimensions, and swaps the learning
rates that its options name for autoencoders and generators.
Departures: features are centred, as the paper's PCA would do, and reduced by PCA only above
2048 columns, fitted on the samples to train on instead of all; each modality is divided by one
number (`input_scale`), because the scale of the released features, which are principal
components without scaling, decides how far the critics mix the modalities, and is not that of
other data sets; the first layer is eight times
as wide as the features where that is less than 1024; every batch has at least two rows of each
modality; the batches between two turns of the critics are counted across epochs, so that epochs
of fewer than five batches do not leave them untrained; k-means has scikit-learn's limit of 300
iterations, not 1000.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods import Log, silent
from mmbench.nn.adversarial import (
    CriticKind,
    clip_weights,
    critic_loss,
    generator_loss,
    gradient_penalty,
    leaky_critic,
)
from mmbench.nn.batches import checkpoints, eval_outputs, shuffled_batches
from mmbench.nn.clustering import assign_by_kmeans, kmeans
from mmbench.nn.mixed import (
    MIN_ROWS,
    InputScale,
    MixedTensors,
    ModalityAutoencoders,
    leaky_decoder,
    leaky_encoder,
    mixed_batches,
    mixed_tensors,
)
from mmbench.nn.modalities import mixing, modality_of
from mmbench.nn.networks import reconstruction_error

GENERATOR_TERMS = ("reconstruction", "cycle", "cycle_reconstruction", "adversarial")
CHECKPOINT_STARTS = 2  # of the k-means before the last epoch


@dataclass(frozen=True)
class DM2C:
    """Hyperparameters of the method; the defaults are those published for Wikipedia.

    Attributes:
        widths: of each encoder, as for `ModalityAutoencoders`; the last one is that of z.
        mapping_widths: of the first half of each mapping, which is an autoencoder from z to z.
        generator_output: `leaky` ends a mapping in a LeakyReLU, as published; `linear` does not.
        critic: the kind, see `mmbench.nn.adversarial`; the released code has `naive`.
        critic_every: batches from one turn of the critics to the next.
        critic_steps: of the critics in one turn, on the same batch.
        weight_clip: bound of each weight of a critic, with `wasserstein`.
        gradient_penalty: its weight.
        cycle_weight: of the distance of z from z translated there and back.
        cycle_reconstruction_weight: of the reconstruction from z translated there and back.
        adversarial_weight: of the adversarial terms of generators and critics.
        unify_to: the space to cluster in: `first`, `second`, a view or its modality.
        pretrain_epochs: of phase 1.
        joint_epochs: of phase 2.
        batch_size: rows of one modality in phase 1, of both together in phase 2.
        lr_pretrain: of the two autoencoders in phase 1.
        lr_autoencoder: of both in phase 2.
        lr_mapping: of both mappings.
        lr_critic: of both critics.
        n_init: starts of the last k-means.
        input_scale: `unit-variance` scales each modality, by one factor, to columns with a mean
            variance of 1; `as-prepared` does not scale.
    """

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (1024, 256, 128)
    mapping_widths: tuple[PositiveInt, ...] = (128, 256, 128)
    generator_output: Literal["leaky", "linear"] = "leaky"
    critic: CriticKind = "wasserstein"
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
    input_scale: InputScale = "unit-variance"

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features of two modalities.

        Logged are the mean terms of the loss in each epoch; at checkpoints of phase 2 the
        assignments and the diagnostics of `cluster`; at the end the embedding.

        Raises:
            IncompatibleDataError: samples with several views, more or less than two
                modalities, images, too few samples to train on, or no modality `unify_to`.
        """
        torch.manual_seed(seed)
        tensors = mixed_tensors(data, input_scale=self.input_scale, seed=seed, device=device)
        self._target(data.name, tensors.views)  # an unknown `unify_to` fails before the training
        n_features = [x.shape[1] for x in tensors.inputs]
        network = TranslationNetwork(n_features, self).to(device)
        pretrain(network, tensors, self.lr_pretrain, self.pretrain_epochs, self.batch_size, log)

        trainer = AdversarialTrainer(self, network)
        sizes = [len(x) for x in tensors.fitted]
        logged_epochs = checkpoints(self.joint_epochs)
        last = self.joint_epochs - 1
        for i in range(self.joint_epochs):
            epoch = self.pretrain_epochs + i
            steps = [
                trainer.step([x[r] for x, r in zip(tensors.fitted, rows, strict=True)])
                for rows in mixed_batches(sizes, self.batch_size, device)
            ]
            terms = torch.stack(steps)
            means = terms[:, :-1].mean(dim=0).tolist()
            loss = sum(w * mean for w, mean in zip(trainer.term_weights, means, strict=True))
            mean_terms = dict(zip(GENERATOR_TERMS, means, strict=True))
            critic = float(terms[:, -1].nanmean())
            if not math.isnan(critic):  # short epochs may have no turn of the critics
                mean_terms["critic"] = critic
            log(epoch, loss=loss, **mean_terms)

            if i in logged_epochs:
                n_init = self.n_init if i == last else CHECKPOINT_STARTS
                z, y_pred, diagnostics = self.cluster(
                    network, tensors, data, seed=seed, n_init=n_init
                )
                log(epoch, y_pred=y_pred, embedding=z if i == last else None, **diagnostics)
        return y_pred.cpu().numpy()

    def cluster(
        self,
        network: "TranslationNetwork",
        tensors: MixedTensors,
        data: Dataset,
        *,
        seed: int,
        n_init: int,
    ) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Return the embedding in one space, its clusters, and diagnostics that need no label.

        The diagnostics are those of `mixing`; `translated_variance`, the variance of translated
        vectors divided by that of the native ones, near 0 if the mapping collapsed; and
        `kept_clusters`, the NMI of the clusters of the translated samples with those that k-means
        finds among them before the translation, low if the mapping splits clusters.
        """
        target = self._target(data.name, tensors.views)
        other = 1 - target
        encodings = zip(network.encoders, tensors.inputs, strict=True)
        by_modality = [eval_outputs(encoder, x) for encoder, x in encodings]
        native = by_modality[other]
        translated = by_modality[other] = eval_outputs(network.mappings[target], native)
        z = tensors.in_sample_order(by_modality)
        y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init)

        modality = modality_of(data)
        before = kmeans(native, min(data.n_clusters, len(native)), seed=seed, n_init=2).labels
        diagnostics = mixing(z.cpu(), y_pred.cpu(), modality)
        diagnostics["translated_variance"] = float(
            translated.var(dim=0).sum() / by_modality[target].var(dim=0).sum()
        )
        diagnostics["kept_clusters"] = float(
            normalized_mutual_info_score(before.cpu(), y_pred.cpu()[modality == other])
        )
        return z, y_pred, diagnostics

    def _target(self, dataset: str, views: Sequence[View]) -> int:
        names = [(p, v.name, v.modality) for p, v in zip(("first", "second"), views, strict=True)]
        matching = [i for i, known in enumerate(names) if self.unify_to in known]
        if len(matching) != 1:
            known_names = ", ".join(dict.fromkeys(name for known in names for name in known))
            raise IncompatibleDataError(
                f"{dataset}: unify_to: expected one of {known_names}, got {self.unify_to!r}, which"
                f" names {len(matching)} modalities"
            )
        return matching[0]


def pretrain(
    network: ModalityAutoencoders,
    tensors: MixedTensors,
    learning_rates: Sequence[float],
    epochs: int,
    batch_size: int,
    log: Log,
) -> None:
    """Train the autoencoder of each modality alone, by Adam, and log the errors of each epoch."""
    autoencoders = network.autoencoders
    optimisers = [
        torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), weight_decay=1e-4, fused=True)
        for net, lr in zip(autoencoders, learning_rates, strict=True)
    ]
    names = [f"reconstruction_{view.name}" for view in tensors.views]
    for epoch in range(epochs):
        means = []
        for autoencoder, x, optimiser in zip(autoencoders, tensors.fitted, optimisers, strict=True):
            errors = []
            for rows in shuffled_batches(len(x), batch_size, x.device):
                if len(rows) < MIN_ROWS:
                    continue
                error = reconstruction_error(autoencoder(x[rows]), x[rows])
                optimiser.zero_grad()
                error.backward()
                optimiser.step()
                errors.append(error.detach())
            means.append(torch.stack(errors).mean())
        by_modality = torch.stack(means).tolist()
        log(epoch, loss=sum(by_modality), **dict(zip(names, by_modality, strict=True)))


class Latents(NamedTuple):
    """Latent vectors of a batch by the space that they are in; `n_i` rows are of modality i."""

    native: list[Tensor]  # of the modality of this space, (n_i, n_latent)
    translated: list[Tensor]  # of the other modality, mapped into this space, (n_j, n_latent)
    cycled: list[Tensor]  # native ones, mapped into the other space and back, (n_i, n_latent)


class TranslationNetwork(ModalityAutoencoders):
    """Two latent spaces, each with an autoencoder, a mapping into it and a critic.

    Attributes:
        mappings: from the other space into this one, (batch, n_latent) both.
        critics: score of a row to be native to this space, (batch, n_latent) to (batch, 1).
    """

    def __init__(self, n_features: Sequence[int], method: DM2C) -> None:
        """Build all parts with PyTorch's initial weights, with the widths of `method`."""
        super().__init__(n_features, method.widths)
        n_latent = method.widths[-1]
        widths = [n_latent, *method.mapping_widths]
        linear = method.generator_output == "linear"
        self.mappings = nn.ModuleList(
            nn.Sequential(leaky_encoder(widths), leaky_decoder(widths, linear_output=linear))
            for _ in n_features
        )
        self.critics = nn.ModuleList(leaky_critic(n_latent) for _ in n_features)

    def latents(self, x: Sequence[Tensor]) -> Latents:
        """Encode a batch of each modality, (n_i, n_features_i), and translate it."""
        native = [encoder(xi) for encoder, xi in zip(self.encoders, x, strict=True)]
        translated = [self.mappings[0](native[1]), self.mappings[1](native[0])]
        cycled = [self.mappings[0](translated[1]), self.mappings[1](translated[0])]
        return Latents(native, translated, cycled)


class AdversarialTrainer:
    """Phase 2: trains generators (autoencoders and mappings) and critics in turn.

    Attributes:
        term_weights: of the `GENERATOR_TERMS` in the loss of the generators.
    """

    def __init__(self, method: DM2C, network: TranslationNetwork) -> None:
        """Create the optimisers, with the hyperparameters of `method`."""
        others = method.cycle_weight, method.cycle_reconstruction_weight, method.adversarial_weight
        self.term_weights = (1.0, *others)
        self._method = method
        self._network = network
        self._n_steps = 0
        groups = [
            {"params": network.autoencoders.parameters(), "lr": method.lr_autoencoder},
            {"params": network.mappings.parameters(), "lr": method.lr_mapping},
        ]
        # foreach: one call for all weights instead of one for each
        self._generator_optimiser = torch.optim.RMSprop(groups, foreach=True)
        self._critic_optimiser = torch.optim.RMSprop(
            network.critics.parameters(), lr=method.lr_critic, foreach=True
        )
        network.train()

    def step(self, x: Sequence[Tensor]) -> Tensor:
        """Train on one batch, (n_i, n_features_i) of each modality; return the terms, (5,).

        They are the `GENERATOR_TERMS` and the loss of the critics, NaN if these took no step.
        """
        latents = self._network.latents(x)
        terms = generator_terms(self._network, x, latents, self._method.critic)
        self._generator_optimiser.zero_grad()
        self._critic_optimiser.zero_grad()
        (terms * terms.new_tensor(self.term_weights)).sum().backward()
        self._generator_optimiser.step()

        self._n_steps += 1
        loss = terms.new_tensor(math.nan)
        if self._n_steps % self._method.critic_every == 0:
            for _ in range(self._method.critic_steps):
                loss = self._critic_step(latents)
        return torch.cat([terms.detach(), loss.detach()[None]])

    def _critic_step(self, latents: Latents) -> Tensor:
        method, critics = self._method, self._network.critics
        loss = method.adversarial_weight * total_critic_loss(
            critics, latents, method.critic, method.gradient_penalty
        )
        self._critic_optimiser.zero_grad()
        loss.backward()
        self._critic_optimiser.step()
        if method.critic == "wasserstein":
            clip_weights(critics, method.weight_clip)
        return loss


def generator_terms(
    network: TranslationNetwork, x: Sequence[Tensor], latents: Latents, kind: CriticKind
) -> Tensor:
    """Return the `GENERATOR_TERMS`, each a sum over both modalities, (4,).

    Reconstructions are squared errors and the cycle term is an absolute error, all means over
    rows and features. The adversarial term is the `generator_loss`.
    """
    by_modality = []
    for i, (native, translated, cycled) in enumerate(zip(*latents, strict=True)):
        decoder = network.decoders[i]
        terms = (
            reconstruction_error(decoder(native), x[i]),
            functional.l1_loss(cycled.float(), native.float()),
            reconstruction_error(decoder(cycled), x[i]),
            generator_loss(network.critics[i](translated), kind),
        )
        by_modality.append(torch.stack(terms))
    return torch.stack(by_modality).sum(dim=0)


def total_critic_loss(
    critics: nn.ModuleList, latents: Latents, kind: CriticKind, penalty_weight: float
) -> Tensor:
    """Return the sum of the losses of both critics, a scalar with a gradient for them alone."""
    losses = []
    for critic, native, translated in zip(critics, latents.native, latents.translated, strict=True):
        native, translated = native.detach(), translated.detach()
        losses.append(critic_loss(critic(native), critic(translated), kind))
        if kind == "gradient-penalty":
            losses.append(penalty_weight * gradient_penalty(critic, native, translated))
    return torch.stack(losses).sum()


METHOD = DM2C
