"""CMMC: contrastive clustering of paired views at two levels of features.

Each view has an autoencoder, whose latent vectors z keep what is specific to the view. Two
modules shared by all views map z to high-level features h and to soft assignments. Contrast
between views applies to these two only: to the rows of h and to the columns of the assignments.
Training has three phases:

1. pre-training: reconstruction, in batches;
2. joint training: reconstruction and both contrasts, in batches;
3. k-means of h in each view, once, then fine-tuning of encoders and assignments towards these
   clusters, separately for each view, one step per epoch on all samples. Every step first
   matches the numbers of the clusters to those of the assignments.

A sample is assigned to the cluster with the largest mean assignment over the views.

Source: Xu et al., Contrastive Multi-Modal Clustering, arXiv:2106.11193 v1. The full text of
v1 is not available, so sizes, losses and schedule are those of the code of its second version
(MFLVC, CVPR 2022), which has the same four parts.
Departures: k-means is seeded, the number of joint epochs is the same for all data sets, a
batch is never larger than the data (the code does not train on fewer samples than a batch),
and fine-tuning accumulates its gradient over chunks of large data.
As in the code, and unlike the text of CVPR: reconstruction is a mean over features, the
balance of clusters counts once for each pair of views, and fine-tuning takes the log-softmax
of soft assignments (`double_softmax`), so that its loss is at least
log(1 + (n_clusters - 1) / e).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.methods.ae_kmeans import by_view, reconstruction_epoch
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, paired_tensors, shuffled_batches
from mmbench.nn.clustering import kmeans, match
from mmbench.nn.losses import cluster_contrast, nt_xent
from mmbench.nn.networks import Autoencoder, reconstruction_error
from mmbench.nn.preprocessing import require_sample_per_cluster

FEATURE_TEMPERATURE = 0.5
LABEL_TEMPERATURE = 1.0
STARTS = 100  # of k-means
# rows for which fine-tuning holds all hidden layers of a view: about 250 MB at the published
# widths
FINETUNE_ROWS = 16_384
# rows for the similarity of views; more would not change its digits
CKA_ROWS = 10_000


@dataclass(frozen=True)
class CMMC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder; the decoder has them in reverse.
        n_latent: length of z.
        n_high_level: length of h.
        pretrain_epochs: of phase 1.
        joint_epochs: of phase 2.
        finetune_epochs: of phase 3; 0 leaves it out.
        batch_size: of phases 1 and 2; a last batch that is not full is left out.
        learning_rate: of one Adam for all phases.
        reconstruction_weight: in phase 2.
        feature_weight: of the contrast of h.
        label_weight: of the contrast of assignments.
        double_softmax: fine-tune with the log-softmax of the assignments, as the code does, not
            of the logits.
    """

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 512
    n_high_level: PositiveInt = 128
    pretrain_epochs: NonNegativeInt = 200
    joint_epochs: NonNegativeInt = 50
    finetune_epochs: NonNegativeInt = 50
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4
    reconstruction_weight: NonNegativeFloat = 1.0
    feature_weight: NonNegativeFloat = 1.0
    label_weight: NonNegativeFloat = 1.0
    double_softmax: bool = True

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired views, trained on `fit_index`; images are taken as pixels.

        Logged are every epoch the mean loss and its parts, with the reconstruction error of each
        view; at checkpoints of the whole schedule the assignments; around the joint phase
        `cka_z_before`, `cka_h_before`, `cka_z_after` and `cka_h_after`, the mean over pairs of
        views of the `linear_cka` of z and of h on the samples to train on; at the end the mean
        of h over the views as embedding, and the assignments of each view.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, or, with
                fine-tuning, fewer samples to train on than clusters.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device, min_fit=1)
        if self.finetune_epochs:
            require_sample_per_cluster(data)
        widths = [x.shape[1] for x in views]
        network = Network(widths, self.hidden, self.n_latent, self.n_high_level, data.n_clusters)
        network.to(device)
        # fused: one pass over the weights and moments instead of a dozen
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        start_joint = self.pretrain_epochs
        start_finetune = start_joint + self.joint_epochs
        n_epochs = start_finetune + self.finetune_epochs
        log_epochs = checkpoints(n_epochs)

        def log_epoch(epoch: int, loss: float, **terms: Any) -> None:
            y_pred = mean_assignment(network.soft(views)) if epoch in log_epochs else None
            log(epoch, loss=loss, y_pred=y_pred, **terms)

        # phase 1: pre-training
        for epoch in range(start_joint):
            errors = reconstruction_epoch(network.autoencoders, fitted, optimiser, self.batch_size)
            log_epoch(epoch, sum(errors), **by_view(data, errors))

        # phase 2: joint training
        if self.joint_epochs:
            log(max(start_joint - 1, 0), **network.shared_information(fitted, "before"))
        for epoch in range(start_joint, start_finetune):
            loss, feature, label, *errors = self.joint_epoch(network, fitted, optimiser)
            contrast = {"feature_contrast": feature, "label_contrast": label}
            log_epoch(epoch, loss, **contrast, **by_view(data, errors))
        if self.joint_epochs:
            log(start_finetune - 1, **network.shared_information(fitted, "after"))

        # phase 3: k-means, and fine-tuning towards its clusters
        if self.finetune_epochs:
            clusters = pseudo_labels(network, fitted, seed=seed)
        for epoch in range(start_finetune, n_epochs):
            optimiser.zero_grad()
            loss = add_finetune_gradients(network, fitted, clusters, self.double_softmax)
            optimiser.step()
            log_epoch(epoch, loss)

        soft = network.soft(views)
        embedding = torch.stack(network.high_level(views)).mean(dim=0)
        pairs = zip(data.views, soft, strict=True)
        by_name = {view.name: p.argmax(dim=1).cpu().numpy() for view, p in pairs}
        log(max(n_epochs - 1, 0), embedding=embedding.cpu().numpy(), view_assignments=by_name)
        return mean_assignment(soft)

    def joint_epoch(
        self, network: "Network", views: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> list[float]:
        """Train one epoch; return the mean loss, its two contrasts, and the error by view."""
        steps = []
        n, device = len(views[0]), views[0].device
        for rows in shuffled_batches(n, self.batch_size, device, drop_last=True):
            batch = [x[rows] for x in views]
            z = [net.encoder(x) for net, x in zip(network.autoencoders, batch, strict=True)]
            decoded = [net.decoder(a) for net, a in zip(network.autoencoders, z, strict=True)]
            errors = [reconstruction_error(d, x) for d, x in zip(decoded, batch, strict=True)]
            feature, label = contrasts(
                [network.features(a) for a in z],
                [network.labels(a).float().softmax(dim=1) for a in z],
            )
            loss = (
                self.reconstruction_weight * torch.stack(errors).sum()
                + self.feature_weight * feature
                + self.label_weight * label
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps.append(torch.stack([loss, feature, label, *errors]).detach())
        return epoch_means(steps)


class Network(nn.Module):
    """An autoencoder for each view, and two modules shared by all views.

    Since the views share `labels`, cluster j of one view is cluster j of the others.

    Attributes:
        autoencoders: of the views, x to z and back.
        features: z to high-level features h, before normalisation.
        labels: z to the logits of the soft assignments.
    """

    def __init__(
        self,
        widths: Sequence[int],
        hidden: Sequence[int],
        n_latent: int,
        n_high_level: int,
        n_clusters: int,
    ) -> None:
        """Build the network for views with `widths` features."""
        super().__init__()
        autoencoders = nn.ModuleList(Autoencoder(n, hidden, n_latent) for n in widths)
        # the type of a ModuleList does not include that of its modules
        self.autoencoders = cast(Sequence[Autoencoder], autoencoders)
        self.features = nn.Linear(n_latent, n_high_level)
        self.labels = nn.Linear(n_latent, n_clusters)

    def low_level(self, views: Sequence[Tensor], *heads: nn.Module) -> list[Tensor]:
        """Return z of each view, (n_samples, n_latent), or a head of z, without a gradient."""
        pairs = zip(self.autoencoders, views, strict=True)
        return [in_chunks(nn.Sequential(net.encoder, *heads), x) for net, x in pairs]

    def high_level(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return normalised h of each view, (n_samples, n_high_level), without a gradient."""
        return [functional.normalize(h) for h in self.low_level(views, self.features)]

    def soft(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the soft assignments of each view, (n_samples, n_clusters), no gradient."""
        return [logits.softmax(dim=1) for logits in self.low_level(views, self.labels)]

    def shared_information(self, views: Sequence[Tensor], when: str) -> dict[str, Any]:
        """Return `cka_z_{when}` and `cka_h_{when}`, the similarity of the views in z and h."""
        some = [x[:CKA_ROWS] for x in views]
        views_by_level = {"z": self.low_level(some), "h": self.high_level(some)}
        return {f"cka_{level}_{when}": mean_cka(x) for level, x in views_by_level.items()}


def contrasts(features: Sequence[Tensor], soft: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the contrast of features and that of assignments, each summed over view pairs.

    Both are non-negative and invariant to the order of the views and of the samples.

    Args:
        features: of each view, (batch, n_high_level), rows of any length.
        soft: of each view, (batch, n_clusters) soft assignments.
    """
    by_feature = [nt_xent(a, b, FEATURE_TEMPERATURE) for a, b in combinations(features, 2)]
    by_label = [cluster_contrast(p, q, LABEL_TEMPERATURE) for p, q in combinations(soft, 2)]
    return torch.stack(by_feature).sum(), torch.stack(by_label).sum()


def pseudo_labels(network: Network, views: Sequence[Tensor], *, seed: int) -> list[Tensor]:
    """Return (n_samples,) k-means clusters of h, scaled to [0, 1], of each view."""
    n_clusters = network.labels.out_features
    scaled = [min_max(h) for h in network.high_level(views)]
    return [kmeans(h, n_clusters, seed=seed, n_init=STARTS).labels for h in scaled]


def add_finetune_gradients(
    network: Network,
    views: Sequence[Tensor],
    clusters: Sequence[Tensor],
    double_softmax: bool,
    *,
    chunk: int = FINETUNE_ROWS,
) -> float:
    """Add the gradient of the fine-tuning loss to that of the weights; return the loss.

    The loss is the sum over views of the mean `finetune_loss` towards the clusters, (n_samples,)
    for each view, after their numbers are matched to those of the assignments. Encoders and
    `labels` get a gradient.

    Hidden layers are held for `chunk` rows at a time. The gradient is the same for any value;
    more than one chunk needs two forward passes, since matching requires all assignments.
    """
    total = 0.0
    for net, x, found in zip(network.autoencoders, views, clusters, strict=True):
        pieces = x.split(chunk)
        view = nn.Sequential(net.encoder, network.labels)
        with torch.set_grad_enabled(len(pieces) == 1):
            logits = [view(rows).float() for rows in pieces]
        own = torch.cat(logits).argmax(dim=1)
        targets = match(found, own, logits[0].shape[1])[found].split(chunk)
        for rows, target in zip(pieces, targets, strict=True):
            part = logits[0] if len(pieces) == 1 else view(rows).float()
            loss = finetune_loss(part, target, double_softmax) / len(x)
            loss.backward()
            total += loss.item()
    return total


def finetune_loss(logits: Tensor, targets: Tensor, double_softmax: bool) -> Tensor:
    """Return the cross-entropy towards the targets in nats, summed over samples, a scalar.

    With `double_softmax`, it takes the log-softmax of the soft assignments instead of the logits,
    (n_samples, n_clusters). Its mean is then at least log(1 + (n_clusters - 1) / e).
    """
    scores = logits.softmax(dim=1) if double_softmax else logits
    return functional.cross_entropy(scores, targets, reduction="sum")


def mean_assignment(soft: Sequence[Tensor]) -> NDArray[np.int64]:
    """Return the cluster with the largest mean soft assignment over the views, (n_samples,)."""
    y_pred: NDArray[np.int64] = torch.stack(list(soft)).mean(dim=0).argmax(dim=1).cpu().numpy()
    return y_pred


def min_max(x: Tensor) -> Tensor:
    """Return x with every column scaled to [0, 1]; a constant column becomes 0."""
    low, high = x.aminmax(dim=0)
    span = high - low
    return (x - low) / torch.where(span > 0, span, 1)


def mean_cka(views: Sequence[Tensor]) -> float:
    """Return the mean of `linear_cka` over pairs of views."""
    return float(np.mean([linear_cka(a, b).item() for a, b in combinations(views, 2)]))


def linear_cka(a: Tensor, b: Tensor) -> Tensor:
    """Return the linear centred kernel alignment of two embeddings, a scalar in [0, 1].

    It is 1 where one embedding is a rotation, shift or scaling of the other, and near 0 where
    they are unrelated. Both are (n_samples, n_features), of any number of features each.

    Source: Kornblith et al., ICML 2019.
    """
    with torch.autocast(a.device.type, enabled=False):
        a, b = (x.float() - x.float().mean(dim=0) for x in (a, b))
        size = torch.linalg.matrix_norm(a.T @ a) * torch.linalg.matrix_norm(b.T @ b)
        cka: Tensor = (a.T @ b).square().sum() / size.clamp_min(1e-12)
        return cka


METHOD = CMMC
