"""DCN (deep clustering network): an autoencoder trained in alternation with k-means.

1. Pre-training, as for `dec`; k-means of the latent vectors gives centres and assignments.
2. Clustering, for each batch: one step of the network on ‖x - x̂‖² + λ/2 ‖z - m‖², where m is the
   centre of the sample's cluster; then the samples of the batch are assigned to their nearest
   centres, which move as `updated_centres` says. After every tenth epoch, k-means of all samples
   that starts at the centres replaces them.

The input is that of `mmbench.nn.embedded.one_space`.

Source: Yang, Fu, Sidiropoulos & Hong, Towards K-means-friendly Spaces: Simultaneous Deep
Learning and Clustering, ICML 2017, algorithm 1, with the layers, batches, epochs and λ that the
second release of its code (boyangumn/DCN-New) has in its script for MNIST. The script of the
first release (boyangumn/DCN) has others: layers of 2000, 1000, 500, 500, 250 and 50 units, all
rectified, batches of 128 and λ = 40.
Departures: features are centred; all layers are pre-trained together, not first one by one; the
decoder has weights of its own, not those of the encoder; Adam replaces SGD with momentum, with
which small data sets have too few steps; batches are shuffled.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.methods.dec import STARTS, pretrain
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, shuffled_batches
from mmbench.nn.clustering import kmeans, nearest
from mmbench.nn.embedded import one_space
from mmbench.nn.networks import Autoencoder, reconstruction_error

# the number of samples that each initial centre counts for, as in the released code
INITIAL_COUNT = 100.0
MAX_ITERATIONS = 300  # of a k-means that continues, as in scikit-learn


@dataclass(frozen=True)
class DCN:
    """Hyperparameters of the method.

    Attributes:
        hidden: widths of the encoder; the decoder has them in reverse.
        n_latent: length of a latent vector.
        pretrain_epochs: epochs of reconstruction.
        epochs: epochs of clustering.
        refit_every: epochs of clustering from one k-means of all samples to the next; 0 has none.
        batch_size: the last batch is left out unless it is full.
        learning_rate: of Adam, in both phases.
        clustering_weight: λ; 2 gives both squares the same weight, as in the released code.
    """

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 10
    pretrain_epochs: NonNegativeInt = 250
    epochs: PositiveInt = 50
    refit_every: NonNegativeInt = 10
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    clustering_weight: NonNegativeFloat = 2.0

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, a single view, images (as pixels) or mixed-modal features.

        Logged are the mean loss and its terms in each epoch; assignments after pre-training (by
        k-means) and at checkpoints; at the end the latent vectors as embedding.

        Raises:
            IncompatibleDataError: incomplete views, mixed-modal images, or fewer samples to
                train on than clusters.
        """
        torch.manual_seed(seed)
        x, fitted = one_space(data, seed=seed, device=device)
        network = Autoencoder(x.shape[1], self.hidden, self.n_latent).to(device)
        pretrain(network, fitted, self.pretrain_epochs, self.batch_size, self.learning_rate, log)
        z = in_chunks(network.encoder, fitted)
        clusters, centres = kmeans(z, data.n_clusters, seed=seed, n_init=STARTS)
        counts = torch.full((data.n_clusters,), INITIAL_COUNT, device=device)
        z = in_chunks(network.encoder, x)
        log(max(self.pretrain_epochs - 1, 0), y_pred=nearest(z, centres).cpu().numpy())

        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        logged_epochs = checkpoints(self.epochs)
        for i in range(self.epochs):
            epoch = self.pretrain_epochs + i
            steps = []
            for rows in shuffled_batches(len(fitted), self.batch_size, device, drop_last=True):
                batch = fitted[rows]
                z = network.encoder(batch)
                # a sum over features, as in the paper and as the distance below
                reconstruction = reconstruction_error(network.decoder(z), batch) * x.shape[1]
                distance = squared_distance(z, centres[clusters[rows]])
                loss = reconstruction + self.clustering_weight / 2 * distance
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, reconstruction, distance]).detach())

                z = in_chunks(network.encoder, batch)
                clusters[rows] = nearest(z, centres)
                centres, counts = updated_centres(centres, counts, z, clusters[rows])
            means = epoch_means(steps)
            log(epoch, loss=means[0], reconstruction=means[1], distance=means[2])
            if self.refit_every and (i + 1) % self.refit_every == 0:
                clusters, centres = refitted(in_chunks(network.encoder, fitted), centres)
            if i in logged_epochs:
                z = in_chunks(network.encoder, x)
                y_pred = nearest(z, centres).cpu().numpy()
                log(epoch, y_pred=y_pred)
        log(epoch, embedding=z.cpu().numpy())
        return y_pred


def squared_distance(z: Tensor, own_centres: Tensor) -> Tensor:
    """Return the mean squared distance of rows to their centres, (batch, n_latent), in float32."""
    return (z.float() - own_centres).square().sum(dim=1).mean()


def updated_centres(
    centres: Tensor, counts: Tensor, z: Tensor, clusters: Tensor
) -> tuple[Tensor, Tensor]:
    """Return centres and counts after each row has moved the centre of its cluster.

    Each row adds 1 to the count c of its centre and moves it by 1/c of the distance towards
    itself. With given assignments their order does not matter: a new centre is the mean of its rows
    and of the old centre, which has the weight `counts`, (n_clusters,) float32. The centres are
    (n_clusters, n_latent) float32, the rows z (batch, n_latent).
    """
    with torch.autocast(z.device.type, enabled=False):
        # a product with one-hot rows, because `index_add_` has no fixed order on a GPU
        one_hot = functional.one_hot(clusters, len(centres)).float()
        n_new = one_hot.sum(dim=0)
        counts = counts + n_new
        shift = one_hot.T @ z.float() - n_new[:, None] * centres
        return centres + shift / counts.clamp_min(1)[:, None], counts


def refitted(z: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return the clusters and centres of k-means of z that starts at the centres.

    A centre without rows stays where it is. The shapes are those of `updated_centres`.
    """
    for _ in range(MAX_ITERATIONS):
        clusters = nearest(z, centres)
        before = centres
        centres, _ = updated_centres(centres, torch.zeros(len(centres)).to(z), z, clusters)
        if torch.allclose(centres, before):
            break
    return clusters, centres


METHOD = DCN
