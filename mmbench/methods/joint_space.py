"""Joint space: both modalities of mixed-modal data encoded into one space, aligned by a critic.

Each modality has an autoencoder. Their latent spaces are taken as one, and the encoders are
trained so that a critic cannot distinguish the modalities of latent vectors; k-means clusters all
vectors together. Only the distribution as a whole connects the modalities.

Source: the first of the two approaches that Jiang, Xu, Yang, Cao & Huang, "DM2C: Deep Mixed-Modal
Clustering", NeurIPS 2019, compare; the adversarial loss is that of Arjovsky et al.,
"Wasserstein GAN", ICML 2017.
Departures: the paper has no experiment with it, so networks, critic, learning rates and schedule
are those of `dm2c` as published, without the mappings and their cycle, and with one critic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.methods.dm2c import CHECKPOINT_STARTS, pretrain
from mmbench.nn.adversarial import clip_weights, leaky_critic
from mmbench.nn.batches import checkpoints, epoch_means, eval_outputs
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.mixed import InputScale, ModalityAutoencoders, mixed_batches, mixed_tensors
from mmbench.nn.modalities import mixing, modality_of
from mmbench.nn.networks import reconstruction_error


@dataclass(frozen=True)
class JointSpace:
    """Hyperparameters of the method; the defaults are those of `dm2c`.

    Attributes:
        widths: of each encoder, as for `ModalityAutoencoders`; the last is that of the space.
        critic_every: batches from one step of the critic to the next.
        weight_clip: bound of each weight of the critic.
        adversarial_weight: of the critic's score gap in the loss of the autoencoders.
        pretrain_epochs: epochs of each autoencoder alone.
        joint_epochs: epochs of both, with the critic.
        batch_size: rows of one modality in pre-training, of both together afterwards.
        lr_pretrain: of the two autoencoders in pre-training.
        lr_autoencoder: of both afterwards.
        lr_critic: of the critic.
        n_init: starts of the last k-means.
        input_scale: of each modality, as for `mixed_tensors`.
    """

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
    input_scale: InputScale = "unit-variance"

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster mixed-modal features of two modalities.

        Logged are the mean terms of the loss in each epoch; at checkpoints after pre-training the
        assignments and `mixing`; at the end the embedding.

        Raises:
            IncompatibleDataError: samples with several views, more or less than two
                modalities, images, or too few samples to train on.
        """
        torch.manual_seed(seed)
        tensors = mixed_tensors(data, input_scale=self.input_scale, seed=seed, device=device)
        modality = modality_of(data)
        network = ModalityAutoencoders([x.shape[1] for x in tensors.inputs], self.widths).to(device)
        critic = leaky_critic(self.widths[-1]).to(device)
        pretrain(network, tensors, self.lr_pretrain, self.pretrain_epochs, self.batch_size, log)

        optimiser = torch.optim.RMSprop(network.parameters(), lr=self.lr_autoencoder, foreach=True)
        critic_optimiser = torch.optim.RMSprop(critic.parameters(), lr=self.lr_critic, foreach=True)
        sizes = [len(x) for x in tensors.fitted]
        logged_epochs = checkpoints(self.joint_epochs)
        last = self.joint_epochs - 1
        n_steps = 0
        for i in range(self.joint_epochs):
            epoch = self.pretrain_epochs + i
            steps = []
            for rows in mixed_batches(sizes, self.batch_size, device):
                x = [inputs[r] for inputs, r in zip(tensors.fitted, rows, strict=True)]
                z = [encoder(xi) for encoder, xi in zip(network.encoders, x, strict=True)]
                decoded = [decoder(zi) for decoder, zi in zip(network.decoders, z, strict=True)]
                errors = [reconstruction_error(a, b) for a, b in zip(decoded, x, strict=True)]
                reconstruction = torch.stack(errors).sum()
                gap = score_gap(critic, z)
                loss = reconstruction + self.adversarial_weight * gap
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, reconstruction, gap]).detach())

                n_steps += 1
                if n_steps % self.critic_every == 0:
                    critic_optimiser.zero_grad()
                    (-score_gap(critic, [zi.detach() for zi in z])).backward()
                    critic_optimiser.step()
                    clip_weights(critic, self.weight_clip)
            means = epoch_means(steps)
            log(epoch, loss=means[0], reconstruction=means[1], score_gap=means[2])

            if i in logged_epochs:
                encodings = zip(network.encoders, tensors.inputs, strict=True)
                embedding = tensors.in_sample_order(
                    [eval_outputs(encoder, inputs) for encoder, inputs in encodings]
                )
                n_init = self.n_init if i == last else CHECKPOINT_STARTS
                y_pred = assign_by_kmeans(embedding, data, seed=seed, n_init=n_init)
                diagnostics: dict[str, Any] = mixing(embedding.cpu(), y_pred.cpu(), modality)
                z_last = embedding if i == last else None
                log(epoch, y_pred=y_pred, embedding=z_last, **diagnostics)
        return y_pred.cpu().numpy()


def score_gap(critic: nn.Module, z: Sequence[Tensor]) -> Tensor:
    """Return the mean score of the first modality minus that of the second, a scalar.

    Its maximum over all critics with a slope of at most 1 is the Wasserstein distance of the latent
    vectors z, (n_i, n_latent).
    """
    first, second = (critic(zi) for zi in z)
    gap: Tensor = first.float().mean() - second.float().mean()
    return gap


METHOD = JointSpace
