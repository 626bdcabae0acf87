"""IIC: clusters of images that are invariant to augmentation, by mutual information.

A network gives soft assignments by several heads. Training maximises the mutual information of
the assignments of an image and of its augmentation, both in heads with as many clusters as
asked for and in auxiliary heads with more clusters, which only improve the features. The two
kinds of heads have passes over the images in turns, the auxiliary heads first. The result is that
of the head of the first kind with the lowest loss, which needs no labels.

Source: Ji, Henriques & Vedaldi, Invariant Information Clustering, ICCV 2019, arXiv:1807.06653,
and the code of its authors, with the settings of its command for CIFAR-10: a ResNet-34 on the edges
(Sobel) of images, crops of 20 of 32 pixels of the image as well as of its augmentations, batches
of 220 images with three augmentations each, and two passes over the images for the clusters after
each pass for the auxiliary heads. The middle of an image, as large as a crop, is assigned.
Departures: the order of images is random in each pass, and a last batch that is not full is left
out; batch normalisation has running statistics for the assignments, not those of a batch; four of
five augmentations change their colours, not all; crops are at any place, not at whole pixels; the
heads have PyTorch's initial weights; the head is chosen by its loss, where the command chooses it
by labels; the last epoch is the result.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.augment import Augmentation, edges
from mmbench.nn.batches import checkpoints, epochs_for_steps
from mmbench.nn.images import centre_crop, image_batches, on_device, predicted
from mmbench.nn.information import shared_information
from mmbench.nn.resnet import Backbone, backbone


@dataclass(frozen=True)
class IIC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: architecture that extracts the features of an image.
        side: of the network's input, in pixels.
        epochs: each has a pass over the images for the auxiliary heads, then `cluster_passes`.
        min_steps: small sets get more epochs until they have as many steps, of all passes.
        cluster_passes: over the images, for the heads with the clusters asked for.
        batch_size: images per batch; joint distributions of many clusters need large batches.
        repeats: augmentations of each image in a batch.
        learning_rate: of Adam.
        heads: number of heads of each kind.
        overclusters: clusters of an auxiliary head, as a multiple of those asked for.
        jitter: strength of the colour jitter.
        flip: mirror half of the augmented images from left to right.
        rotation: largest angle in degrees.
        crop: share of an image's side that a crop keeps.
        sobel: reduce images to their edges; the code does so for colour images.
    """

    backbone: Backbone = "resnet34-pooled"
    side: PositiveInt = 32
    epochs: PositiveInt = 2000
    min_steps: NonNegativeInt = 0
    cluster_passes: PositiveInt = 2
    batch_size: PositiveInt = 220
    repeats: PositiveInt = 3
    learning_rate: PositiveFloat = 1e-4
    heads: PositiveInt = 5
    overclusters: PositiveInt = 7
    jitter: NonNegativeFloat = 0.5
    flip: bool = True
    rotation: NonNegativeFloat = 0.0
    crop: Annotated[float, Field(gt=0, le=1)] = 20 / 32
    sobel: bool = True

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
        network = Network(self, images.shape[1], data.n_clusters).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        augment = self.augmentations()
        passes = ["overcluster"] + ["cluster"] * self.cluster_passes
        min_steps = math.ceil(self.min_steps / len(passes))
        n_epochs = epochs_for_steps(self.epochs, min_steps, len(fit_rows), self.batch_size)
        log_epochs = checkpoints(n_epochs)

        network.train()
        for epoch in range(n_epochs):
            steps: dict[str, list[Tensor]] = {kind: [] for kind in passes}
            for kind in passes:
                for batch in image_batches(images, fit_rows, self.batch_size):
                    crops = network(augment["crop"](batch), kind).repeat(1, self.repeats, 1)
                    augmented = network(augment["weak"](batch.repeat(self.repeats, 1, 1, 1)), kind)
                    losses = -shared_information(crops, augmented)  # (heads,)
                    optimiser.zero_grad()
                    losses.mean().backward()
                    optimiser.step()
                    steps[kind].append(losses.detach())
            means = {kind: torch.stack(taken).mean(dim=0) for kind, taken in steps.items()}
            loss, overcluster = (means[k].mean().item() for k in ("cluster", "overcluster"))
            log(epoch, loss=loss, overcluster=overcluster)
            if epoch in log_epochs:
                middle = centre_crop(images, self.crop)
                soft = network.soft_assignments(middle, head=int(means["cluster"].argmin()))
                y_pred = soft.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(epoch, embedding=soft.cpu().numpy())
        return y_pred

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the random crop, and the crop with all other changes."""
        crop = Augmentation(
            self.side, self.crop**2, flip=False, jitter=0.0, blur=False, fixed_crop=True
        )
        weak = replace(crop, flip=self.flip, rotation=self.rotation, jitter=self.jitter)
        return {"crop": crop, "weak": weak}


class Network(nn.Module):
    """A backbone with linear heads of two kinds, "cluster" and "overcluster"."""

    def __init__(self, method: IIC, channels: int, n_clusters: int) -> None:
        """Build the network for the hyperparameters of `method`."""
        super().__init__()
        self.side, self.sobel, self.n_heads = method.side, method.sobel, method.heads
        channels = 2 if method.sobel else channels
        self.backbone, n_features = backbone(method.backbone, channels, method.side)
        widths = {"cluster": n_clusters, "overcluster": method.overclusters * n_clusters}
        self.heads = nn.ModuleDict(
            {kind: nn.Linear(n_features, self.n_heads * n) for kind, n in widths.items()}
        )

    def forward(self, x: Tensor, kind: str) -> Tensor:
        """Return (heads, batch, clusters) soft assignments by the heads of one kind."""
        logits: Tensor = self.heads[kind](self.backbone(edges(x) if self.sobel else x)).float()
        return logits.view(len(x), self.n_heads, -1).transpose(0, 1).softmax(dim=-1)

    def soft_assignments(self, images: Tensor, head: int) -> Tensor:
        """Return (n, n_clusters) by one head, for uint8 images, in eval mode."""
        return predicted(self, images, self.side, lambda x: self(x, "cluster")[head])


METHOD = IIC
