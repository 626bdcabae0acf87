"""One feature space for all samples, and the soft assignments of deep embedded clustering.

Source: Xie, Girshick & Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016.
"""

import numpy as np
import torch
from torch import Tensor

from mmbench.data import Dataset
from mmbench.nn.mixed import MAX_FEATURES
from mmbench.nn.preprocessing import (
    equally_weighted,
    joint_features,
    require_sample_per_cluster,
    unit_variance,
)


def one_space(data: Dataset, *, seed: int, device: str) -> tuple[Tensor, Tensor]:
    """Return features of the samples, (n_samples, n_features) float32, and the rows to train on.

    Paired views and images (as pixels) are concatenated, each view with the same weight, and
    centred on the rows to train on. Of mixed-modal data, the principal components of each
    modality, at most 2048, are stacked as if they were one space. All values are then divided
    by one number, so that the squared length of a row to train on is on average its number of
    features, since Student's t-distribution has a fixed width.

    Source: Xie et al. 2016, section 5 (the length of a row); Jiang et al., DM2C, NeurIPS 2019
    (the space of its baselines for mixed-modal data).

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
    x = torch.as_tensor(unit_variance(rows, data.fit_index), dtype=torch.float32, device=device)
    fitted = x[torch.as_tensor(data.fit_index, device=device)] if data.is_split else x
    return x, fitted


def student_t(z: Tensor, centres: Tensor) -> Tensor:
    """Return soft assignments of z, (n, n_latent), to centres, (n_clusters, n_latent).

    q_ij is 1 / (1 + ‖z_i - m_j‖²), divided by its sum over j: Student's t-distribution with one
    degree of freedom. Equation 1 of Xie et al. 2016. The result is (n, n_clusters) float32.
    """
    with torch.autocast(z.device.type, enabled=False):
        distances = (z.float()[:, None] - centres.float()).square().sum(dim=2)
        kernel = 1 / (1 + distances)
        return kernel / kernel.sum(dim=1, keepdim=True)


def target_distribution(soft: Tensor) -> Tensor:
    """Return sharpened assignments of all samples, (n, n_clusters); large clusters count less.

    p_ij is q_ij² / f_j, divided by its sum over j, where f_j is the sum of q_ij over i.
    Equation 3 of Xie et al. 2016.
    """
    weights = soft.square() / soft.sum(dim=0)
    return weights / weights.sum(dim=1, keepdim=True)
