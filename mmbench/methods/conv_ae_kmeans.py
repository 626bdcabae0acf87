"""k-means of the latent vectors of a convolutional autoencoder of images.

Three convolutions halve the side three times, a linear layer gives the latent vector, and the
mirror image of both gives the image back. What a method for images reaches beyond this
baseline, reconstruction alone does not give.

Source: the autoencoder of Guo et al., Deep Clustering with Convolutional Autoencoders,
ICONIP 2017, before its clustering.
Departures: all convolutions are padded, so that the side is halved exactly; images of any
size are resized first; k-means has 20 starts.
"""

from dataclasses import dataclass
from typing import Annotated, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, in_chunks, shuffled_batches
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.images import on_device, resized
from mmbench.nn.preprocessing import require_sample_per_cluster

# of k-means; on the way fewer, so that keeping the trajectory costs little
STARTS, CHECKPOINT_STARTS = 20, 3


@dataclass(frozen=True)
class ConvAEKMeans:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        side: that images are resized to, in pixels, a multiple of 8.
        widths: channels of the three convolutions.
        n_latent: length of the latent vector.
        epochs: each over all images but a last batch that is not full.
        batch_size: in images.
        learning_rate: of Adam.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    side: Annotated[PositiveInt, Field(multiple_of=8)] = 32
    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    n_latent: PositiveInt = 10
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster images.

        Args:
            data: images of any size. Trained on `fit_index`; the other samples go to the
                nearest centroid.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean squared error of pixels in [0, 1]; at
                checkpoints with the assignments; at the end with the latent vectors as
                embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: the data are features, or have fewer samples to train on
                than clusters.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        require_sample_per_cluster(data)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        network = _ConvAutoencoder(images.shape[1], self.side, self.widths, self.n_latent)
        network.to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)

        for epoch in range(self.epochs):
            steps = []
            for rows in shuffled_batches(len(fit_rows), self.batch_size, device, drop_last=True):
                x = resized(images[fit_rows[rows]], self.side)
                loss = functional.mse_loss(network(x).float(), x)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(loss.detach())
            log(epoch, loss=torch.stack(steps).mean().item())
            if epoch in shown:
                last = epoch == self.epochs - 1
                z = in_chunks(lambda x: network.encode(resized(x, self.side)), images, 500)
                n_init = STARTS if last else CHECKPOINT_STARTS
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init).cpu().numpy()
                log(epoch, y_pred=y_pred, embedding=z.cpu().numpy() if last else None)
        return y_pred


class _ConvAutoencoder(nn.Module):
    """Three strided convolutions to a latent vector, and back."""

    def __init__(
        self, channels: int, side: int, widths: tuple[int, int, int], n_latent: int
    ) -> None:
        super().__init__()
        first, second, third = widths
        relu = nn.ReLU(inplace=True)
        map_shape = (third, side // 8, side // 8)
        n_map = third * (side // 8) ** 2
        self.encoder = nn.Sequential(
            *(nn.Conv2d(channels, first, 5, stride=2, padding=2), relu),
            *(nn.Conv2d(first, second, 5, stride=2, padding=2), relu),
            *(nn.Conv2d(second, third, 3, stride=2, padding=1), relu),
            *(nn.Flatten(), nn.Linear(n_map, n_latent)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(n_latent, n_map), relu, nn.Unflatten(1, map_shape)),
            *(nn.ConvTranspose2d(third, second, 3, 2, padding=1, output_padding=1), relu),
            *(nn.ConvTranspose2d(second, first, 5, 2, padding=2, output_padding=1), relu),
            nn.ConvTranspose2d(first, channels, 5, 2, padding=2, output_padding=1),
        )

    def encode(self, x: Tensor) -> Tensor:
        """Return (batch, n_latent)."""
        return cast(Tensor, self.encoder(x))

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction, (batch, channels, side, side)."""
        return cast(Tensor, self.decoder(self.encode(x)))


METHOD = ConvAEKMeans
