"""Deep CCA + k-means: view networks trained to correlate, whose projections are clustered.

Each view has an encoder. Training maximises the total correlation of the outputs, the sum of
the canonical correlations between two views. Linear CCA of the outputs then maps the views to one
space, where the mean of their projections is clustered.

Source: Andrew, Arora, Bilmes & Livescu, Deep Canonical Correlation Analysis, ICML 2013,
section 3; batches as in Wang, Arora, Livescu & Bilmes, On deep multi-view representation
learning, ICML 2015.
Departures: Adam on large batches, ReLU and batch normalisation replace L-BFGS on all samples, a
cubic-root sigmoid and pre-training by denoising. With more than two views the total correlations
of all pairs are summed, and multiset CCA maps the views to one space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.batches import checkpoints, in_chunks, paired_tensors, shuffled_batches
from mmbench.nn.canonical import canonical
from mmbench.nn.networks import normalised_mlp
from mmbench.nn.preprocessing import kmeans_assignments

CHECKPOINT_STARTS, STARTS = 2, 20  # of k-means


@dataclass(frozen=True)
class DCCAKMeans:
    """Hyperparameters of the method; the defaults are those of Wang et al. where they apply.

    Attributes:
        hidden: widths of each encoder.
        n_components: outputs of each encoder.
        ridge: added to the variances of the outputs.
        epochs: passes over the training samples.
        batch_size: covariances of `n_components` columns need many samples.
        learning_rate: of Adam.
        weight_decay: of Adam. Without it, large networks correlate any two views of few samples.
    """

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024)
    n_components: PositiveInt = 10
    ridge: PositiveFloat = 1e-4
    epochs: PositiveInt = 100
    batch_size: Annotated[int, Field(ge=2)] = 500
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-4

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster at least two paired views, of features or images (as pixels in [0, 1]).

        Logged are the mean loss, minus the total correlation, in each epoch; assignments and
        `clusters_used` at checkpoints; at the end the mean projection as embedding.

        Raises:
            IncompatibleDataError: fewer than two views, a sample lacks a view, fewer than two
                samples to train on, or fewer than clusters.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders = nn.ModuleList(
            [normalised_mlp((x.shape[1], *self.hidden), self.n_components) for x in views]
        ).to(device)
        optimiser = torch.optim.Adam(
            encoders.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        logged_epochs = checkpoints(self.epochs)
        last = self.epochs - 1
        for epoch in range(self.epochs):
            encoders.train()
            losses = []
            for rows in shuffled_batches(len(fitted[0]), self.batch_size, device, drop_last=True):
                outputs = [encoder(x[rows]) for encoder, x in zip(encoders, fitted, strict=True)]
                pairs = combinations(outputs, 2)
                loss = -torch.stack([total_correlation(a, b, self.ridge) for a, b in pairs]).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.detach())
            log(epoch, loss=torch.stack(losses).mean().item())
            if epoch in logged_epochs:
                z = self._projections(data, encoders.eval(), views)
                n_init = STARTS if epoch == last else CHECKPOINT_STARTS
                y_pred = kmeans_assignments(z, data, seed=seed, n_init=n_init)
                log(epoch, y_pred=y_pred, clusters_used=float(len(np.unique(y_pred))))
        log(last, embedding=z)
        return y_pred

    def _projections(
        self, data: Dataset, encoders: nn.Module, views: Sequence[Tensor]
    ) -> NDArray[np.float64]:
        pairs = zip(encoders.children(), views, strict=True)
        outputs = [in_chunks(encoder, x).double().cpu().numpy() for encoder, x in pairs]
        # C + r I up to a factor, to which projections of unit variance are invariant
        shrinkage = self.ridge / (1 + self.ridge)
        return canonical(outputs, data.fit_index, self.n_components, shrinkage)


def total_correlation(a: Tensor, b: Tensor, ridge: float) -> Tensor:
    """Return the sum of the canonical correlations of two views, a scalar.

    It is the trace norm of T = S_aa^(-1/2) S_ab S_bb^(-1/2), with the ridge added to the
    covariances S_aa and S_bb: at least 0, and less than the smaller number of columns.

    The views are (batch, n_a) and (batch, n_b), of at least two samples; the ridge is positive.

    Source: Andrew et al. 2013, equations 9 and 10. Cholesky factors replace the square roots:
    singular values are the same, and have a gradient also where eigenvalues are equal.
    """
    # float64, because a covariance has half the significant digits of its data
    with torch.autocast(a.device.type, enabled=False):
        a, b = (x.double() - x.double().mean(dim=0) for x in (a, b))
        within_a, within_b = (_root(x.T @ x / (len(x) - 1), ridge) for x in (a, b))
        across = a.T @ b / (len(a) - 1)
        t = torch.linalg.solve_triangular(within_a, across, upper=False)
        t = torch.linalg.solve_triangular(within_b, t.T, upper=False)
        # the SVD of NaN would raise an error; a NaN loss says more about the run
        total: Tensor = (torch.linalg.svdvals(t) if torch.isfinite(t).all() else t).sum()
        return total


def _root(covariance: Tensor, ridge: float) -> Tensor:
    """Return the lower Cholesky factor of covariance + ridge I, NaN if there is none."""
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    factor, failed = torch.linalg.cholesky_ex(covariance + ridge * identity)
    return torch.where(failed == 0, factor, torch.nan)


METHOD = DCCAKMeans
