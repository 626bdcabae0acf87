"""InfoDDC: SiMVC with codes of the views that are aligned by mutual information.

The encoders end in a softmax. Training maximises the information that the codes of two views
share, alone at first and then together with the clustering loss, with a large weight on the
entropy of the codes.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, On the Effects of Self-supervision and
Contrastive Alignment in Deep Multi-view Clustering (DeepMVC), CVPR 2023; the information term
is that of Lin et al., COMPLETER, CVPR 2021. The settings and both encoders are those of the
published code, which also counts the information of a view with itself; the encoders are those of
`mmbench.methods.mv_iic`.
Departures: every seed is a result, where the code keeps the run of lowest loss among five, at its
checkpoint of lowest loss. All views are paired with themselves, where the code omits the last one.
The term keeps its weight in pre-training, where the code has 1, and one Adam serves both phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.methods.simvc import SiMVC
from mmbench.nn.ddc import FusionOutput
from mmbench.nn.information import shared_information


@dataclass(frozen=True)
class InfoDDC(SiMVC):
    """Hyperparameters of `SiMVC`, and those of the shared information.

    Attributes:
        information_weight: of the shared information.
        entropy_weight: λ, of the entropy of the codes; 1 gives the mutual information.
        pretrain_epochs: passes over the training samples on the shared information alone.
    """

    kernels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (3, 3)
    channels: PositiveInt = 64
    information_weight: NonNegativeFloat = 0.1
    entropy_weight: Annotated[float, Field(ge=1)] = 10.0
    pretrain_epochs: NonNegativeInt = 50

    def encoders(self, data: Dataset) -> tuple[list[nn.Module], int]:
        """Return the untrained encoders of the views, whose outputs are distributions."""
        encoders, n_latent = super().encoders(data)
        return [nn.Sequential(encoder, nn.Softmax(dim=1)) for encoder in encoders], n_latent

    def alignment(self, output: FusionOutput, view_weights: Tensor) -> dict[str, Tensor]:
        """Return minus the weighted information that the codes share."""
        information = code_information(output.encodings, self.entropy_weight)
        return {"information": -self.information_weight * information}

    def n_pretrain_epochs(self) -> int:
        """Return the number of epochs with the information alone."""
        return self.pretrain_epochs


def code_information(codes: Sequence[Tensor], entropy_weight: float) -> Tensor:
    """Return the information summed over pairs of views, each also with itself, in nats.

    The codes are (n, n_latent) for each view, and their rows sum to 1.
    """
    pairs = combinations_with_replacement(codes, 2)
    shared = [shared_information(a, b, entropy_weight=entropy_weight) for a, b in pairs]
    return torch.stack(shared).sum()


METHOD = InfoDDC
