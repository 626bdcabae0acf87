"""k-means of the concatenated latent vectors of one autoencoder per view.

The autoencoders and their training are those of CMMC's pre-training, so the difference between
the two methods is due to contrast and fine-tuning.

Source: Trosten et al., On the Effects of Self-supervision and Contrastive Alignment in Deep
Multi-view Clustering, CVPR 2023, the baseline AE-KM.
Departures: the layers and the schedule are CMMC's; the latent vectors are concatenated without
scaling the views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, paired_tensors, shuffled_batches
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.networks import Autoencoder, reconstruction_error
from mmbench.nn.preprocessing import require_sample_per_cluster

# of k-means; fewer before the last epoch, since only the trajectory depends on them
STARTS, CHECKPOINT_STARTS = 20, 3


@dataclass(frozen=True)
class AEKMeans:
    """Hyperparameters of the method; the defaults are those of CMMC's pre-training.

    Attributes:
        hidden: widths of each encoder; the decoder has them in reverse.
        n_latent: length of the latent vector of one view.
        epochs: passes over the samples.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam.
    """

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 512
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, or a single one; images are taken as pixels.

        The networks and k-means are trained on `fit_index`; the other samples are assigned to the
        nearest centroid. Logged are every epoch the mean squared error, summed over views, and
        that of each view; at checkpoints the assignments; at the end the latent vectors as
        embedding.

        Raises:
            IncompatibleDataError: unpaired samples, or fewer samples to train on than clusters.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device, at_least=1, min_fit=1)
        require_sample_per_cluster(data)
        modules = nn.ModuleList(Autoencoder(x.shape[1], self.hidden, self.n_latent) for x in views)
        modules.to(device)
        networks = cast(Sequence[Autoencoder], modules)
        optimiser = torch.optim.Adam(modules.parameters(), lr=self.learning_rate, fused=True)
        log_epochs = checkpoints(self.epochs)
        last = self.epochs - 1

        for epoch in range(self.epochs):
            errors = reconstruction_epoch(networks, fitted, optimiser, self.batch_size)
            log(epoch, loss=sum(errors), **by_view(data, errors))
            if epoch in log_epochs:
                pairs = zip(networks, views, strict=True)
                z = torch.cat([in_chunks(net.encoder, x) for net, x in pairs], dim=1)
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(last, embedding=z.cpu().numpy())
        return y_pred


def reconstruction_epoch(
    networks: Sequence[nn.Module],
    views: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
    batch_size: int,
) -> list[float]:
    """Train an autoencoder for each view for one epoch; return the mean error of each.

    The views are paired, (n_samples, n_features_v) each, and a batch has the same rows in all of
    them; a last batch that is not full is left out.
    """
    steps = []
    for rows in shuffled_batches(len(views[0]), batch_size, views[0].device, drop_last=True):
        batch = [x[rows] for x in views]
        pairs = zip(networks, batch, strict=True)
        errors = torch.stack([reconstruction_error(net(x), x) for net, x in pairs])
        optimiser.zero_grad()
        errors.sum().backward()
        optimiser.step()
        steps.append(errors.detach())
    return epoch_means(steps)


def by_view(data: Dataset, errors: Sequence[float]) -> dict[str, Any]:
    """Return the reconstruction errors of the views under the names by which they are logged."""
    pairs = zip(data.views, errors, strict=True)
    return {f"reconstruction_{view.name}": error for view, error in pairs}


METHOD = AEKMeans
