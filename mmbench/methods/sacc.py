"""SACC: contrastive clustering of images with two weak and one strong augmentation.

Each image is augmented twice weakly (i, j) and once strongly (s). One network maps each
augmentation, as a batch of its own, to z, which is contrasted between images, and to soft
assignments c, which are contrasted between clusters. With l(a, b) for the contrast of two
augmentations, `nt_xent` of z and `cluster_contrast` of c, training minimises

    l(z_i, z_j) + l(z_j, z_s)  +  sigma [l(c_i, c_j) + l(c_i, c_s) + l(c_j, c_s)]

Cosines of z are divided by 0.5, those of clusters by 1. Samples are assigned to their largest
soft assignment, without augmentation.

Source: Deng et al., Strongly Augmented Contrastive Clustering, Pattern Recognition 139 (2023),
arXiv:2206.00380, and the code of its authors.
Departures: the loss is the same for every data set; for STL-10 the code has another one, here
`pairs="stl-10"`, and also trains z on unlabelled images first in each epoch, here
`unlabelled=True`. All draws follow from the seed, and the last epoch is the result. Departures
of the augmentations are listed in `mmbench.nn.augment`. Where the loss of clusters has no
weight, the clusters are those of k-means of z.
As in the code, `strong="normalized"` applies the mean and deviation of ImageNet to the strong
augmentation only, so that the network can recognise it by its range; "plain" does not.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, save_state, saved_state, silent
from mmbench.nn.augment import Augmentation, imagenet_normalized
from mmbench.nn.batches import checkpoints, epoch_means, epochs_for_steps
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.images import image_batches, on_device, predicted
from mmbench.nn.losses import cluster_contrast, imbalance, nt_xent
from mmbench.nn.networks import mlp
from mmbench.nn.preprocessing import require_sample_per_cluster
from mmbench.nn.resnet import Backbone, backbone

N_INSTANCE = 128  # length of z
INSTANCE_TEMPERATURE = 0.5
CLUSTER_TEMPERATURE = 1.0
STARTS = 20  # of k-means

Pairs = Literal["paper", "stl-10"]


@dataclass(frozen=True)
class SACC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: architecture that extracts the features of an image.
        side: of the network's input, in pixels.
        epochs: passes over the images.
        min_steps: small sets get more epochs until they have as many steps. Steps on unlabelled
            images do not count.
        batch_size: images per batch; a last batch that is not full is left out.
        learning_rate: of Adam, constant and without weight decay.
        instance_weight: of the contrast of z.
        cluster_weight: sigma; 0.5 in the paper for CIFAR-100. 0 takes the clusters from k-means
            of z.
        balance_weight: of the term that makes the clusters equally large.
        pairs: which augmentations are contrasted; see `instance_loss` and `cluster_loss`.
        unlabelled: train z, by the contrast of images alone, on the images that the data set has
            besides its samples, before the samples in each epoch.
        strong: "normalized" as published, "plain", or "none" to leave it out.
        jitter: strength of the weak augmentation's colour jitter; 0.5 in the paper for CIFAR.
        weak_blur: blur half of the weakly augmented images; off in the paper for CIFAR and
            STL-10.
        flip: mirror half of the images from left to right.
        rotation: largest angle of both augmentations in degrees.
        min_crop: smallest share of an image's area that a crop keeps.
    """

    backbone: Backbone = "resnet34"
    side: PositiveInt = 224
    epochs: PositiveInt = 1000
    min_steps: NonNegativeInt = 0
    batch_size: PositiveInt = 200
    learning_rate: PositiveFloat = 3e-4
    instance_weight: NonNegativeFloat = 1.0
    cluster_weight: NonNegativeFloat = 1.0
    balance_weight: NonNegativeFloat = 1.0
    pairs: Pairs = "paper"
    unlabelled: bool = False
    strong: Literal["normalized", "plain", "none"] = "normalized"
    jitter: NonNegativeFloat = 1.0
    weak_blur: bool = True
    flip: bool = True
    rotation: NonNegativeFloat = 0.0
    min_crop: Annotated[float, Field(gt=0, le=1)] = 0.08

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster images of any size, trained on those of `fit_index`.

        Logged are every epoch the mean loss, its parts `instance` and `cluster`, and
        `unlabelled`, the loss of the unlabelled images if there are any; at checkpoints the
        assignments; at the end the directions of z as embedding.

        Raises:
            IncompatibleDataError: the data are features, or k-means has fewer samples to train
                on than clusters.
            InputError: `side` is too small for the backbone.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        if not self.cluster_weight:
            require_sample_per_cluster(data)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        unlabelled = images[:0]
        if self.unlabelled:
            unlabelled = on_device(data.unlabelled_images(), self.side, device)
        network = ContrastiveNetwork(self.backbone, images.shape[1], self.side, data.n_clusters)
        network.to(device).train()
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        n_epochs = epochs_for_steps(self.epochs, self.min_steps, len(fit_rows), self.batch_size)
        log_epochs = checkpoints(n_epochs)

        def train(images: Tensor, rows: Tensor, *, clusters: bool = True) -> list[float]:
            steps = []
            for batch in image_batches(images, rows, self.batch_size):
                losses = self.losses(network, batch, clusters=clusters)
                optimiser.zero_grad()
                losses[0].backward()
                optimiser.step()
                steps.append(torch.stack(losses).detach())
            return epoch_means(steps)

        def assignments() -> NDArray[np.int64]:
            if self.cluster_weight:
                y_pred = network.soft_assignments(images).argmax(dim=1)
            else:
                z = network.embedding(images)
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=STARTS)
            return y_pred.cpu().numpy()

        first_epoch, saved = saved_state(log)
        if saved:
            network.load_state_dict(saved["network"])
            optimiser.load_state_dict(saved["optimiser"])
        for epoch in range(first_epoch, n_epochs):
            values: dict[str, Any] = {}
            if len(unlabelled):
                rows = torch.arange(len(unlabelled), device=device)
                values["unlabelled"], *_ = train(unlabelled, rows, clusters=False)
            loss, values["instance"], values["cluster"] = train(images, fit_rows)
            if epoch in log_epochs:
                values["y_pred"] = assignments()
            if epoch == n_epochs - 1:
                values["embedding"] = network.embedding(images).cpu().numpy()
            log(epoch, loss=loss, **values)
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            save_state(log, epoch, state)
        return assignments()

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the augmentations by name: weak and, unless it is left out, strong."""
        weak = Augmentation(
            self.side, self.min_crop, self.flip, self.rotation, self.jitter, self.weak_blur
        )
        if self.strong == "none":
            return {"weak": weak}
        return {"weak": weak, "strong": replace(weak, jitter=0.5, blur=True, operations=5)}

    def losses(
        self, network: "ContrastiveNetwork", batch: Tensor, *, clusters: bool = True
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of one batch and its parts, of z and of clusters, three scalars.

        The batch is (n, channels, height, width) uint8. Without `clusters`, the loss has only the
        part of z.
        """
        augment = self.augmentations()
        # one forward pass each, so that batch norm sees one kind of augmentation at a time
        z_i, c_i = network(augment["weak"](batch))
        z_j, c_j = network(augment["weak"](batch))
        z_s = c_s = None
        if "strong" in augment:
            x_s = augment["strong"](batch)
            z_s, c_s = network(imagenet_normalized(x_s) if self.strong == "normalized" else x_s)
        instance = instance_loss(z_i, z_j, z_s, self.pairs)
        cluster = cluster_loss(c_i, c_j, c_s, self.pairs, self.balance_weight)
        loss = self.instance_weight * instance
        if clusters:
            loss = loss + self.cluster_weight * cluster
        return loss, instance, cluster


