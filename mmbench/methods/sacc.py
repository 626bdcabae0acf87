"""SACC: contrastive clustering of images with two weak and one strong augmentation.

Each image is augmented twice weakly (i, j) and once strongly (s). One network sees all three,
each as a batch of its own; its two projectors give z, compared between images, and soft
assignments c, compared between clusters. With the contrast l of two augmentations, `nt_xent` of
z and `cluster_contrast` of c, training minimises

    l(z_i, z_j) + l(z_j, z_s)  +  sigma [l(c_i, c_j) + l(c_i, c_s) + l(c_j, c_s)]

Cosines of z are divided by 0.5, those of clusters by 1. An image's cluster is the largest of
its soft assignments, without augmentation.

Source: Deng et al., Strongly Augmented Contrastive Clustering, Pattern Recognition 139 (2023),
arXiv:2206.00380, and the code of its authors.
Departures: every data set has the same loss; the code of the paper has another for STL-10,
here `pairs="stl-10"`, and there first trains z on unlabelled images in each epoch, here
`unlabelled=True`. Unlike the code, all draws follow from the seed, and the last epoch counts. Those of
the augmentations are told in `mmbench.nn.augment`. Without a loss of clusters, the clusters are
those of k-means of z.
As in the code, `strong="normalized"` takes ImageNet's mean and deviation from the strong
augmentation alone, so its range tells the network which one it sees; "plain" does not.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Generator, Tensor

from mmbench.data import Dataset
from mmbench.methods import Log, save_state, saved_state, silent
from mmbench.nn.augment import Augmentation, Strong, Weak, imagenet_normalized
from mmbench.nn.batches import checkpoints
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.contrastive import ContrastiveNetwork, contrastive_epoch
from mmbench.nn.images import on_device
from mmbench.nn.losses import cluster_contrast, imbalance, nt_xent
from mmbench.nn.preprocessing import require_sample_per_cluster
from mmbench.nn.resnet import Backbone

INSTANCE_TEMPERATURE = 0.5
CLUSTER_TEMPERATURE = 1.0
STARTS = 20  # of k-means

Pairs = Literal["paper", "stl-10"]


@dataclass(frozen=True)
class SACC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        backbone: of the network.
        side: that images are cut or enlarged to, in pixels.
        epochs: each over all images but a last batch that is not full.
        batch_size: in images.
        learning_rate: of Adam, constant; there is no weight decay.
        instance_weight: of the loss of z.
        cluster_weight: sigma; the paper has 0.5 for CIFAR-100. 0: clusters by k-means of z.
        balance_weight: of the part of the loss of clusters that wants them equally large.
        pairs: which augmentations are contrasted.
        unlabelled: whether each epoch first trains z, by the contrast of images alone, on the
            images that a data set has beyond its samples; most have none.
        strong: "normalized" as published, "plain", or "none" to leave it out.
        jitter: strength of the colours of the weak augmentation; the paper has 0.5 for CIFAR.
        weak_blur: whether the weak augmentation blurs; off in the paper for CIFAR and STL-10.
        flip: whether images may be mirrored; a mirrored digit is none.
        rotation: the largest turn of both augmentations either way, in degrees.
        min_crop: the smallest share of an image that a crop keeps.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    backbone: Backbone = "resnet34"
    side: PositiveInt = 224
    epochs: PositiveInt = 1000
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
        """Cluster images.

        Args:
            data: images of any size. Trained on `fit_index`, all samples are assigned.
            seed: of the initial weights, the order of the batches and the augmentations.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its parts `instance` and
                `cluster`, and `unlabelled`, that of the images beyond the samples; at
                checkpoints with the assignments; at the end with the directions of z as
                embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: the data are features, not images.
            InputError: `side` is too small for the backbone.
        """
        torch.manual_seed(seed)
        if not self.cluster_weight:
            require_sample_per_cluster(data)
        images = on_device(data.images(held_out=True), self.side, device)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        unlabelled = images[:0]
        if self.unlabelled:
            unlabelled = on_device(data.unlabelled_images(), self.side, device)
        network = ContrastiveNetwork(self.backbone, images.shape[1], self.side, data.n_clusters).to(
            device
        )
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)

        def assignments() -> NDArray[np.int64]:
            if self.cluster_weight:
                y_pred = network.soft_assignments(images).argmax(dim=1)
            else:
                z = network.embedding(images)
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=STARTS)
            return y_pred.cpu().numpy()

        network.train()
        first_epoch, saved = saved_state(log)
        if saved:
            network.load_state_dict(saved["network"])
            optimiser.load_state_dict(saved["optimiser"])
        for epoch in range(first_epoch, self.epochs):
            beyond: dict[str, Any] = {}
            if len(unlabelled):
                losses = partial(self.losses, network, clusters=False)
                rows = torch.arange(len(unlabelled), device=device)
                told = contrastive_epoch(losses, unlabelled, rows, optimiser, self.batch_size)
                beyond["unlabelled"] = told["loss"]
            means: dict[str, Any] = contrastive_epoch(
                partial(self.losses, network), images, fit_rows, optimiser, self.batch_size
            )
            last = epoch == self.epochs - 1
            log(
                epoch,
                y_pred=assignments() if epoch in shown else None,
                embedding=network.embedding(images).cpu().numpy() if last else None,
                **means,
                **beyond,
            )
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            save_state(log, epoch, state)
        return assignments()

    def augmentations(self) -> dict[str, Augmentation]:
        """Return the augmentations by name: weak and, unless it is left out, strong."""
        weak = Weak(self.side, self.min_crop, self.flip, self.rotation, self.jitter, self.weak_blur)
        if self.strong == "none":
            return {"weak": weak}
        return {"weak": weak, "strong": Strong(self.side, self.min_crop, self.flip, self.rotation)}

    def losses(
        self,
        network: ContrastiveNetwork,
        batch: Tensor,
        generator: Generator | None = None,
        *,
        clusters: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of one batch and its parts, of z and of clusters, scalars.

        Args:
            network: in training mode.
            batch: (n, channels, height, width) uint8.
            generator: of the augmentations, on the CPU; by default the global one.
            clusters: whether the loss has the part of clusters.
        """
        augment = self.augmentations()
        # one after the other: a batch norm sees one kind of augmentation at a time
        z_i, c_i = network(augment["weak"](batch, generator))
        z_j, c_j = network(augment["weak"](batch, generator))
        z_s = c_s = None
        if "strong" in augment:
            x_s = augment["strong"](batch, generator)
            z_s, c_s = network(imagenet_normalized(x_s) if self.strong == "normalized" else x_s)
        instance = instance_loss(z_i, z_j, z_s, self.pairs)
        cluster = cluster_loss(c_i, c_j, c_s, self.pairs, self.balance_weight)
        loss = self.instance_weight * instance
        if clusters:
            loss = loss + self.cluster_weight * cluster
        return loss, instance, cluster


def instance_loss(i: Tensor, j: Tensor, s: Tensor | None, pairs: Pairs = "paper") -> Tensor:
    """Return the contrast of images over two pairs of augmentations, a scalar.

    Args:
        i: (n, n_instance), of the first weak augmentation.
        j: likewise, of the second.
        s: likewise, of the strong one. None: the first pair alone.
        pairs: (i, j) and (j, s) in the paper; (i, j) and (i, s) for STL-10.
    """
    loss = nt_xent(i, j, INSTANCE_TEMPERATURE)
    if s is None:
        return loss
    return loss + nt_xent(j if pairs == "paper" else i, s, INSTANCE_TEMPERATURE)


def cluster_loss(
    i: Tensor, j: Tensor, s: Tensor | None, pairs: Pairs = "paper", balance_weight: float = 1.0
) -> Tensor:
    """Return the contrast of clusters over pairs of augmentations, a scalar.

    The balance of an augmentation counts once for each pair that it is in.

    Args:
        i: (n, n_clusters) soft assignments, of the first weak augmentation.
        j: likewise, of the second.
        s: likewise, of the strong one. None: the first pair alone.
        pairs: all three in the paper; (i, j) and (i, s) for STL-10.
        balance_weight: of the balance; 1 is the published loss.
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
