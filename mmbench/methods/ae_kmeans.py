"""k-means of the concatenated latent vectors of one autoencoder per view.

The autoencoders and their training are those of CMMC's pre-training, so the distance of the
two in a table is what contrast and fine-tuning add.

Source: Trosten et al., On the Effects of Self-supervision and Contrastive Alignment in Deep
Multi-view Clustering, CVPR 2023, the baseline AE-KM.
Departures: the layers and the schedule are CMMC's; the latent vectors are concatenated as
they are, without a scaling of each view.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveFloat, PositiveInt
from torch import nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, in_chunks
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.networks import Autoencoder, reconstruction_epoch
from mmbench.nn.preprocessing import require_sample_per_cluster

STARTS = 20
# on the way fewer, so that keeping the trajectory costs little beside the training
CHECKPOINT_STARTS = 3


@dataclass(frozen=True)
class AEKMeans:
    """Hyperparameters of the method; the defaults are those of CMMC's pre-training.

    Attributes:
        hidden: widths of each encoder; the decoder has them in reverse.
        n_latent: length of the latent vector of one view.
        epochs: of training.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 512
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, or a single one.

        Args:
            data: view v is (n_samples, n_features_v); images are taken as pixels. Trained
                on `fit_index`, the other samples go to the nearest centroid.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean squared error, summed over views, and that
                of each view; at checkpoints with the assignments; at the end with the latent
                vectors as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: unpaired samples, or fewer samples to train on than
                clusters.
        """
        torch.manual_seed(seed)
        arrays = data.paired_features(pixels=True, held_out=True)
        require_sample_per_cluster(data)
        views = [torch.as_tensor(x, device=device) for x in arrays]
        rows = torch.as_tensor(data.fit_index, device=device)
        fitted = [x[rows] for x in views] if data.is_split else views

        modules = nn.ModuleList(Autoencoder(x.shape[1], self.hidden, self.n_latent) for x in views)
        modules.to(device)
        networks = cast(Sequence[Autoencoder], modules)
        optimiser = torch.optim.Adam(modules.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)
        last = self.epochs - 1

        for epoch in range(self.epochs):
            errors = reconstruction_epoch(networks, fitted, optimiser, self.batch_size)
            pairs = zip(data.views, errors, strict=True)
            terms: dict[str, Any] = {f"reconstruction_{v.name}": error for v, error in pairs}
            log(epoch, loss=sum(errors), **terms)
            if epoch in shown:
                z = torch.cat(
                    [in_chunks(net.encoder, x) for net, x in zip(networks, views, strict=True)],
                    dim=1,
                )
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(last, embedding=z.cpu().numpy())
        return y_pred


METHOD = AEKMeans