class ContrastiveNetwork(nn.Module):
    """A backbone with two projectors, each with one hidden layer as wide as the features.

    Attributes:
        backbone: (batch, channels, side, side) to (batch, n_features).
        instance: features to z, (batch, n_instance); only the directions of its rows matter.
        cluster: features to logits, (batch, n_clusters).
        side: of the input images, in pixels.
    """

    def __init__(self, name: Backbone, channels: int, side: int, n_clusters: int) -> None:
        super().__init__()
        self.side = side
        self.backbone, width = backbone(name, channels, side)
        self.instance = mlp(width, [width], N_INSTANCE)
        self.cluster = mlp(width, [width], n_clusters)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z, (batch, n_instance), and soft assignments, (batch, n_clusters), of images.

        Both are float32, also under autocast.
        """
        h = self.backbone(x)
        return self.instance(h).float(), self.cluster(h).float().softmax(dim=1)

    def soft_assignments(self, images: Tensor) -> Tensor:
        """Return (n, n_clusters) for whole uint8 images, in eval mode, without a gradient."""
        return predicted(self, images, self.side, lambda x: self(x)[1])

    def embedding(self, images: Tensor) -> Tensor:
        """Return the directions of z, (n, n_instance), rows of unit length, likewise."""
        return functional.normalize(predicted(self, images, self.side, lambda x: self(x)[0]))


def instance_loss(i: Tensor, j: Tensor, s: Tensor | None, pairs: Pairs = "paper") -> Tensor:
    """Return the contrast of images over two pairs of augmentations, a scalar.

    The z of the weak augmentations i and j and of the strong one, s, are (n, n_instance) each;
    s = None leaves its pair out. The pairs are (i, j) and (j, s) in the paper, and (i, j) and
    (i, s) for STL-10.
    """
    loss = nt_xent(i, j, INSTANCE_TEMPERATURE)
    if s is None:
        return loss
    return loss + nt_xent(j if pairs == "paper" else i, s, INSTANCE_TEMPERATURE)


def cluster_loss(
    i: Tensor, j: Tensor, s: Tensor | None, pairs: Pairs = "paper", balance_weight: float = 1.0
) -> Tensor:
    """Return the contrast of clusters over pairs of augmentations, a scalar.

    The soft assignments of the weak augmentations i and j and of the strong one, s, are
    (n, n_clusters) each; s = None leaves its pairs out. The pairs are all three in the paper,
    and (i, j) and (i, s) for STL-10. The balance of an augmentation counts once for each pair
    that it is part of; a `balance_weight` of 1 is the published loss.
    """
    contrasted = [(i, j)]
    if s is not None:
        contrasted += [(i, s), (j, s)] if pairs == "paper" else [(i, s)]
    terms = [
        cluster_contrast(p, q, CLUSTER_TEMPERATURE)
        + (balance_weight - 1) * (imbalance(p) + imbalance(q))
        for p, q in contrasted
    ]
    return torch.stack(terms).sum()


METHOD = SACC
