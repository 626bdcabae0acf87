"""CMMC: contrastive clustering of paired views at two levels of features.

Each view has an autoencoder with latent vectors z, which keep what is private to the view,
since the reconstruction is made of them. Two modules that all views share read z: one gives
high-level features h, the other soft assignments. Contrast between views is applied to these
two alone, to the rows of h and to the columns of the assignments. The training has phases:

1. pre-training: reconstruction, in batches;
2. joint: reconstruction and both contrasts, in batches;
3. k-means of h in each view, once; then fine-tuning of encoders and assignments towards
   these clusters, each view by itself, one step an epoch on all samples, where every step
   first matches the numbers of the clusters to those of the assignments.

A sample goes to the cluster that has the largest mean assignment over the views.

Source: Xu et al., Contrastive Multi-Modal Clustering, arXiv:2106.11193 v1. The full text of
v1 is not to be had, so sizes, losses and schedule are those of the code of its second version
(MFLVC, CVPR 2022), which has the same four parts.
Departures: k-means is seeded, the number of joint epochs is the same for all data sets, a
batch is never larger than the data (the code would not train on fewer samples than a batch),
and fine-tuning adds its gradient up over chunks where the data are large.
As in the code, and unlike the text of CVPR: reconstruction is a mean over features, the
balance of clusters counts once for each pair of views, and fine-tuning takes the log-softmax
of what is a softmax already (`double_softmax`), so its loss cannot fall below
log(1 + (n_clusters - 1) / e).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, chunks, in_chunks, shuffled_batches
from mmbench.nn.clustering import kmeans, match
from mmbench.nn.losses import cluster_contrast, nt_xent
from mmbench.nn.networks import Autoencoder, reconstruction_epoch, reconstruction_error
from mmbench.nn.preprocessing import require_sample_per_cluster

FEATURE_TEMPERATURE = 0.5
LABEL_TEMPERATURE = 1.0
STARTS = 100  # of k-means
# rows of one view of which fine-tuning holds all hidden layers at once: about 250 MB at the
# published widths
FINETUNE_ROWS = 16_384
# rows by which the similarity of views is measured; more would cost memory for no digit
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
        finetune_epochs: of phase 3, each one step; 0 leaves it out.
        batch_size: of phases 1 and 2; a last batch that is not full is left out.
        learning_rate: of one Adam for all phases.
        reconstruction_weight: in phase 2. An ablation without reconstruction has no
            pre-training either.
        feature_weight: of the contrast of h.
        label_weight: of the contrast of assignments.
        double_softmax: fine-tune as the code does, or on the log of the assignments.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

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
        """Cluster paired views.

        Args:
            data: at least two views; view v is (n_samples, n_features_v), images are taken
                as pixels. Trained on `fit_index`, all samples are assigned.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its parts, reconstruction by
                view; at checkpoints of the whole schedule with the assignments; around the
                joint phase with `cka_z_before`, `cka_h_before`, `cka_z_after` and
                `cka_h_after`, the mean over pairs of views of the `linear_cka` of z and of h
                on the samples trained on; at the end with the mean of h over the views as
                embedding, and the assignments of each view.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, or, with
                fine-tuning, fewer samples to train on than clusters.
        """
        torch.manual_seed(seed)
        arrays = data.paired_features(at_least=2, pixels=True, held_out=True)
        if self.finetune_epochs:
            require_sample_per_cluster(data)
        views = [torch.as_tensor(x, device=device) for x in arrays]
        rows = torch.as_tensor(data.fit_index, device=device)
        fitted = [x[rows] for x in views] if data.is_split else views
        names = [view.name for view in data.views]

        widths = [x.shape[1] for x in views]
        network = Network(widths, self.hidden, self.n_latent, self.n_high_level, data.n_clusters)
        network.to(device)
        # fused: one pass over the weights and moments instead of a dozen
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        start_joint = self.pretrain_epochs
        start_finetune = start_joint + self.joint_epochs
        n_epochs = start_finetune + self.finetune_epochs
        shown = checkpoints(n_epochs)

        def show(epoch: int, loss: float, **terms: Any) -> None:
            y_pred = mean_assignment(network.soft(views)) if epoch in shown else None
            log(epoch, loss=loss, y_pred=y_pred, **terms)

        for epoch in range(start_joint):
            errors = reconstruction_epoch(network.autoencoders, fitted, optimiser, self.batch_size)
            show(epoch, sum(errors), **named(names, errors))
        if self.joint_epochs:
            log(max(start_joint - 1, 0), **network.shared_information(fitted, "before"))
        for epoch in range(start_joint, start_finetune):
            loss, feature, label, *errors = self._joint_epoch(network, fitted, optimiser)
            contrast = {"feature_contrast": feature, "label_contrast": label}
            show(epoch, loss, **contrast, **named(names, errors))
        if self.joint_epochs:
            log(start_finetune - 1, **network.shared_information(fitted, "after"))
        if self.finetune_epochs:
            clusters = pseudo_labels(network, fitted, data.n_clusters, seed=seed)
        for epoch in range(start_finetune, n_epochs):
            optimiser.zero_grad()
            loss = add_finetune_gradients(
                network, fitted, clusters, double_softmax=self.double_softmax
            )
            optimiser.step()
            show(epoch, loss)

        soft = network.soft(views)
        view_assignments = {
            name: q.argmax(dim=1).cpu().numpy() for name, q in zip(names, soft, strict=True)
        }
        embedding = torch.stack(network.high_level(views)).mean(dim=0)
        log(
            max(n_epochs - 1, 0),
            embedding=embedding.cpu().numpy(),
            view_assignments=view_assignments,
        )
        return mean_assignment(soft)

    def _joint_epoch(
        self, network: "Network", views: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> list[float]:
        """Train one epoch; return the mean loss, its two contrasts, and the error by view."""
        steps = []
        for rows in shuffled_batches(
            len(views[0]), self.batch_size, views[0].device, drop_last=True
        ):
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
        # read once an epoch: reading a number makes the host wait for the device
        means: list[float] = torch.stack(steps).mean(dim=0).tolist()
        return means


class Network(nn.Module):
    """An autoencoder for each view, and the two modules that all views share.

    Sharing these is what ties cluster j of one view to cluster j of another.

    Attributes:
        autoencoders: of the views, x to z and back.
        features: z to the high-level features h, before their length is set to 1.
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
        # a ModuleList does not tell the type of what it holds
        self.autoencoders = cast(Sequence[Autoencoder], autoencoders)
        self.features = nn.Linear(n_latent, n_high_level)
        self.labels = nn.Linear(n_latent, n_clusters)

    def low_level(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return z of each view, (n_samples, n_latent), without a gradient."""
        pairs = zip(self.autoencoders, views, strict=True)
        return [in_chunks(net.encoder, x) for net, x in pairs]

    def high_level(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return h of each view, (n_samples, n_high_level), rows of length 1, no gradient."""
        pairs = zip(self.autoencoders, views, strict=True)
        h = [in_chunks(nn.Sequential(net.encoder, self.features), x) for net, x in pairs]
        return [functional.normalize(rows) for rows in h]

    def soft(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the soft assignments of each view, (n_samples, n_clusters), no gradient."""
        pairs = zip(self.autoencoders, views, strict=True)
        logits = [in_chunks(nn.Sequential(net.encoder, self.labels), x) for net, x in pairs]
        return [rows.softmax(dim=1) for rows in logits]

    def shared_information(self, views: Sequence[Tensor], when: str) -> dict[str, Any]:
        """Return `cka_z_{when}` and `cka_h_{when}`: how alike the views are in z and in h."""
        some = [x[:CKA_ROWS] for x in views]
        return {
            f"cka_z_{when}": mean_cka(self.low_level(some)),
            f"cka_h_{when}": mean_cka(self.high_level(some)),
        }


def contrasts(features: Sequence[Tensor], soft: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the contrast of features and that of assignments, each summed over view pairs.

    Neither is below 0, and neither depends on the order of the views or of the samples.

    Args:
        features: of each view, (batch, n_high_level), of any length.
        soft: of each view, (batch, n_clusters) soft assignments.
    """
    by_feature = [nt_xent(a, b, FEATURE_TEMPERATURE) for a, b in combinations(features, 2)]
    by_label = [cluster_contrast(p, q, LABEL_TEMPERATURE) for p, q in combinations(soft, 2)]
    return torch.stack(by_feature).sum(), torch.stack(by_label).sum()


def pseudo_labels(
    network: Network, views: Sequence[Tensor], n_clusters: int, *, seed: int
) -> list[Tensor]:
    """Return k-means clusters of the high-level features of each view, (n_samples,) each.

    Every feature is first scaled to [0, 1] over the samples.
    """
    return [
        kmeans(min_max(h), n_clusters, seed=seed, n_init=STARTS).labels
        for h in network.high_level(views)
    ]


def add_finetune_gradients(
    network: Network,
    views: Sequence[Tensor],
    clusters: Sequence[Tensor],
    *,
    double_softmax: bool,
    chunk: int = FINETUNE_ROWS,
) -> float:
    """Add the gradient of the fine-tuning loss to that of the weights; return the loss.

    The loss is the sum over views of the mean `finetune_loss` towards the clusters, once
    their numbers are matched to those of the assignments.

    Args:
        network: whose encoders and `labels` get the gradient.
        views: (n_samples, n_features_v) each.
        clusters: of each view, (n_samples,).
        double_softmax: as for `finetune_loss`.
        chunk: rows of which hidden layers are held. The gradient is that of all rows
            whatever it is; with more rows than one chunk each needs two forward passes, as
            the matching must know all assignments first.
    """
    total = 0.0
    for net, x, found in zip(network.autoencoders, views, clusters, strict=True):
        pieces = list(chunks(len(x), chunk))

        view = nn.Sequential(net.encoder, network.labels)
        with torch.set_grad_enabled(len(pieces) == 1):
            logits = [view(x[rows]).float() for rows in pieces]
        own = torch.cat(logits).argmax(dim=1)
        targets = match(found, own, logits[0].shape[1])[found]
        for rows in pieces:
            part = logits[0] if len(pieces) == 1 else view(x[rows]).float()
            loss = finetune_loss(part, targets[rows], double_softmax) / len(x)
            loss.backward()
            total += loss.item()
    return total


def finetune_loss(logits: Tensor, targets: Tensor, double_softmax: bool) -> Tensor:
    """Return the cross-entropy towards the targets in nats, summed over samples, a scalar.

    Args:
        logits: (n_samples, n_clusters).
        targets: (n_samples,) in 0..n_clusters-1.
        double_softmax: take the log-softmax of the soft assignments rather than of the
            logits. The mean is then at least log(1 + (n_clusters - 1) / e).
    """
    scores = logits.softmax(dim=1) if double_softmax else logits
    return functional.cross_entropy(scores, targets, reduction="sum")


def mean_assignment(soft: Sequence[Tensor]) -> NDArray[np.int64]:
    """Return the cluster with the largest mean soft assignment over the views, (n_samples,)."""
    y_pred: NDArray[np.int64] = torch.stack(list(soft)).mean(dim=0).argmax(dim=1).cpu().numpy()
    return y_pred


def min_max(x: Tensor) -> Tensor:
    """Return x with every column scaled to [0, 1]; a column of one value becomes 0."""
    low, high = x.aminmax(dim=0)
    span = high - low
    return (x - low) / torch.where(span > 0, span, 1)


def mean_cka(views: Sequence[Tensor]) -> float:
    """Return the mean of `linear_cka` over pairs of views."""
    return float(np.mean([linear_cka(a, b).item() for a, b in combinations(views, 2)]))


def linear_cka(a: Tensor, b: Tensor) -> Tensor:
    """Return the linear centred kernel alignment of two embeddings, a scalar in [0, 1].

    It is 1 where one is a rotation, shift or scaling of the other and near 0 where they share
    nothing. Source: Kornblith et al., ICML 2019.

    Args:
        a: (n_samples, n_features_a).
        b: (n_samples, n_features_b).
    """
    with torch.autocast(a.device.type, enabled=False):
        a, b = (x.float() - x.float().mean(dim=0) for x in (a, b))
        size = torch.linalg.matrix_norm(a.T @ a) * torch.linalg.matrix_norm(b.T @ b)
        cka: Tensor = (a.T @ b).square().sum() / size.clamp_min(1e-12)
        return cka


def named(views: Iterable[str], errors: Iterable[float]) -> dict[str, Any]:
    """Return the reconstruction error of each view under the name it is logged by."""
    return {f"reconstruction_{v}": error for v, error in zip(views, errors, strict=True)}


METHOD = CMMC
