"""What methods share that make the latent space of an autoencoder one of clusters.

They see one row of features for each sample, whatever its views. An autoencoder learns to
reconstruct the rows, k-means of its latent vectors gives centres, and both are then moved
together. DEC and IDEC move them towards their own assignments, sharpened.

Source: Xie, Girshick & Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016
(the soft assignments, their target and the rule that ends the training); Guo, Gao, Liu & Yin,
Improved Deep Embedded Clustering with Local Structure Preservation, IJCAI 2017 (reconstruction
beside it).
"""

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.nn.batches import checkpoints, in_chunks, shuffled_batches
from mmbench.nn.clustering import kmeans
from mmbench.nn.information import divergence
from mmbench.nn.mixed import MAX_FEATURES
from mmbench.nn.networks import Autoencoder, reconstruction_epoch, reconstruction_error
from mmbench.nn.preprocessing import equally_weighted, joint_features, require_sample_per_cluster

STARTS = 20  # of the k-means that gives the first centres, as published


def one_space(data: Dataset, *, seed: int, device: str) -> tuple[Tensor, Tensor]:
    """Return one row of features for each sample, and the rows to train on.

    Paired views and images, as pixels: side by side, each view with the same weight, and
    centred on the rows to train on. Mixed-modal data: the principal components of each
    modality, at most 2048, stacked as if they were one space. All cells are then divided by
    one number, so that the squared length of a row is its number of features, on average over
    the rows to train on. Student's t-distribution has a width of its own, and would hardly
    tell clusters apart in latent vectors of rows that are much shorter or share a large mean.

    Source: Xie et al. 2016, section 5 (the length of a row); Jiang et al., DM2C, NeurIPS 2019
    (the space of its baselines for mixed-modal data).

    Args:
        data: paired feature views or images, or mixed-modal features.
        seed: of the randomised solver that PCA takes for large matrices.
        device: where the rows are to lie, as torch names it.

    Returns:
        x: (n_samples, n_features).
        fitted: (n_fit, n_features), the rows of `fit_index`.

    Raises:
        IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
            train on than clusters.
    """
    if data.data_setting == "mixed":
        rows = joint_features(data, max_features=MAX_FEATURES, seed=seed, held_out=True)
    else:
        views = data.paired_features(pixels=True, held_out=True)
        rows = np.hstack([equally_weighted(x, data.fit_index) for x in views])
        rows -= rows[data.fit_index].mean(axis=0)
    require_sample_per_cluster(data)
    length = float(np.sqrt(np.square(rows[data.fit_index]).mean()))
    x = torch.as_tensor(rows / (length or 1.0), dtype=torch.float32, device=device)
    fitted = x[torch.as_tensor(data.fit_index, device=device)] if data.is_split else x
    return x, fitted


