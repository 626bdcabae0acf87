"""Generators: data sets that are made by code, with parameters and a seed."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mmbench.config.datasets.common import Frozen


class SyntheticViews(Frozen):
    """Views made of a shared factor that tells the cluster, a private factor and noise.

    Attributes:
        n_shared: dimensions of the shared factor.
        n_private: dimensions of the private factor of each view.
        separation: between cluster centres in the shared factor, in standard deviations
            within a cluster.
        private_share: of the variance of a view before noise, how much its private factor
            makes. That factor has clusters of its own, which have nothing to do with the labels.
        noise: standard deviation of the noise; the rest of a feature has variance 1.
    """

    kind: Literal["synthetic"]
    n_shared: PositiveInt = 10
    n_private: PositiveInt = 10
    separation: PositiveFloat = 4.0
    private_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    noise: NonNegativeFloat = 0.5


class SyntheticImages(Frozen):
    """Small grey images: discs, upright and level stripes, and noise.

    Attributes:
        noise: standard deviation of the noise, of pixels in [0, 1].
    """

    kind: Literal["images"]
    noise: NonNegativeFloat = 0.1


Generator = Annotated[SyntheticViews | SyntheticImages, Field(discriminator="kind")]
