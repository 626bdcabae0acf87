"""IIC: images whose cluster survives augmentation, by invariant information.

A network gives soft assignments by several heads. Training maximises the information that the
assignments of an image share with those of its augmentation: in the heads that have as many
clusters as asked for, and in others that have more, whose only purpose is better features. Each
kind has its own epochs, in turns, the others first. The head of the first kind with the lowest
loss, which needs no labels, tells the clusters.

Source: Ji, Henriques & Vedaldi, Invariant Information Clustering, ICCV 2019, arXiv:1807.06653,
and the code of its authors (the setting for CIFAR-10).
Departures: the images are augmented as in Contrastive Clustering, without blur, and are not
reduced to their edges (Sobel); each image is in a batch once, beside one augmentation of it;
the last epoch counts.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.augment import Augmentation, Weak
from mmbench.nn.batches import checkpoints, in_chunks, shuffled_batches
from mmbench.nn.images import on_device, resized
from mmbench.nn.information import shared_information
from mmbench.nn.resnet import Backbone, backbone


@dataclass(frozen=True)
class IIC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: of the network.
        side: that images are cut or enlarged to, in pixels.
        epochs: each is two passes over the images, one for each kind of heads.
        batch_size: in images; joint distributions of many clusters need many.
        learning_rate: of Adam.
        heads: of each kind.
        overclusters: clusters of a head of the other kind, for each one asked for.
        jitter: strength of the colours of the augmentation.
        flip: whether images may be mirrored.
        rotation: the largest turn of the augmentation either way, in degrees.
        min_crop: the smallest share of an image that a crop keeps.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    backbone: Backbone = "resnet34-small"
    side: PositiveInt = 32
    epochs: PositiveInt = 2000
    batch_size: PositiveInt = 660
    learning_rate: PositiveFloat = 1e-4
    heads: PositiveInt = 5
    overclusters: PositiveInt = 7
    jitter: NonNegativeFloat = 0.5
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
            log: called once an epoch with the mean loss of the heads that tell clusters, in
                nats, and `overcluster`, that of the others; at checkpoints with the
                assignments; at the end with the soft assignments as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: the data are features, not images.
            InputError: `side` is too small for the backbone.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        n_overclusters = self.overclusters * data.n_clusters
        network = _Network(
            self.backbone, images.shape[1], self.side, self.heads, data.n_clusters, n_overclusters
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        augment = self.augmentations()["weak"]
        shown = checkpoints(self.epochs)

        network.train()
        for epoch in range(self.epochs):
            means = {}
            for kind in ("overcluster", "cluster"):
                steps = []
                batches = shuffled_batches(len(fit_rows), self.batch_size, device, drop_last=True)
                for rows in batches:
                    batch = images[fit_rows[rows]]
                    plain = network(resized(batch, self.side), kind)
                    augmented = network(augment(batch, None), kind)
                    losses = -shared_information(plain, augmented)  # (heads,)
                    optimiser.zero_grad()
                    losses.mean().backward()
                    optimiser.step()
                    steps.append(losses.detach())
                means[kind] = torch.stack(steps).mean(dim=0)
            log(
                epoch,
                loss=means["cluster"].mean().item(),
                overcluster=means["overcluster"].mean().item(),
            )
            if epoch in shown:
                soft = network.soft_assignments(images, head=int(means["cluster"].argmin()))
                y_pred = soft.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(self.epochs - 1, embedding=soft.cpu().numpy())
        return y_pred

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the augmentation by its name, for a sheet to judge it by eye."""
        return {
            "weak": Weak(
                self.side, self.min_crop, self.flip, self.rotation, self.jitter, blur=False
            )
        }


class _Network(nn.Module):
    """A backbone with linear heads of two kinds."""

    def __init__(
        self,
        name: Backbone,
        channels: int,
        side: int,
        heads: int,
        n_clusters: int,
        n_overclusters: int,
    ) -> None:
        super().__init__()
        self.side = side
        self.backbone, n_features = backbone(name, channels, side)
        self.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.heads = nn.ModuleDict(
            {
                "cluster": nn.Linear(n_features, heads * n_clusters),
                "overcluster": nn.Linear(n_features, heads * n_overclusters),
            }
        )
        self.n_heads = heads

    def forward(self, x: Tensor, kind: str) -> Tensor:
        """Return (heads, batch, clusters) soft assignments by the heads of one kind."""
        h = self.backbone(x.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.heads[kind](h).float()
        return logits.view(len(x), self.n_heads, -1).transpose(0, 1).softmax(dim=-1)

    def soft_assignments(self, images: Tensor, head: int) -> Tensor:
        """Return (n, n_clusters) by one head, for uint8 images, in eval mode."""
        self.eval()
        soft = in_chunks(lambda x: self(resized(x, self.side), "cluster")[head], images, 500)
        self.train()
        return soft


METHOD = IIC
