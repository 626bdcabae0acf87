"""k-means of the latent vectors of a convolutional autoencoder of images.

Three convolutions halve the side three times, a linear layer gives the latent vector, and the
decoder mirrors both. The method is the baseline that shows what reconstruction alone reaches.

Source: the autoencoder of Guo et al., Deep Clustering with Convolutional Autoencoders,
ICONIP 2017, without its clustering.
Departures: all convolutions are padded, so that the side is halved exactly; images are resized
to `side`; k-means has 20 starts.
"""

from dataclasses import dataclass
from typing import Annotated, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints
from mmbench.nn.clustering import assign_by_kmeans
from mmbench.nn.images import image_batches, on_device, predicted, resized
from mmbench.nn.preprocessing import require_sample_per_cluster

# of k-means; fewer before the last epoch, since only the trajectory depends on them
STARTS, CHECKPOINT_STARTS = 20, 3


@dataclass(frozen=True)
class ConvAEKMeans:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        side: of the network's input, in pixels, a multiple of 8.
        widths: channels of the three convolutions.
        n_latent: length of the latent vector.
        epochs: passes over the images.
        batch_size: images per batch; a last batch that is not full is left out.
        learning_rate: of Adam.
    """

    side: Annotated[PositiveInt, Field(multiple_of=8)] = 32
    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    n_latent: PositiveInt = 10
    epochs: PositiveInt = 200
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster images of any size, with the network and k-means trained on `fit_index`.

        The other samples are assigned to the nearest centroid. Logged are every epoch the mean
        squared error of pixels in [0, 1]; at checkpoints the assignments; at the end the latent
        vectors as embedding.

        Raises:
            IncompatibleDataError: the data are features, or have fewer samples to train on
                than clusters.
        """
        torch.manual_seed(seed)
        images = on_device(data.images(held_out=True), self.side, device)
        require_sample_per_cluster(data)
        fit_rows = torch.as_tensor(data.fit_index, device=device)
        network = ConvAutoencoder(images.shape[1], self.side, self.widths, self.n_latent)
        network.to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        log_epochs = checkpoints(self.epochs)

        for epoch in range(self.epochs):
            steps = []
            for batch in image_batches(images, fit_rows, self.batch_size):
                x = resized(batch, self.side)
                loss = functional.mse_loss(network(x).float(), x)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(loss.detach())
            log(epoch, loss=torch.stack(steps).mean().item())
            if epoch in log_epochs:
                last = epoch == self.epochs - 1
                z = predicted(network, images, self.side, network.encoder)
                n_init = STARTS if last else CHECKPOINT_STARTS
                y_pred = assign_by_kmeans(z, data, seed=seed, n_init=n_init).cpu().numpy()
                log(epoch, y_pred=y_pred, embedding=z.cpu().numpy() if last else None)
        return y_pred


class ConvAutoencoder(nn.Module):
    """An encoder of three strided convolutions, and the decoder that mirrors it.

    Attributes:
        encoder: (batch, channels, side, side) to (batch, n_latent).
        decoder: (batch, n_latent) to (batch, channels, side, side).
    """

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

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction, (batch, channels, side, side)."""
        return cast(Tensor, self.decoder(self.encoder(x)))


METHOD = ConvAEKMeans
