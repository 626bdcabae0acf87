"""DCN: an autoencoder and k-means, which take turns to make the latent space friendly to it.

1. Pre-training: an autoencoder learns to reconstruct; k-means of its latent vectors gives
   centres and assignments.
2. Clustering, for each batch: a step of the network on ‖x - x̂‖² + λ/2 ‖z - m‖², where m is the
   centre that the sample is assigned to; then the samples of the batch are assigned to their
   nearest centres; then each of them moves its centre by 1/c of the way, c being how many
   samples that centre has had by then.

Views are taken side by side; mixed-modal samples as the rows of one space of principal
components, see `mmbench.nn.embedded.one_space`.

Source: Yang, Fu, Sidiropoulos & Hong, Towards K-means-friendly Spaces: Simultaneous Deep
Learning and Clustering, ICML 2017, algorithm 1; settings are those of its released code for
MNIST.
Departures: features are centred; pre-training is of all layers together; Adam instead of SGD
with momentum in both phases; batches are shuffled.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, in_chunks, shuffled_batches
from mmbench.nn.clustering import kmeans, nearest
from mmbench.nn.embedded import STARTS, one_space, pretrain
from mmbench.nn.networks import Autoencoder, reconstruction_error

# samples that each centre of k-means counts for, as in the released code
FIRST_COUNT = 100.0


@dataclass(frozen=True)
class DCN:
    """Hyperparameters of the method.

    Attributes:
        hidden: widths of the encoder; the decoder has them in reverse.
        n_latent: length of a latent vector.
        pretrain_epochs: of reconstruction.
        epochs: of clustering.
        batch_size: a last batch that is not full is left out.
        learning_rate: of Adam, in both phases.
        clustering_weight: λ; with 2 both squares count alike, as in the released code.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: tuple[PositiveInt, ...] = (500, 500, 2000)
    n_latent: PositiveInt = 10
    pretrain_epochs: NonNegativeInt = 200
    epochs: PositiveInt = 50
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    clustering_weight: NonNegativeFloat = 2.0

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views, a single one, images (as pixels) or mixed-modal features.

        Args:
            data: trained on `fit_index`; all samples are assigned, to the nearest centre.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its terms; after pre-training with
                the clusters of k-means, then with assignments at checkpoints; at the end with
                the latent vectors as embedding.

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

        start = kmeans(
            in_chunks(network.encoder, fitted), data.n_clusters, seed=seed, n_init=STARTS
        )
        clusters, centres = start.labels, start.centroids
        counts = torch.full((data.n_clusters,), FIRST_COUNT, device=device)
        z = in_chunks(network.encoder, x)
        log(max(self.pretrain_epochs - 1, 0), y_pred=nearest(z, centres).cpu().numpy())

        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)
        for epoch in range(self.epochs):
            steps = []
            for rows in shuffled_batches(len(fitted), self.batch_size, device, drop_last=True):
                batch = fitted[rows]
                z = network.encoder(batch)
                # a sum over features, as in the paper: the distance below is one too
                reconstruction = reconstruction_error(network.decoder(z), batch) * x.shape[1]
                distance = squared_distance(z, centres[clusters[rows]])
                loss = reconstruction + self.clustering_weight / 2 * distance
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.stack([loss, reconstruction, distance]).detach())

                z = in_chunks(network.encoder, batch)
                clusters[rows] = nearest(z, centres)
                centres, counts = moved(centres, counts, z, clusters[rows])
            # read once an epoch: reading a number makes the host wait for the device
            mean_loss, *means = torch.stack(steps).mean(dim=0).tolist()
            at = self.pretrain_epochs + epoch
            log(at, loss=mean_loss, reconstruction=means[0], distance=means[1])
            if epoch in shown:
                z = in_chunks(network.encoder, x)
                y_pred = nearest(z, centres).cpu().numpy()
                log(at, y_pred=y_pred)
        log(at, embedding=z.cpu().numpy())
        return y_pred


def squared_distance(z: Tensor, own_centres: Tensor) -> Tensor:
    """Return the squared distance of rows to their centres, a mean over rows, in float32.

    Args:
        z: (batch, n_latent).
        own_centres: (batch, n_latent), of each row the centre it is assigned to.
    """
    return (z.float() - own_centres).square().sum(dim=1).mean()


def moved(centres: Tensor, counts: Tensor, z: Tensor, clusters: Tensor) -> tuple[Tensor, Tensor]:
    """Return centres and counts after each row has moved the centre it is assigned to.

    One row after the other adds 1 to the count c of its centre and moves it by 1/c of the way
    to itself. With the assignments given this is a running mean, so all rows can be taken at
    once, and their order does not matter: the new centre is the mean of the old one, with
    weight `counts`, and of the rows.

    Args:
        centres: (n_clusters, n_latent) float32.
        counts: (n_clusters,) float32, how many samples each centre has had.
        z: (batch, n_latent).
        clusters: (batch,), in 0..n_clusters-1.

    Returns:
        centres: (n_clusters, n_latent), new.
        counts: (n_clusters,), new.
    """
    with torch.autocast(z.device.type, enabled=False):
        # a product with one-hot rows: adding up at an index has no fixed order on a GPU
        one_hot = functional.one_hot(clusters, len(centres)).float()
        arrived = one_hot.sum(dim=0)
        counts = counts + arrived
        shift = one_hot.T @ z.float() - arrived[:, None] * centres
        return centres + shift / counts.clamp_min(1)[:, None], counts


METHOD = DCN
