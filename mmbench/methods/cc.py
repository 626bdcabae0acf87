"""Contrastive clustering (CC) of images: two augmentations, contrasted at two levels.

CC is `SACC` without the strong augmentation: each image is augmented twice, and training
minimises the contrast of z between images (cosines divided by 0.5) plus the contrast of soft
assignments between clusters (divided by 1), which also keeps the clusters equally large.

Source: Li et al., Contrastive Clustering, AAAI 2021, arXiv:2009.09687, and the code of its
authors.
Departures: all draws follow from the seed, and the last epoch is the result. Departures of the
augmentation are listed in `mmbench.nn.augment`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mmbench.data import Dataset
from mmbench.methods import Log, silent
from mmbench.methods.sacc import SACC
from mmbench.nn.augment import Augmentation
from mmbench.nn.resnet import Backbone


@dataclass(frozen=True)
class CC:
    """Hyperparameters of the method, named as in `SACC`; the defaults are the published ones.

    In the paper, `jitter` is 0.5 for CIFAR and `weak_blur` is off for CIFAR and STL-10.
    """

    backbone: Backbone = "resnet34"
    side: PositiveInt = 224
    epochs: PositiveInt = 1000
    min_steps: NonNegativeInt = 0
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4
    jitter: NonNegativeFloat = 1.0
    weak_blur: bool = True
    flip: bool = True
    rotation: NonNegativeFloat = 0.0
    min_crop: Annotated[float, Field(gt=0, le=1)] = 0.08

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.int64]:
        """Cluster images; what is logged and raised is that of `SACC.fit_predict`."""
        return self._as_sacc().fit_predict(data, seed=seed, device=device, log=log)

    def augmentations(self) -> Mapping[str, Augmentation]:
        """Return the augmentation by its name."""
        return self._as_sacc().augmentations()

    def _as_sacc(self) -> SACC:
        return SACC(**asdict(self), strong="none")


METHOD = CC