def pretrain(
    network: Autoencoder,
    fitted: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    log: Callable[..., None],
) -> None:
    """Train an autoencoder to reconstruct, by Adam; log the mean error of each epoch.

    Args:
        network: on its device.
        fitted: (n_fit, n_features).
        epochs: passes over the rows; a last batch that is not full is left out.
        batch_size: rows to a step.
        learning_rate: of Adam.
        log: as methods get it.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    for epoch in range(epochs):
        (error,) = reconstruction_epoch([network], [fitted], optimiser, batch_size)
        log(epoch, loss=error, reconstruction=error)


def student_t(z: Tensor, centres: Tensor) -> Tensor:
    """Return soft assignments, (n, n_clusters) float32 in (0, 1]; rows sum to 1.

    q_ij is 1 / (1 + ‖z_i - m_j‖²), over its sum over j: Student's t-distribution of one degree
    of freedom. Equation 1 of Xie et al. 2016.

    Args:
        z: (n, n_latent).
        centres: (n_clusters, n_latent).
    """
    with torch.autocast(z.device.type, enabled=False):
        distances = (z.float()[:, None] - centres.float()).square().sum(dim=2)
        kernel = 1 / (1 + distances)
        return kernel / kernel.sum(dim=1, keepdim=True)


def target_distribution(soft: Tensor) -> Tensor:
    """Return sharper assignments that make large clusters smaller, (n, n_clusters).

    p_ij is q_ij² / f_j, over its sum over j, with f_j the sum of q_ij over i. Equation 3 of Xie
    et al. 2016.

    Args:
        soft: (n, n_clusters), of all samples together; rows sum to 1.
    """
    weights = soft.square() / soft.sum(dim=0)
    return weights / weights.sum(dim=1, keepdim=True)


def self_train(
    network: Autoencoder,
    x: Tensor,
    fitted: Tensor,
    n_clusters: int,
    *,
    clustering_weight: float,
    reconstruction_weight: float,
    first_epoch: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    update_interval: int,
    tolerance: float,
    seed: int,
    log: Callable[..., None],
) -> NDArray[np.int64]:
    """Train encoder and centres towards the network's own assignments, sharpened.

    The loss is the KL divergence of the soft assignments from their target, and the error of
    reconstruction. The target is made anew after each `update_interval` batches, rounded up to
    whole epochs; training ends when fewer than a share of `tolerance` of the samples has
    changed its cluster since the last target, or after all epochs.

    Logged are the clusters of k-means, at the epoch before the first; once an epoch the mean
    loss and its terms; with each target the share that `changed`; at checkpoints the
    assignments; at the end the latent vectors as embedding.

    Args:
        network: pre-trained, on its device.
        x: (n_samples, n_features), all samples.
        fitted: (n_fit, n_features), those to train on.
        n_clusters: how many centres k-means is to find.
        clustering_weight: of the divergence, in nats.
        reconstruction_weight: of the error, a mean over features; 0 leaves the decoder alone.
        first_epoch: the number of the first epoch, for the log.
        epochs: at most.
        batch_size: rows to a step; a last batch that is not full is left out.
        learning_rate: of Adam.
        update_interval: batches from one target to the next.
        tolerance: the share of samples; 0 never ends early.
        seed: of the starts of k-means.
        log: as methods get it.

    Returns:
        y_pred: (n_samples,), the cluster with the largest soft assignment.
    """
    z = in_chunks(network.encoder, fitted)
    centres = nn.Parameter(kmeans(z, n_clusters, seed=seed, n_init=STARTS).centroids)
    optimiser = torch.optim.Adam([*network.parameters(), centres], lr=learning_rate, fused=True)

    def assigned(rows: Tensor) -> Tensor:
        return in_chunks(lambda some: student_t(network.encoder(some), centres), rows)

    def hard() -> NDArray[np.int64]:
        return cast(NDArray[np.int64], assigned(x).argmax(dim=1).cpu().numpy())

    y_pred = hard()
    log(max(first_epoch - 1, 0), y_pred=y_pred)
    soft = assigned(fitted)
    target = target_distribution(soft)
    n_batches = len(fitted) // min(batch_size, len(fitted))
    epochs_to_a_target = math.ceil(update_interval / n_batches)
    shown = checkpoints(epochs)
    for epoch in range(epochs):
        steps = []
        for rows in shuffled_batches(len(fitted), batch_size, fitted.device, drop_last=True):
            batch = fitted[rows]
            z = network.encoder(batch)
            terms = {"divergence": divergence(target[rows], student_t(z, centres))}
            loss = clustering_weight * terms["divergence"]
            if reconstruction_weight:
                terms["reconstruction"] = reconstruction_error(network.decoder(z), batch)
                loss = loss + reconstruction_weight * terms["reconstruction"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps.append(torch.stack([loss, *terms.values()]).detach())
        # read once an epoch: reading a number makes the host wait for the device
        means = torch.stack(steps).mean(dim=0).tolist()
        log(first_epoch + epoch, **dict(zip(("loss", *terms), means, strict=True)))

        settled = False
        if (epoch + 1) % epochs_to_a_target == 0:
            before, soft = soft.argmax(dim=1), assigned(fitted)
            target = target_distribution(soft)
            changed = (soft.argmax(dim=1) != before).float().mean().item()
            log(first_epoch + epoch, changed=changed)
            settled = changed < tolerance
        if settled or epoch in shown:
            y_pred = hard()
            log(first_epoch + epoch, y_pred=y_pred)
        if settled:
            break
    log(first_epoch + epoch, embedding=in_chunks(network.encoder, x).cpu().numpy())
    return y_pred
