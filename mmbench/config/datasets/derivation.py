"""Derivations: what a derived data set takes away from the one it is made from."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mmbench.config.datasets.common import Frozen

Rate = Annotated[float, Field(ge=0, le=1)]


class Split(Frozen):
    """Which samples to train on.

    Attributes:
        train: their share, the same in every class; the others are only assigned.
    """

    train: Annotated[float, Field(gt=0, lt=1)]


class DrawnByClass(Frozen):
    """Samples put together from different images of one class.

    Attributes:
        views: their names. The images of a class are cut, in the order of the file, into as
            many pools as there are views, and each view draws from its own.
        samples: how many to draw, as many of each class.
        first_rows: draw from so many first rows of the file alone.
    """

    views: Annotated[tuple[str, ...], Field(min_length=2)]
    samples: PositiveInt
    first_rows: PositiveInt | None = None


class Derivation(Frozen):
    """What a derived data set takes away from its base, in the order in which it happens.

    Attributes:
        seed: of every choice below; each has a random stream of its own, so that adding one
            leaves the others as they were.
        drawn_by_class: new samples, each of several images of one class.
        views: which views, in this order; by default all.
        sample: so many samples, every class in its share.
        imbalance: largest class over smallest, sizes falling exponentially in between.
        unpaired_rate: share of samples whose rows become samples of their own.
        missing_rate: share of samples that lose at least one view; each keeps at least one.
        shuffled_rate: share of the complete samples that are silently paired wrongly: among
            them, the rows of each view but the first are exchanged, and none stays in place.
        data_setting: "mixed": each sample keeps one view, chosen by a fair coin.
        split: the samples to train on.
        n_clusters: wrong on purpose.
    """

    seed: NonNegativeInt = 0
    drawn_by_class: DrawnByClass | None = None
    views: tuple[str, ...] | None = None
    sample: PositiveInt | None = None
    imbalance: Annotated[float, Field(ge=1)] | None = None
    unpaired_rate: Rate | None = None
    missing_rate: Rate | None = None
    shuffled_rate: Rate | None = None
    data_setting: Literal["mixed"] | None = None
    split: Split | None = None
    n_clusters: PositiveInt | None = None

    @model_validator(mode="after")
    def _check(self) -> "Derivation":
        rates = ("shuffled_rate", "unpaired_rate", "missing_rate")
        clash = [name for name in rates if getattr(self, name) is not None]
        if self.data_setting and clash:
            raise ValueError(f"expected either data_setting: mixed or {clash[0]}, got both")
        return self


def share(rate: float, n: int) -> int:
    """Return how many of `n` samples a rate means."""
    return round(rate * n)
