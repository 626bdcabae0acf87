"""DEC (deep embedded clustering): an autoencoder refined by its own cluster assignments.

1. Pre-training: an autoencoder learns to reconstruct its input; k-means of the latent vectors
   gives the initial centres.
2. Clustering: encoder and centres are trained to bring soft assignments, by Student's
   t-distribution, closer to their sharpened form, which is computed anew at intervals.

The input is that of `mmbench.nn.embedded.one_space`. IDEC shares the training, DCN the
pre-training.

Source: Xie, Girshick & Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016,
section 3.
Departures: features are centred; all layers are pre-trained together by Adam, instead of one by
one with dropout; Adam replaces SGD in the second phase too, since small data sets have few
steps; batches are shuffled, and the last one is left out unless it is full; the target is renewed
after whole epochs; the number of epochs is limited. The interval of 140 batches is that of IDEC on
MNIST (Guo et al., IJCAI 2017).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.methods.ae_kmeans import reconstruction_epoch
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, shuffled_batches
from mmbench.nn.clustering import kmeans
from mmbench.nn.embedded import one_space, student_t, target_distribution
from mmbench.nn.information import divergence
from mmbench.nn.networks import Autoencoder, reconstruction_error

STARTS = 20  # of the k-means that gives the initial centres, as published


@dataclass(frozen=True)
class DEC:
    """Hyperparameters of the method; layers, batches and tolerance are the published ones.

    Attributes:
        hidden: widths of the encoder; the decoder has them in reverse.
        n_latent: length of a latent vector.
        pretrain_epochs: epochs of reconstruction.
        epochs: epochs of clustering, at most.
        batch_size: the last batch is left out unless it is full.
        learning_rate: of Adam, in both phases.
        update_interval: batches from one target to the next, rounded up to whole epochs.
        tolerance: clustering ends when a smaller share of samples has changed since the last
            target; 0 never ends early.
    """

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 10
    pretrain_epochs: NonNegativeInt = 200
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    update_interval: PositiveInt = 140
    tolerance: NonNegativeFloat = 1e-3

    def term_weights(self) -> dict[str, float]:
        """Return the weight of each term of the loss; the decoder needs `reconstruction`."""
        return {"divergence": 1.0}

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, a single view, images (as pixels) or mixed-modal features.

        Logged are the mean loss and its terms in each epoch; assignments after pre-training (by
        k-means) and at checkpoints; with each new target the share of samples that `changed`
        their cluster; at the end the latent vectors as embedding.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
                train on than clusters.
        """
        torch.manual_seed(seed)
        x, fitted = one_space(data, seed=seed, device=device)
        network = Autoencoder(x.shape[1], self.hidden, self.n_latent).to(device)
        pretrain(network, fitted, self.pretrain_epochs, self.batch_size, self.learning_rate, log)
        z = in_chunks(network.encoder, fitted)
        centres = nn.Parameter(kmeans(z, data.n_clusters, seed=seed, n_init=STARTS).centroids)

        def soft_assignments(rows: Tensor) -> Tensor:
            return in_chunks(lambda chunk: student_t(network.encoder(chunk), centres), rows)

        y_pred: NDArray[np.int64] = soft_assignments(x).argmax(dim=1).cpu().numpy()
        log(max(self.pretrain_epochs - 1, 0), y_pred=y_pred)
        soft = soft_assignments(fitted)
        target = target_distribution(soft)

        optimiser = torch.optim.Adam(
            [*network.parameters(), centres], lr=self.learning_rate, fused=True
        )
        weights = self.term_weights()
        n_batches = len(fitted) // min(self.batch_size, len(fitted))
        target_epochs = math.ceil(self.update_interval / n_batches)
        logged_epochs = checkpoints(self.epochs)
        for i in range(self.epochs):
            epoch = self.pretrain_epochs + i
            steps = []
            for rows in shuffled_batches(len(fitted), self.batch_size, device, drop_last=True):
                batch = fitted[rows]
                z = network.encoder(batch)
                terms = {"divergence": divergence(target[rows], student_t(z, centres))}
                if "reconstruction" in weights:
                    terms["reconstruction"] = reconstruction_error(network.decoder(z), batch)
                loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, *terms.values()]).detach())
            means: dict[str, Any] = dict(zip(("loss", *terms), epoch_means(steps), strict=True))
            log(epoch, **means)

            converged = False
            if (i + 1) % target_epochs == 0:
                before, soft = soft.argmax(dim=1), soft_assignments(fitted)
                target = target_distribution(soft)
                changed = (soft.argmax(dim=1) != before).float().mean().item()
                log(epoch, changed=changed)
                converged = changed < self.tolerance
            if converged or i in logged_epochs:
                y_pred = soft_assignments(x).argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred)
            if converged:
                break
        log(epoch, embedding=in_chunks(network.encoder, x).cpu().numpy())
        return y_pred


def pretrain(
    network: Autoencoder,
    fitted: Tensor,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    log: Log,
) -> None:
    """Train an autoencoder to reconstruct `fitted`, (n_fit, n_features), by Adam.

    The mean error of each epoch is logged. The last batch is left out unless it is full.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    for epoch in range(epochs):
        (error,) = reconstruction_epoch([network], [fitted], optimiser, batch_size)
        log(epoch, loss=error, reconstruction=error)


METHOD = DEC
