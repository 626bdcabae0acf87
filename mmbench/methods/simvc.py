"""SiMVC: a weighted mean of the views' encodings, clustered by deep divergence (DDC).

The encoders of the views are trained only through the clusters of the weighted mean of their
outputs, see `mmbench.nn.ddc`. CoMVC and InfoDDC add a term that aligns the views.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, Reconsidering Representation Alignment for
Multi-view Clustering, CVPR 2021, section 3. The settings are those of DeepMVC (the same authors,
CVPR 2023); the convolutional encoder is that of the code of the first paper (mvc), which has 288
outputs for images of 28 pixels a side.
Departures: every seed is a result, where the code keeps the run of lowest loss among several, at
its checkpoint of lowest loss. The weights start as PyTorch draws them, where mvc draws them from
a normal distribution. Gradients are clipped at 10, as in DeepMVC; mvc asks for 5 and clips none,
since its optimiser has used up the iterator of parameters that it would clip.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, paired_tensors, shuffled_batches
from mmbench.nn.ddc import FusionNetwork, FusionOutput, ddc_terms
from mmbench.nn.encoders import Encoder, view_encoders


@dataclass(frozen=True)
class SiMVC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        encoder: of the views, see `mmbench.nn.encoders`.
        hidden: widths of a dense encoder.
        n_latent: length of a dense encoder's output.
        kernels: of a convolutional encoder.
        channels: of a convolutional encoder.
        n_hidden: width of the hidden layer in which the loss separates the clusters.
        epochs: passes over the training samples, after pre-training where there is any.
        batch_size: the last batch is left out unless it is full.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
    """

    encoder: Encoder = "auto"
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024, 1024)
    n_latent: PositiveInt = 256
    kernels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (5, 3)
    channels: PositiveInt = 32
    n_hidden: PositiveInt = 100
    epochs: PositiveInt = 100
    batch_size: Annotated[int, Field(ge=2)] = 100
    learning_rate: PositiveFloat = 1e-3
    max_gradient: PositiveFloat = 10.0

    def encoders(self, data: Dataset) -> tuple[list[nn.Module], int]:
        """Return the untrained encoders of the views, and the length of their outputs."""
        return view_encoders(
            data,
            self.encoder,
            hidden=self.hidden,
            n_latent=self.n_latent,
            kernels=self.kernels,
            channels=self.channels,
        )

    def alignment(self, output: FusionOutput, view_weights: Tensor) -> dict[str, Tensor]:
        """Return the terms of the loss that align the views, by name; SiMVC has none."""
        return {}

    def n_pretrain_epochs(self) -> int:
        """Return the number of epochs, before the others, with the alignment terms alone."""
        return 0

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired views, of features or images (as pixels).

        Logged are the mean loss, its terms and the weight of each view in each epoch; assignments
        and `clusters_used` at checkpoints; at the end the fused encodings as embedding.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, fewer than two
                samples to train on, or views that the encoder does not fit.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders, n_latent = self.encoders(data)
        network = FusionNetwork(encoders, n_latent, self.n_hidden, data.n_clusters).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        n_pretrain = self.n_pretrain_epochs()
        n_epochs = n_pretrain + self.epochs
        logged_epochs = checkpoints(n_epochs)
        for epoch in range(n_epochs):
            network.train()
            steps = []
            for rows in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                output = network([x[rows] for x in fitted])
                separation = ddc_terms(output.soft, output.hidden).unbind()
                alignment = self.alignment(output, network.weights)
                terms = dict(zip(("compact", "orthogonal", "corner"), separation, strict=True))
                terms |= alignment
                minimised = alignment if epoch < n_pretrain else terms
                loss = torch.stack(list(minimised.values())).sum()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), self.max_gradient)
                optimiser.step()
                steps.append(torch.stack([loss, *terms.values()]).detach())
            means: dict[str, Any] = dict(zip(("loss", *terms), epoch_means(steps), strict=True))
            for view, weight in zip(data.views, network.weights.tolist(), strict=True):
                means[f"weight_{view.name}"] = weight
            log(epoch, **means)
            if epoch in logged_epochs:
                fused, soft = network.assign(views)
                y_pred: NDArray[np.int64] = soft.argmax(dim=1).cpu().numpy()
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))
        log(n_epochs - 1, embedding=fused.cpu().numpy())
        return y_pred


METHOD = SiMVC
