"""Contrastive clustering (CC) of images: two augmentations, contrasted at two levels.

Each image is augmented twice. One network sees both; its two projectors give z, compared
between images, and soft assignments c, compared between clusters. Training minimises
`nt_xent` of z (cosines divided by 0.5) plus `cluster_contrast` of c (by 1), which also keeps
the clusters equally large. An image's cluster is the largest of its soft assignments, without
augmentation.

Source: Li et al., Contrastive Clustering, AAAI 2021, arXiv:2009.09687, and the code of its
authors.
Departures: all draws follow from the seed, and the last epoch counts; those of the augmentation
are told in `mmbench.nn.augment`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from mmbench.data import Dataset
from mmbench.methods import Log, save_state, saved_state, silent
from mmbench.nn.augment import Augmentation, Weak
from mmbench.nn.batches import checkpoints
from mmbench.nn.contrastive import ContrastiveNetwork, contrastive_epoch
from mmbench.nn.images import on_device
from mmbench.nn.losses import cluster_contrast, nt_xent
from mmbench.nn.resnet import Backbone

INSTANCE_TEMPERATURE = 0.5
CLUSTER_TEMPERATURE = 1.0


@dataclass(frozen=True)
class CC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: of the network.
        side: that images are cut or enlarged to, in pixels.
        epochs: each over all images but a last batch that is not full.
        batch_size: in images.
        learning_rate: of Adam, constant; there is no weight decay.
        jitter: strength of the colours; the paper has 0.5 for CIFAR.
        weak_blur: whether to blur; off in the paper for CIFAR and STL-10.
        flip: whether images may be mirrored; a mirrored digit is none.
        rotation: the largest turn either way, in degrees.
        min_crop: the smallest share of an image that a crop keeps.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    backbone: Backbone = "resnet34"
    side: PositiveInt = 224
    epochs: PositiveInt = 1000
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4
    jitter: NonNegativeFloat = 1.0
    weak_blur: bool = True
    flip: bool = True
    rotation: NonNegativeFloat = 0.0
    min_crop: Annotated[float, Field(gt=0, le=1)] = 0.08

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster images.

        Args:
            data: images of any size. Trained on `fit_index`, all samples are assigned.
            seed: of the initial weights, the order of the batches and the augmentations.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its parts `instance` and
                `cluster`; at checkpoints with the assignments; at the end with the directions
                of z as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: the data are features, not images.
            InputError: `side` is too small for the backbone.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        network = ContrastiveNetwork(self.backbone, images.shape[1], self.side, data.n_clusters).to(
            device
        )
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)

        def assignments() -> NDArray[np.int64]:
            y_pred: Tensor = network.soft_assignments(images).argmax(dim=1)
            return y_pred.cpu().numpy()

        network.train()
        first_epoch, saved = saved_state(log)
        if saved:
            network.load_state_dict(saved["network"])
            optimiser.load_state_dict(saved["optimiser"])
        for epoch in range(first_epoch, self.epochs):
            means: dict[str, Any] = contrastive_epoch(
                partial(self.losses, network), images, fit_rows, optimiser, self.batch_size
            )
            last = epoch == self.epochs - 1
            log(
                epoch,
                y_pred=assignments() if epoch in shown else None,
                embedding=network.embedding(images).cpu().numpy() if last else None,
                **means,
            )
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            save_state(log, epoch, state)
        return assignments()

    def losses(self, network: ContrastiveNetwork, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of one batch and its parts, of z and of clusters, scalars.

        Args:
            network: in training mode.
            batch: (n, channels, height, width) uint8.
        """
        augment = self.augmentations()["weak"]
        # one after the other: a batch norm sees one augmentation at a time
        z_i, c_i = network(augment(batch, None))
        z_j, c_j = network(augment(batch, None))
        instance = nt_xent(z_i, z_j, INSTANCE_TEMPERATURE)
        cluster = cluster_contrast(c_i, c_j, CLUSTER_TEMPERATURE)
        return instance + cluster, instance, cluster

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the augmentation by its name, for a sheet to judge it by eye."""
        return {
            "weak": Weak(
                self.side, self.min_crop, self.flip, self.rotation, self.jitter, self.weak_blur
            )
        }


METHOD = CC
