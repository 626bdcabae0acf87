"""Both modalities of mixed-modal data encoded into one space, which a critic polices.

Each modality has an autoencoder. The two latent spaces are taken to be one, and the encoders
are trained so that a critic cannot tell which modality a latent vector came from; k-means then
clusters all vectors together. It is the common way to a joint space, against which DM2C argues
for translating between two: nothing but the distribution as a whole ties one modality to the
other, and a vector need not be translatable back.

Source: the first of the two ways that Jiang, Xu, Yang, Cao & Huang, "DM2C: Deep Mixed-Modal
Clustering", NeurIPS 2019, compare; the adversarial loss is that of Arjovsky et al.,
"Wasserstein GAN", ICML 2017.
Departures: the paper has no experiment of it, so networks, critic, rates and schedule are
those of `dm2c` as published, without the mappings and their cycle, and with a single critic.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.mixed import (
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


@dataclass(frozen=True)
class JointSpace:
    """Hyperparameters of the method; the defaults are those of `dm2c`.

    Attributes:
        widths: of each encoder, the last one of the joint space; the first is at most eight
            times the features. The decoder has them in reverse.
        critic_every: batches from one step of the critic to the next.
        weight_clip: bound of each weight of the critic.
        adversarial_weight: of the critic's word.
        pretrain_epochs: of each autoencoder alone.
        joint_epochs: of both, with the critic.
        batch_size: rows of one modality in pre-training, of both together afterwards.
        lr_pretrain: of the two autoencoders in pre-training.
        lr_autoencoder: of both afterwards.
        lr_critic: of the critic.
        n_init: starts of the last k-means.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (1024, 256, 128)
    critic_every: PositiveInt = 5
    weight_clip: PositiveFloat = 0.05
    adversarial_weight: NonNegativeFloat = 0.5
    pretrain_epochs: NonNegativeInt = 150
    joint_epochs: PositiveInt = 220
    batch_size: Annotated[int, Field(ge=2)] = 128
    lr_pretrain: tuple[PositiveFloat, PositiveFloat] = (1e-4, 1e-5)
    lr_autoencoder: PositiveFloat = 1e-4
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
                checkpoints of the joint phase with assignments (of a k-means of two starts,
                save for the last) and the figures of `mixing`; at the end with the embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: samples with several views, more or less than two
                modalities, images, or too few samples to train on.
        """
        torch.manual_seed(seed)
        both = modalities(data, seed=seed, device=device)
        modality = modality_of(data)
        network = _JointNetwork([x.shape[1] for x in both.inputs], self.widths).to(device)

        pairs = zip(network.encoders, network.decoders, strict=True)
        pretraining = Pretraining(
            [nn.Sequential(*pair) for pair in pairs], both.fitted, self.lr_pretrain, self.batch_size
        )
        for epoch in range(self.pretrain_epochs):
            errors = pretraining.epoch()
            figures: dict[str, Any] = {
                f"reconstruction_{v.name}": e for v, e in zip(both.views, errors, strict=True)
            }
            log(epoch, loss=sum(errors), **figures)

        encoding = [*network.encoders.parameters(), *network.decoders.parameters()]
        optimiser = torch.optim.RMSprop(encoding, lr=self.lr_autoencoder, foreach=True)
        critic_optimiser = torch.optim.RMSprop(
            network.critic.parameters(), lr=self.lr_critic, foreach=True
        )
        sizes = [len(x) for x in both.fitted]
        shown = checkpoints(self.joint_epochs)
        n_batches = 0
        for epoch in range(self.joint_epochs):
            epoch_terms = []
            for rows in mixed_batches(sizes, self.batch_size, device):
                x = [values[r] for values, r in zip(both.fitted, rows, strict=True)]
                z = [encode(xi) for encode, xi in zip(network.encoders, x, strict=True)]
                decoded = [decode(zi) for decode, zi in zip(network.decoders, z, strict=True)]
                pairs_of_rows = zip(decoded, x, strict=True)
                reconstruction = torch.stack(
                    [reconstruction_error(d, xi) for d, xi in pairs_of_rows]
                ).sum()
                distance = score_gap(network.critic, z)
                loss = reconstruction + self.adversarial_weight * distance
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                epoch_terms.append(torch.stack([loss, reconstruction, distance]).detach())

                n_batches += 1
                if n_batches % self.critic_every == 0:
                    critic_optimiser.zero_grad()
                    (-score_gap(network.critic, [zi.detach() for zi in z])).backward()
                    critic_optimiser.step()
                    clip_weights(network.critic, self.weight_clip)
            # read once an epoch: reading a number makes the host wait for the device
            mean_loss, *means = torch.stack(epoch_terms).mean(dim=0).tolist()
            log(
                self.pretrain_epochs + epoch,
                loss=mean_loss,
                reconstruction=means[0],
                score_gap=means[1],
            )

            if epoch in shown:
                last = epoch == self.joint_epochs - 1
                encoders = zip(network.encoders, both.inputs, strict=True)
                embedding = both.stacked([evaluated(encode, x) for encode, x in encoders])
                y_pred = assign_by_kmeans(
                    embedding, data, seed=seed, n_init=self.n_init if last else 2
                )
                figures = dict(mixing(embedding.cpu(), y_pred.cpu(), modality))
                log(
                    self.pretrain_epochs + epoch,
                    y_pred=y_pred,
                    embedding=embedding if last else None,
                    **figures,
                )
        return y_pred.cpu().numpy()


class _JointNetwork(nn.Module):
    def __init__(self, n_features: list[int], widths: tuple[int, ...]) -> None:
        super().__init__()
        first, *deeper = widths
        shapes = [[n, min(first, 8 * n), *deeper] for n in n_features]
        self.encoders = nn.ModuleList(leaky_encoder(shape) for shape in shapes)
        self.decoders = nn.ModuleList(leaky_decoder(shape) for shape in shapes)
        self.critic = leaky_critic(widths[-1])


def score_gap(critic: nn.Module, z: list[Tensor]) -> Tensor:
    """Return the mean score of the first modality less that of the second, a scalar.

    The critic maximises it, the encoders minimise it. Over all critics with a slope of at
    most 1 its maximum is the Wasserstein distance of the two.

    Args:
        critic: (batch, n_latent) to (batch, 1).
        z: (n_i, n_latent) of each modality.
    """
    first, second = (critic(zi) for zi in z)
    gap: Tensor = first.float().mean() - second.float().mean()
    return gap


METHOD = JointSpace
