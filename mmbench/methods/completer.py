"""COMPLETER: codes of two views that share information, and that predict a missing view's code.

Each view has an autoencoder whose code is a distribution. Training maximises the information
that the codes of two views share, with a large weight on their entropy, and reconstructs the
views; later a network in each direction also learns to predict the code of the other view, for
samples that lack it. The codes of both views are concatenated and clustered by k-means.

Source: Lin et al., COMPLETER: Incomplete Multi-view Clustering via Contrastive Prediction, CVPR
2021. The settings are those of the published code for Scene-15 and Caltech101-20.
Departures: one configuration for all data (the code has shorter codes for other data) and any
seed (the code fixes one for each data set); the last batch is left out unless it is full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, epoch_means, in_chunks, shuffled_batches
from mmbench.nn.information import shared_information
from mmbench.nn.networks import normalised_mlp
from mmbench.nn.preprocessing import kmeans_assignments, row_numbers, samples_in_pairs

CHECKPOINT_STARTS, STARTS = 2, 20  # of k-means


@dataclass(frozen=True)
class Completer:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder; the decoder has them in reverse.
        n_latent: length of a code.
        predictor_hidden: widths of the first half of a predictor, reversed in the second half.
        entropy_weight: λ, of the entropy of the codes; 1 gives the mutual information.
        prediction_weight: of the error of the predicted codes.
        reconstruction_weight: of the error of the reconstructed views.
        epochs: passes over the training samples that have both views.
        prediction_start: the epoch from which codes are predicted.
        batch_size: in samples.
        learning_rate: of Adam.
    """

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
        """Cluster two feature views; samples may lack one of them.

        The network is trained on those of `fit_index` that have both. Logged are the mean loss and
        its unweighted terms in each epoch; assignments and `clusters_used` at checkpoints; at the
        end the concatenated codes as embedding.

        Raises:
            IncompatibleDataError: other than two views, images, fewer than two training
                samples with both, or fewer training samples than clusters.
        """
        torch.manual_seed(seed)
        described = data.incomplete_features(at_least=2, held_out=True)
        if len(described) > 2:
            raise IncompatibleDataError(f"{data.name}: takes at most 2 views, has {len(described)}")
        rows = row_numbers(data)
        paired_rows = rows[:, samples_in_pairs(data, rows)]
        views = [torch.as_tensor(v.flat(), device=device) for v in described]
        fitted = [
            x[torch.as_tensor(r, device=device)] for x, r in zip(views, paired_rows, strict=True)
        ]

        network = CompletionNetwork(
            [x.shape[1] for x in views], self.hidden, self.n_latent, self.predictor_hidden
        ).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        logged_epochs = checkpoints(self.epochs)
        last = self.epochs - 1
        for epoch in range(self.epochs):
            network.train()
            prediction_weight = self.prediction_weight if epoch >= self.prediction_start else 0.0
            weights = torch.tensor(
                [-1.0, self.reconstruction_weight, prediction_weight], device=device
            )
            steps = []
            for batch in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                terms = network.terms([x[batch] for x in fitted], self.entropy_weight)
                loss = (weights * terms).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                steps.append(torch.cat([loss[None], terms]).detach())
            means = epoch_means(steps)
            log(epoch, loss=means[0], shared=means[1], reconstruction=means[2], prediction=means[3])
            if epoch in logged_epochs:
                codes = network.codes(views, torch.as_tensor(rows, device=device)).cpu().numpy()
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = kmeans_assignments(codes, data, seed=seed, n_init=n_init)
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))
        log(last, embedding=codes)
        return y_pred


class CompletionNetwork(nn.Module):
    """Autoencoders of two views, and for each a predictor of the other view's code.

    Attributes:
        encoders: of each view, (batch, n_features_v) to a code, (batch, n_latent).
        decoders: back to the view. They end in a ReLU, as published: views must not be negative.
        predictors: of each view, from its code to that of the other.
    """

    def __init__(
        self,
        n_features: Sequence[int],
        hidden: Sequence[int],
        n_latent: int,
        predictor_hidden: Sequence[int],
    ) -> None:
        """Build all parts for views of `n_features`."""
        super().__init__()
        self.encoders = nn.ModuleList(_to_code((n, *hidden), n_latent) for n in n_features)
        back = (n_latent, *hidden[::-1])
        self.decoders = nn.ModuleList(normalised_mlp((*back, n)) for n in n_features)
        widths = (n_latent, *predictor_hidden, *predictor_hidden[-2::-1])
        self.predictors = nn.ModuleList(_to_code(widths, n_latent) for _ in n_features)

    def terms(self, views: Sequence[Tensor], entropy_weight: float) -> Tensor:
        """Return the shared information and the errors of views and predicted codes, (3,).

        The views are rows of the same samples, each (batch, n_features_v). The information is in
        nats, at most (2λ - 1) log(n_latent), with λ the `entropy_weight`; the errors are mean
        squares, summed over the views.
        """
        codes = [encoder(x).float() for encoder, x in zip(self.encoders, views, strict=True)]
        information = shared_information(codes[0], codes[1], entropy_weight=entropy_weight)
        decoded = [decoder(z) for decoder, z in zip(self.decoders, codes, strict=True)]
        predicted = [predictor(z) for predictor, z in zip(self.predictors, codes, strict=True)]
        errors = [_squared_error(decoded, views), _squared_error(predicted, codes[::-1])]
        return torch.stack([information, *errors])

    def codes(self, views: Sequence[Tensor], rows: Tensor) -> Tensor:
        """Return the concatenated codes of both views, (n_samples, 2 n_latent).

        The code of a view that a sample lacks is predicted. The views are (n_rows_v, n_features_v),
        the rows those of `row_numbers`. The network is in eval mode afterwards.
        """
        self.eval()
        encoded = [in_chunks(encoder, x) for encoder, x in zip(self.encoders, views, strict=True)]
        codes = []
        for v, other in ((0, 1), (1, 0)):
            has = rows[v] >= 0
            code = encoded[v].new_empty(rows.shape[1], encoded[v].shape[1])
            code[has] = encoded[v][rows[v][has]]
            if not has.all():
                code[~has] = in_chunks(self.predictors[other], encoded[other][rows[other][~has]])
            codes.append(code)
        return torch.cat(codes, dim=1)


def _to_code(widths: Sequence[int], n_latent: int) -> nn.Sequential:
    return nn.Sequential(normalised_mlp(widths, n_latent), nn.Softmax(dim=1))


def _squared_error(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    pairs = zip(outputs, targets, strict=True)
    return torch.stack([functional.mse_loss(a.float(), b) for a, b in pairs]).sum()


METHOD = Completer
