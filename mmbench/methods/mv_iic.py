"""MV-IIC: view networks trained to maximise the mutual information of their assignments.

Each view has its own encoder; all views share a cluster head and several heads with more
clusters. Training maximises the information that the assignments of two views share, summed
over pairs of views, with a small weight on the additional heads. The soft assignments of a
sample by all views are concatenated and clustered by k-means.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, On the Effects of Self-supervision and
Contrastive Alignment in Deep Multi-view Clustering (DeepMVC), CVPR 2023, with the loss of Ji,
Henriques & Vedaldi, ICCV 2019. The settings and both encoders are those of the published code;
the convolutional one has 1024 outputs for images of 28 pixels a side. For images of 64 pixels the
code has a third block, here `kernels: [3, 3, 3]`.
Departures: every seed is a result, where the code keeps the run of lowest loss among five, at its
checkpoint of lowest loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, paired_tensors, shuffled_batches
from mmbench.nn.encoders import Encoder, view_encoders
from mmbench.nn.information import shared_information
from mmbench.nn.networks import AssignmentNetwork, Soft
from mmbench.nn.preprocessing import kmeans_assignments

CHECKPOINT_STARTS, STARTS = 2, 20  # of k-means


@dataclass(frozen=True)
class MVIIC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        encoder: of the views, see `mmbench.nn.encoders`.
        hidden: widths of a dense encoder.
        n_latent: length of a dense encoder's output.
        kernels: of a convolutional encoder.
        channels: of a convolutional encoder.
        overcluster_heads: number of additional heads.
        n_overclusters: clusters of each of them.
        overcluster_weight: of their mean loss beside that of the cluster head.
        entropy_weight: λ, of equal cluster sizes; 1 gives the mutual information.
        symmetric: use the joint distribution of two views in both orders, as published.
        epochs: passes over the training samples.
        batch_size: the last batch is left out unless it is full.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
    """

    encoder: Encoder = "auto"
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024, 1024)
    n_latent: PositiveInt = 256
    kernels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (3, 3)
    channels: PositiveInt = 64
    overcluster_heads: PositiveInt = 5
    n_overclusters: PositiveInt = 100
    overcluster_weight: NonNegativeFloat = 0.01
    entropy_weight: Annotated[float, Field(ge=1)] = 1.5
    symmetric: bool = True
    epochs: PositiveInt = 100
    batch_size: Annotated[int, Field(ge=2)] = 100
    learning_rate: PositiveFloat = 1e-3
    max_gradient: PositiveFloat = 10.0

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired views, of features or images (as pixels).

        Logged are the mean loss and the shared information of both kinds of heads in each epoch;
        assignments and `clusters_used` at checkpoints; at the end the concatenated soft
        assignments as embedding, and the assignments by each view.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, fewer samples to
                train on than clusters, or views that the encoder does not fit.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders, n_latent = view_encoders(
            data,
            self.encoder,
            hidden=self.hidden,
            n_latent=self.n_latent,
            kernels=self.kernels,
            channels=self.channels,
        )
        network = AssignmentNetwork(
            encoders,
            n_latent,
            data.n_clusters,
            n_heads=self.overcluster_heads,
            n_overclusters=self.n_overclusters,
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        logged_epochs = checkpoints(self.epochs)
        last = self.epochs - 1

        for epoch in range(self.epochs):
            network.train()
            steps = []
            for rows in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                soft = [network(x[rows], v) for v, x in enumerate(fitted)]
                shared, overcluster_shared = information_of_pairs(
                    soft, self.entropy_weight, symmetric=self.symmetric
                )
                loss = -shared - self.overcluster_weight * overcluster_shared
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), self.max_gradient)
                optimiser.step()
                steps.append(torch.stack([loss, shared, overcluster_shared]).detach())
            means = epoch_means(steps)
            log(epoch, loss=means[0], shared=means[1], overcluster_shared=means[2])
            if epoch in logged_epochs:
                by_view = network.assign(views)
                embedding = torch.cat(by_view, dim=1).cpu().numpy()
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = kmeans_assignments(embedding, data, seed=seed, n_init=n_init)
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))

        names = [view.name for view in data.views]
        chosen = [p.argmax(dim=1).cpu().numpy() for p in by_view]
        log(last, embedding=embedding, view_assignments=dict(zip(names, chosen, strict=True)))
        return y_pred


def information_of_pairs(
    soft: Sequence[Soft], entropy_weight: float, *, symmetric: bool = True
) -> tuple[Tensor, Tensor]:
    """Return the `shared_information` summed over pairs of views, in nats, two scalars.

    The first is that of the cluster head, the second the mean over the additional heads.
    """

    def summed(head: int) -> Tensor:
        pairs = combinations([s[head] for s in soft], 2)
        informations = [
            shared_information(p, q, entropy_weight=entropy_weight, symmetric=symmetric)
            for p, q in pairs
        ]
        return torch.stack([information.mean() for information in informations]).sum()

    return summed(0), summed(1)


METHOD = MVIIC
