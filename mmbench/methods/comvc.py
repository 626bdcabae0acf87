"""CoMVC: SiMVC with a contrastive loss that aligns the encodings of a sample by its views.

The contrastive loss has the smallest weight that a view has in the fusion.

Source: Trosten, Løkse, Jenssen & Kampffmeyer, Reconsidering Representation Alignment for
Multi-view Clustering, CVPR 2021, section 4. The settings are those of DeepMVC (the same authors,
CVPR 2023), and the encoders those of `mmbench.methods.simvc`.
Departures: those of SiMVC. As in DeepMVC, and unlike the paper and its code, all other rows of a
batch are negatives, and the losses of both directions are summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from mmbench.methods.simvc import SiMVC
from mmbench.nn.ddc import FusionOutput
from mmbench.nn.losses import nt_xent


@dataclass(frozen=True)
class CoMVC(SiMVC):
    """Hyperparameters of `SiMVC`, with the same defaults, and those of the contrastive loss.

    Attributes:
        contrast_weight: multiplied by the smallest weight of a view.
        temperature: of the cosine similarities.
    """

    contrast_weight: NonNegativeFloat = 0.1
    temperature: PositiveFloat = 0.1

    def alignment(self, output: FusionOutput, view_weights: Tensor) -> dict[str, Tensor]:
        """Return the weighted contrastive loss."""
        # without a gradient, since the network could lower the loss by ignoring a view
        smallest = view_weights.min().detach()
        contrast = smallest * contrastive_loss(output.encodings, self.temperature)
        return {"contrast": self.contrast_weight * contrast}


def contrastive_loss(encodings: Sequence[Tensor], temperature: float) -> Tensor:
    """Return the mean over pairs of views of the loss, both directions summed, in nats.

    The encodings are (n, n_latent) for each view. The loss of both directions is twice
    `nt_xent`: at least 0, and 2 log(2n - 1) where all rows are equal.
    """
    pairs = [2 * nt_xent(a, b, temperature) for a, b in combinations(encodings, 2)]
    return torch.stack(pairs).mean()


METHOD = CoMVC
