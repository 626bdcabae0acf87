"""MV-IIC: networks of the views that tell as much as they can about each other's assignments.

Each view has its own encoder; all views share a cluster head and several heads with more
clusters. Training maximises the information that the assignments of two views share, summed
over pairs of views, with a little weight on the further heads. The soft assignments of a
sample by all views, side by side, are clustered by k-means.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, On the Effects of Self-supervision and
Contrastive Alignment in Deep Multi-view Clustering (DeepMVC), CVPR 2023, with the loss of Ji,
Henriques & Vedaldi, ICCV 2019. Settings are those of the published code for feature data.
Departures: every seed is a result, where the code keeps the run of lowest loss among five.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, shuffled_batches
from mmbench.nn.encoders import AssignmentNetwork, Soft, normalised_mlp, paired_tensors
from mmbench.nn.information import shared_information
from mmbench.nn.preprocessing import kmeans_assignments

# starts of k-means, at checkpoints and at the end
CHECKPOINT_STARTS, STARTS = 2, 20


@dataclass(frozen=True)
class MVIIC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder.
        n_latent: length of an encoder's output.
        overcluster_heads: how many.
        n_overclusters: clusters of each of them.
        overcluster_weight: of their mean loss beside that of the cluster head.
        entropy_weight: λ, of equal cluster sizes; 1 is the mutual information itself.
        symmetric: take the joint distribution of two views in both orders, as published. Two
            views may then use other halves of the clusters, each for half the classes.
        epochs: passes over the training samples.
        batch_size: samples to a step.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024, 1024)
    n_latent: PositiveInt = 256
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
        """Cluster paired views.

        Args:
            data: at least two views; view v is (n_samples, n_features_v), images are taken
                as pixels. Trained on `fit_index`, all samples are assigned.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and the shared information of the
                two kinds of heads, summed over pairs of views; at checkpoints with the
                assignments and `clusters_used`; at the end with the soft assignments of all
                views side by side as embedding, and the assignments of each view.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, or fewer samples to
                train on than clusters.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders = [normalised_mlp((x.shape[1], *self.hidden), self.n_latent) for x in views]
        network = AssignmentNetwork(
            encoders,
            self.n_latent,
            data.n_clusters,
            n_heads=self.overcluster_heads,
            n_overclusters=self.n_overclusters,
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)
        last = self.epochs - 1

        for epoch in range(self.epochs):
            network.train()
            figures = []
            for rows in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                soft = [network(x[rows], v) for v, x in enumerate(fitted)]
                shared, over = shared_between_pairs(
                    soft, self.entropy_weight, symmetric=self.symmetric
                )
                loss = -shared - self.overcluster_weight * over
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), self.max_gradient)
                optimiser.step()
                figures.append(torch.stack([loss, shared, over]).detach())
            # read once an epoch: reading a number makes the host wait for the device
            means = torch.stack(figures).mean(dim=0).tolist()
            log(epoch, loss=means[0], shared=means[1], overcluster_shared=means[2])
            if epoch in shown:
                by_view = network.assign(views)
                side_by_side = torch.cat(by_view, dim=1).cpu().numpy()
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = kmeans_assignments(side_by_side, data, seed=seed, n_init=n_init)
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))

        chosen = [p.argmax(dim=1).cpu().numpy() for p in by_view]
        view_assignments = {v.name: y for v, y in zip(data.views, chosen, strict=True)}
        log(last, embedding=side_by_side, view_assignments=view_assignments)
        return y_pred


def shared_between_pairs(
    soft: Sequence[Soft], entropy_weight: float, *, symmetric: bool = True
) -> tuple[Tensor, Tensor]:
    """Return the shared information summed over pairs of views, in nats, two scalars.

    Args:
        soft: of each view, for the same samples.
        entropy_weight: λ of `shared_information`.
        symmetric: of the joint of a pair of views, likewise.

    Returns:
        shared: of the cluster head.
        over: the mean over the further heads.
    """
    pairs = list(combinations(soft, 2))
    shared, over = (
        torch.stack(
            [
                shared_information(
                    p[i], q[i], entropy_weight=entropy_weight, symmetric=symmetric
                ).mean()
                for p, q in pairs
            ]
        ).sum()
        for i in range(2)
    )
    return shared, over


METHOD = MVIIC
