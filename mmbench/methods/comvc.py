"""CoMVC: SiMVC, with the encodings of a sample by two views drawn together by contrast.

The contrast weighs as much as the least weight of a view in the fusion, so that it fades
where the network finds a view of no use.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, Reconsidering Representation Alignment for
Multi-view Clustering, CVPR 2021, section 4. Settings are those of DeepMVC (the same authors,
CVPR 2023) for feature data.
Departures: every seed is a result, where the code keeps the run of lowest loss among five. As
in the code, and unlike the paper, all other rows of a batch are negatives, and the contrasts of
both directions are summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.ddc import Fused, FusionNetwork, train_fused
from mmbench.nn.encoders import normalised_mlp, paired_tensors
from mmbench.nn.losses import nt_xent


@dataclass(frozen=True)
class CoMVC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder.
        n_latent: length of an encoder's output.
        n_hidden: length of the vectors in which clusters are to be separate.
        contrast_weight: of the contrast, beside the least weight of a view.
        temperature: of the contrast.
        epochs: passes over the training samples.
        batch_size: samples to a step.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024, 1024)
    n_latent: PositiveInt = 256
    n_hidden: PositiveInt = 100
    contrast_weight: NonNegativeFloat = 0.1
    temperature: PositiveFloat = 0.1
    epochs: PositiveInt = 100
    batch_size: Annotated[int, Field(ge=2)] = 100
    learning_rate: PositiveFloat = 1e-3
    max_gradient: PositiveFloat = 10.0

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster paired views.

        Args:
            data: at least two views; view v is (n_samples, n_features_v), images are taken
                as pixels. Trained on `fit_index`, all samples are assigned.
            seed: of the initial weights and the order of the batches.
            device: where to train, as torch names it.
            log: called once an epoch with the mean loss, its terms and the weight of each
                view; at checkpoints with the assignments and `clusters_used`; at the end with
                the fused vectors as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, or fewer than two
                samples to train on.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders = [normalised_mlp((x.shape[1], *self.hidden), self.n_latent) for x in views]
        network = FusionNetwork(encoders, self.n_latent, self.n_hidden, data.n_clusters)

        def contrast_term(fused: Fused, weights: Tensor) -> dict[str, Tensor]:
            term = least_weight(weights) * contrast(fused.z, self.temperature)
            return {"contrast": self.contrast_weight * term}

        return train_fused(
            network.to(device),
            data,
            views,
            fitted,
            contrast_term,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            max_gradient=self.max_gradient,
            log=log,
        )


def least_weight(weights: Tensor) -> Tensor:
    """Return the least of the weights of the views, (n_views,), a scalar without a gradient.

    With one, the network could lower the contrast by shunning a view.
    """
    return weights.min().detach()


def contrast(z: Sequence[Tensor], temperature: float) -> Tensor:
    """Return the mean over pairs of views of their contrast, both directions summed, in nats.

    That is twice `nt_xent`; at least 0, and 2 log(2n - 1) where all rows are equal.

    Args:
        z: of each view, (n, n_latent), of the same samples.
        temperature: divides the cosines.
    """
    pairs = [2 * nt_xent(a, b, temperature) for a, b in combinations(z, 2)]
    return torch.stack(pairs).mean()


METHOD = CoMVC
