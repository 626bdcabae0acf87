"""IIC: clusters of images that are invariant to augmentation, by mutual information.

A network gives soft assignments by several heads. Training maximises the mutual information of
the assignments of an image and of its augmentation, both in heads with as many clusters as
asked for and in auxiliary heads with more clusters, which only improve the features. The two
kinds of heads have epochs of their own, in turns, the auxiliary heads first. The result is that
of the head of the first kind with the lowest loss, which needs no labels.

Source: Ji, Henriques & Vedaldi, Invariant Information Clustering, ICCV 2019, arXiv:1807.06653,
and the code of its authors (its configuration for CIFAR-10).
Departures: the images are augmented as in Contrastive Clustering, without blur, and are not
reduced to their edges (Sobel); each image is in a batch once, together with one augmentation of
it; the last epoch is the result.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.augment import Augmentation
from mmbench.nn.batches import checkpoints
from mmbench.nn.images import image_batches, on_device, predicted, resized
from mmbench.nn.information import shared_information
from mmbench.nn.resnet import Backbone, backbone


@dataclass(frozen=True)
class IIC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: architecture that extracts the features of an image.
        side: of the network's input, in pixels.
        epochs: each has two passes over the images, one for each kind of heads.
        batch_size: images per batch; joint distributions of many clusters need large batches.
        learning_rate: of Adam.
        heads: number of heads of each kind.
        overclusters: clusters of an auxiliary head, as a multiple of those asked for.
        jitter: strength of the colour jitter.
        flip: mirror half of the augmented images from left to right.
        rotation: largest angle in degrees.
        min_crop: smallest share of an image's area that a crop keeps.
    """

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
        """Cluster images of any size, trained on those of `fit_index`.

        Logged are every epoch the mean loss of the heads with the clusters asked for, in nats,
        and `overcluster`, that of the auxiliary heads; at checkpoints the assignments; at the
        end the soft assignments as embedding.

        Raises:
            IncompatibleDataError: the data are features, not images.
            InputError: `side` is too small for the backbone.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        n_overclusters = self.overclusters * data.n_clusters
        network = Network(
            self.backbone, images.shape[1], self.side, self.heads, data.n_clusters, n_overclusters
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        augment = self.augmentations()["weak"]
        log_epochs = checkpoints(self.epochs)

        network.train()
        for epoch in range(self.epochs):
            means = {}
            for kind in ("overcluster", "cluster"):
                steps = []
                for batch in image_batches(images, fit_rows, self.batch_size):
                    plain = network(resized(batch, self.side), kind)
                    augmented = network(augment(batch), kind)
                    losses = -shared_information(plain, augmented)  # (heads,)
                    optimiser.zero_grad()
                    losses.mean().backward()
                    optimiser.step()
                    steps.append(losses.detach())
                means[kind] = torch.stack(steps).mean(dim=0)
            loss, overcluster = (means[k].mean().item() for k in ("cluster", "overcluster"))
            log(epoch, loss=loss, overcluster=overcluster)
            if epoch in log_epochs:
                soft = network.soft_assignments(images, head=int(means["cluster"].argmin()))
                y_pred = soft.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(self.epochs - 1, embedding=soft.cpu().numpy())
        return y_pred

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the augmentation by its name."""
        common = (self.side, self.min_crop, self.flip, self.rotation, self.jitter)
        return {"weak": Augmentation(*common, blur=False)}


class Network(nn.Module):
    """A backbone with linear heads of two kinds, "cluster" and "overcluster"."""

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
        widths = {"cluster": heads * n_clusters, "overcluster": heads * n_overclusters}
        self.heads = nn.ModuleDict({k: nn.Linear(n_features, n) for k, n in widths.items()})
        self.n_heads = heads

    def forward(self, x: Tensor, kind: str) -> Tensor:
        """Return (heads, batch, clusters) soft assignments by the heads of one kind."""
        logits: Tensor = self.heads[kind](self.backbone(x)).float()
        return logits.view(len(x), self.n_heads, -1).transpose(0, 1).softmax(dim=-1)

    def soft_assignments(self, images: Tensor, head: int) -> Tensor:
        """Return (n, n_clusters) by one head, for uint8 images, in eval mode."""
        return predicted(self, images, self.side, lambda x: self(x, "cluster")[head])


METHOD = IIC
