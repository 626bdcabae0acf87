"""COMPLETER: codes of two views that tell each other, and predict each other where one lacks.

Each view has an autoencoder whose code is a distribution. Training maximises the information
that the codes of two views share, with much weight on their entropy, and reconstructs the
views; later a network in each direction also learns to predict the code of the other view. A
sample that lacks a view gets the predicted code, and the codes of both views, side by side,
are clustered by k-means.

Source: Lin et al., COMPLETER: Incomplete Multi-view Clustering via Contrastive Prediction, CVPR
2021. Settings are those of the published code for Scene-15 and Caltech101-20.
Departures: one setting for all data (the code has a shorter code for others) and seeds as
they come (it fixes one for each data set); a last batch that is not full is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, in_chunks, shuffled_batches
from mmbench.nn.encoders import normalised_mlp
from mmbench.nn.incomplete import row_numbers, samples_in_pairs
from mmbench.nn.information import shared_information
from mmbench.nn.preprocessing import kmeans_assignments

# starts of k-means, at checkpoints and at the end
CHECKPOINT_STARTS, STARTS = 2, 20


@dataclass(frozen=True)
class Completer:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder; the decoder has them in reverse.
        n_latent: length of a code.
        predictor_hidden: widths of a predictor, up to its middle; then in reverse.
        entropy_weight: λ, of the entropy of the codes; 1 is the mutual information itself.
        prediction_weight: of the error of the predicted codes.
        reconstruction_weight: of the error of the reconstructed views.
        epochs: passes over the training samples that have both views.
        prediction_start: the epoch from which codes are predicted.
        batch_size: samples to a step.
        learning_rate: of Adam.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024)
    n_latent: PositiveInt = 128
    predictor_hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 256, 128)
    entropy_weight: Annotated[float, Field(ge=1)] = 10.0
    prediction_weight: NonNegativeFloat = 0.1
    reconstruction_weight: NonNegativeFloat = 0.1
    epochs: PositiveInt = 500
    prediction_start: NonNegativeInt = 100
    batch_size: Annotated[int, Field(ge=2)] = 256
    learning_rate: PositiveFloat = 1e-4

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster two feature views, of which samples may lack one.

        Args:
            data: two views, each (n_rows_v, n_features_v). Trained on those of `fit_index`
                that have both; all samples are assigned.
            seed: of the initial weights, the order of the batches and k-means.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss and its terms before their weights;
                at checkpoints with the assignments and `clusters_used`; at the end with the
                codes of both views side by side as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: other than two views, images, fewer than two training
                samples with both, or fewer training samples than clusters.
        """
        torch.manual_seed(seed)
        described = data.incomplete_features(at_least=2, held_out=True)
        if len(described) > 2:
            raise IncompatibleDataError(f"{data.name}: takes at most 2 views, has {len(described)}")
        rows = row_numbers(data)
        both = rows[:, samples_in_pairs(data, rows)]
        views = [torch.as_tensor(v.flat(), device=device) for v in described]
        fitted = [x[torch.as_tensor(r, device=device)] for x, r in zip(views, both, strict=True)]

        network = Network(
            [x.shape[1] for x in views], self.hidden, self.n_latent, self.predictor_hidden
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        shown = checkpoints(self.epochs)
        last = self.epochs - 1
        for epoch in range(self.epochs):
            network.train()
            predicting = self.prediction_weight if epoch >= self.prediction_start else 0.0
            weights = torch.tensor([-1.0, self.reconstruction_weight, predicting], device=device)
            figures = []
            for batch in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                terms = network.terms([x[batch] for x in fitted], self.entropy_weight)
                loss = (weights * terms).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                figures.append(torch.cat([loss[None], terms]).detach())
            # read once an epoch: reading a number makes the host wait for the device
            means = torch.stack(figures).mean(dim=0).tolist()
            log(epoch, loss=means[0], shared=means[1], reconstruction=means[2], prediction=means[3])
            if epoch in shown:
                codes = network.codes(views, torch.as_tensor(rows, device=device)).cpu().numpy()
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = kmeans_assignments(codes, data, seed=seed, n_init=n_init)
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))
        log(last, embedding=codes)
        return y_pred


class Network(nn.Module):
    """Autoencoders of two views, and a predictor of the other view's code for each.

    Attributes:
        encoders: of each view, (batch, n_features_v) to a code, (batch, n_latent).
        decoders: back again, rectified at the end, as published: views must not be negative.
        predictors: of each view, from its code to that of the other.
    """

    def __init__(
        self,
        widths: Sequence[int],
        hidden: Sequence[int],
        n_latent: int,
        predictor_hidden: Sequence[int],
    ) -> None:
        """Build them; `widths` are the numbers of features of the views."""
        super().__init__()
        self.encoders = nn.ModuleList(
            [
                nn.Sequential(normalised_mlp((width, *hidden), n_latent), nn.Softmax(dim=1))
                for width in widths
            ]
        )
        self.decoders = nn.ModuleList(
            [normalised_mlp((n_latent, *hidden[::-1], width)) for width in widths]
        )
        there_and_back = (n_latent, *predictor_hidden, *predictor_hidden[-2::-1])
        self.predictors = nn.ModuleList(
            [
                nn.Sequential(normalised_mlp(there_and_back, n_latent), nn.Softmax(dim=1))
                for _ in widths
            ]
        )

    def terms(self, views: Sequence[Tensor], entropy_weight: float) -> Tensor:
        """Return the shared information and the two errors of a batch, (3,).

        The information is in nats, at most (2λ - 1) log(n_latent); the errors of views and of
        predicted codes are mean squares, summed over the views.

        Args:
            views: rows of both views of the same samples, each (batch, n_features_v).
            entropy_weight: λ.
        """
        codes = [encoder(x).float() for encoder, x in zip(self.encoders, views, strict=True)]
        information = shared_information(codes[0], codes[1], entropy_weight=entropy_weight)
        decoded = [decoder(z) for decoder, z in zip(self.decoders, codes, strict=True)]
        predicted = [predict(z) for predict, z in zip(self.predictors, codes, strict=True)]
        errors = [_mean_square(decoded, views), _mean_square(predicted, codes[::-1])]
        return torch.stack([information, *errors])

    def codes(self, views: Sequence[Tensor], rows: Tensor) -> Tensor:
        """Return the codes of both views side by side, (n_samples, 2 n_latent).

        The code of a view that a sample lacks is predicted from that of the other. Without a
        gradient; the network is in eval mode afterwards.

        Args:
            views: all rows of both views, each (n_rows_v, n_features_v).
            rows: (2, n_samples), the row of each sample in each view, -1 for none.
        """
        self.eval()
        own = [in_chunks(encoder, x) for encoder, x in zip(self.encoders, views, strict=True)]
        sides = []
        for v, other in ((0, 1), (1, 0)):
            has = rows[v] >= 0
            side = own[v].new_empty(rows.shape[1], own[v].shape[1])
            side[has] = own[v][rows[v][has]]
            if not has.all():
                side[~has] = in_chunks(self.predictors[other], own[other][rows[other][~has]])
            sides.append(side)
        return torch.cat(sides, dim=1)


def _mean_square(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    pairs = zip(found, wanted, strict=True)
    return torch.stack([functional.mse_loss(a.float(), b) for a, b in pairs]).sum()


METHOD = Completer
