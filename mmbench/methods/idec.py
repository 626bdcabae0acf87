"""IDEC: DEC that goes on to reconstruct, so that clustering does not tear the space apart.

1. Pre-training: an autoencoder learns to reconstruct; k-means of its latent vectors gives the
   centres.
2. Clustering: as `dec`, but the decoder stays, and the error of reconstruction counts beside
   the divergence of the soft assignments from their sharpened form.

Views are taken side by side; mixed-modal samples as the rows of one space of principal
components, see `mmbench.nn.embedded.one_space`.

Source: Guo, Gao, Liu & Yin, Improved Deep Embedded Clustering with Local Structure
Preservation, IJCAI 2017, section 3; settings are those of its released code for MNIST.
Departures: features are centred; pre-training is of all layers together, by Adam, not greedy
and denoising; a target is renewed after whole epochs; the number of epochs is limited.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.embedded import one_space, pretrain, self_train
from mmbench.nn.networks import Autoencoder


@dataclass(frozen=True)
class IDEC:
    """Hyperparameters of the method; the defaults are the published ones, but for the epochs.

    Attributes:
        hidden: widths of the encoder; the decoder has them in reverse.
        n_latent: length of a latent vector.
        pretrain_epochs: of reconstruction.
        epochs: of clustering, at most.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam, in both phases.
        clustering_weight: γ, of the divergence; the error of reconstruction has weight 1.
        update_interval: batches from one target to the next, rounded up to whole epochs.
        tolerance: clustering ends when a smaller share of the samples has changed its cluster
            from one target to the next; 0 never ends early.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 10
    pretrain_epochs: NonNegativeInt = 200
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    clustering_weight: NonNegativeFloat = 0.1
    update_interval: PositiveInt = 140
    tolerance: NonNegativeFloat = 1e-3

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, a single one, images (as pixels) or mixed-modal features.

        Args:
            data: trained on `fit_index`, all samples are assigned.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its terms; after pre-training with
                the clusters of k-means, then with assignments at checkpoints; with each new
                target with the share of samples that `changed`; at the end with the latent
                vectors as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
                train on than clusters.
        """
        torch.manual_seed(seed)
        x, fitted = one_space(data, seed=seed, device=device)
        network = Autoencoder(x.shape[1], self.hidden, self.n_latent).to(device)
        pretrain(
            network,
            fitted,
            epochs=self.pretrain_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            log=log,
        )
        return self_train(
            network,
            x,
            fitted,
            data.n_clusters,
            clustering_weight=self.clustering_weight,
            reconstruction_weight=1.0,
            first_epoch=self.pretrain_epochs,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            update_interval=self.update_interval,
            tolerance=self.tolerance,
            seed=seed,
            log=log,
        )


METHOD = IDEC
