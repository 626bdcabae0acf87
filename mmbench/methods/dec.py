"""DEC: an autoencoder whose latent vectors are drawn to the clusters they are surest of.

1. Pre-training: an autoencoder learns to reconstruct; k-means of its latent vectors gives the
   centres.
2. Clustering: soft assignments q follow Student's t-distribution of the distance to the
   centres. Encoder and centres are trained to bring q to its own sharpened form p, which is
   made anew from time to time. The decoder is left behind.

Views are taken side by side; mixed-modal samples as the rows of one space of principal
components, see `mmbench.nn.embedded.one_space`.

Source: Xie, Girshick & Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016,
section 3.
Departures: features are centred; pre-training is of all layers together, by Adam, not greedy
with dropout; Adam instead of SGD afterwards too, since a small data set has few steps; a target
is renewed after whole epochs; the number of epochs is limited. The interval of 140 batches is
that of IDEC on MNIST (Guo et al., IJCAI 2017).
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
class DEC:
    """Hyperparameters of the method; layers, batches and tolerance are the published ones.

    Attributes:
        hidden: widths of the encoder; the decoder has them in reverse.
        n_latent: length of a latent vector.
        pretrain_epochs: of reconstruction.
        epochs: of clustering, at most.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam, in both phases.
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
            clustering_weight=1.0,
            reconstruction_weight=0.0,
            first_epoch=self.pretrain_epochs,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            update_interval=self.update_interval,
            tolerance=self.tolerance,
            seed=seed,
            log=log,
        )


METHOD = DEC
