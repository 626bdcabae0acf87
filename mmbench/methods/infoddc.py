"""InfoDDC: fused views clustered by divergence, their codes aligned by mutual information.

As SiMVC, but encoders end in a softmax, and training first and also maximises the information
that the codes of two views share, with much weight on the entropy of the codes.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, On the Effects of Self-supervision and
Contrastive Alignment in Deep Multi-view Clustering (DeepMVC), CVPR 2023; the information term
is that of Lin et al., COMPLETER, CVPR 2021. Settings are those of the published code for
feature data, which counts the information of a view with itself as a pair too.
Departures: every seed is a result, where the code keeps the run of lowest loss among five. All
views count with themselves, where the code leaves the last one out. The term has its weight in
pre-training too, where the code has 1: that matters to the clipping of gradients alone, since
Adam undoes a factor. One Adam serves both phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.nn.ddc import Fused, FusionNetwork, train_fused
from mmbench.nn.encoders import normalised_mlp, paired_tensors
from mmbench.nn.information import shared_information


@dataclass(frozen=True)
class InfoDDC:
    """Hyperparameters of the method; the defaults are the published ones.

    Attributes:
        hidden: widths of each encoder.
        n_latent: length of an encoder's output, a distribution.
        n_hidden: length of the vectors in which clusters are to be separate.
        information_weight: of the shared information.
        entropy_weight: λ, of the entropy of the codes; 1 is the mutual information itself.
        pretrain_epochs: passes over the training samples on the shared information alone.
        epochs: passes after that, on all terms.
        batch_size: samples to a step.
        learning_rate: of Adam.
        max_gradient: the norm at which gradients are clipped.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1024, 1024, 1024, 1024)
    n_latent: PositiveInt = 256
    n_hidden: PositiveInt = 100
    information_weight: NonNegativeFloat = 0.1
    entropy_weight: Annotated[float, Field(ge=1)] = 10.0
    pretrain_epochs: NonNegativeInt = 50
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
                the fused codes as embedding.

        Returns:
            y_pred: (n_samples,), the cluster of each sample in 0..n_clusters-1.

        Raises:
            IncompatibleDataError: fewer than two views, unpaired samples, or fewer than two
                samples to train on.
        """
        torch.manual_seed(seed)
        views, fitted = paired_tensors(data, device)
        encoders = [
            nn.Sequential(
                normalised_mlp((x.shape[1], *self.hidden), self.n_latent), nn.Softmax(dim=1)
            )
            for x in views
        ]
        network = FusionNetwork(encoders, self.n_latent, self.n_hidden, data.n_clusters)

        def information_term(fused: Fused, weights: Tensor) -> dict[str, Tensor]:
            information = code_information(fused.z, self.entropy_weight)
            return {"information": -self.information_weight * information}

        return train_fused(
            network.to(device),
            data,
            views,
            fitted,
            information_term,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            max_gradient=self.max_gradient,
            log=log,
            pretrain_epochs=self.pretrain_epochs,
        )


def code_information(codes: Sequence[Tensor], entropy_weight: float) -> Tensor:
    """Return the shared information summed over pairs of views, with itself too, in nats.

    Args:
        codes: of each view, (n, n_latent), for the same samples; rows sum to 1.
        entropy_weight: λ of `shared_information`.
    """
    pairs = combinations_with_replacement(codes, 2)
    return torch.stack(
        [shared_information(a, b, entropy_weight=entropy_weight) for a, b in pairs]
    ).sum()


METHOD = InfoDDC
