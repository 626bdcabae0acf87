"""IDEC (improved deep embedded clustering): DEC with the reconstruction kept in its loss.

Training is that of `dec`, but in the second phase the decoder is trained too: the reconstruction
error is added to the loss, so that clustering does not distort the latent space.

Source: Guo, Gao, Liu & Yin, Improved Deep Embedded Clustering with Local Structure
Preservation, IJCAI 2017, section 3; the settings are those of its released code for MNIST.
Departures: features are centred; all layers are pre-trained together by Adam, instead of one by
one as denoising autoencoders; batches are shuffled, and the last one is left out unless it is full;
the target is renewed after whole epochs; the number of epochs is limited, where the code limits the
steps to 20 000.
"""

from dataclasses import dataclass

from pydantic import NonNegativeFloat

from mmbench.methods.dec import DEC


@dataclass(frozen=True)
class IDEC(DEC):
    """Hyperparameters of `DEC`, with the same defaults, and one more.

    Attributes:
        clustering_weight: γ, of the divergence; the reconstruction error has weight 1.
    """

    clustering_weight: NonNegativeFloat = 0.1

    def term_weights(self) -> dict[str, float]:
        """Return the weight of each term of the loss."""
        return {"divergence": self.clustering_weight, "reconstruction": 1.0}


METHOD = IDEC
