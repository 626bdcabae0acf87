"""The entries of `config/datasets.yaml`: as written, and with everything resolved.

An entry is one of three kinds:

- downloaded: `sources`, which are tried in order;
- generated: `generator`, code with parameters and a seed;
- derived: `base`, another entry, of which some samples, views or pairings are taken away.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from mmbench.config.model import StrictModel, as_list
from mmbench.config.sources import MixedSource, Source
from mmbench.literals import DataSetting, Pairing

Scaling = Literal["as-stored", "min-max", "tf-idf", "unit-rows", "unit-pixels"]


class ViewSpec(StrictModel):
    """One view of a data set.

    Attributes:
        modality: the kind of signal, such as "image" or "text"; views may share one.
        dims: (n_features,), or (channels, height, width) of images.
        scaling: see `mmbench.datasets.scaling`. Images have `unit-pixels` by default; with another
            scaling they are flattened to features, and only their shape is kept.
        white: stored value of a white pixel; by default 255 for integers and 1 for fractions.
        allow_label_like: columns, counted from 0, that may determine the classes one to one.
    """

    modality: str
    dims: Annotated[tuple[PositiveInt, ...], BeforeValidator(as_list)]
    scaling: Scaling = "min-max"
    white: PositiveFloat | None = None
    allow_label_like: tuple[NonNegativeInt, ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether the view holds images rather than feature vectors or flattened images."""
        return self.scaling == "unit-pixels"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of images, flattened or not; empty for other features."""
        return self.dims if len(self.dims) == 3 else ()

    @model_validator(mode="before")
    @classmethod
    def _scale_images_as_pixels(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("dims"), list | tuple):
            return {"scaling": "unit-pixels", **value} if len(value["dims"]) == 3 else value
        return value

    @model_validator(mode="after")
    def _check(self) -> "ViewSpec":
        if len(self.dims) not in (1, 3):
            raise ValueError(
                "expected dims to be the number of features or [channels, height, width],"
                f" got {list(self.dims)}"
            )
        if self.is_image and not self.image_shape:
            raise ValueError(
                "expected dims [channels, height, width] with scaling unit-pixels,"
                f" got {list(self.dims)}"
            )
        if self.white is not None and not self.is_image:
            raise ValueError("expected `white` only with scaling unit-pixels")
        return self


class SyntheticViews(StrictModel):
    """Views made of a shared factor that determines the cluster, a private factor and noise.

    Attributes:
        n_shared, n_private: dimensions of the factors.
        separation: mean distance of cluster centres in a factor, in standard deviations within
            a cluster.
        private_share: share of the variance of a view, before noise, that is due to its private
            factor, whose clusters are independent of the labels.
        noise: standard deviation of the noise; the rest of a feature has variance 1.
    """

    kind: Literal["synthetic"]
    n_shared: PositiveInt = 10
    n_private: PositiveInt = 10
    separation: PositiveFloat = 4.0
    private_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    noise: NonNegativeFloat = 0.5


class SyntheticImages(StrictModel):
    """Small grey images: discs, vertical and horizontal stripes, and noise."""

    kind: Literal["images"]
    noise: NonNegativeFloat = 0.1  # standard deviation, of pixels in [0, 1]


Generator = Annotated[SyntheticViews | SyntheticImages, Field(discriminator="kind")]
Rate = Annotated[float, Field(ge=0, le=1)]


class Split(StrictModel):
    """The share of samples to train on, the same in every class."""

    train: Annotated[float, Field(gt=0, lt=1)]


class DrawnByClass(StrictModel):
    """Samples that combine different images of one class.

    Attributes:
        views: their names. The images of a class are divided, in the order of the file, into as
            many pools as there are views, and each view draws from its own pool.
        samples: how many to draw; each class gets the same number.
        first_rows: draw only from this many rows at the start of the file.
    """

    views: Annotated[tuple[str, ...], Field(min_length=2)]
    samples: PositiveInt
    first_rows: PositiveInt | None = None


class Derivation(StrictModel):
    """What a derived data set changes in its base, in the order in which it is applied.

    Attributes:
        seed: of every choice below; each has a random stream of its own, so that adding one
            does not change the others.
        drawn_by_class: new samples, each of several images of one class.
        views: which views, in this order; by default all.
        sample: number of samples to keep, in the proportions of the classes.
        imbalance: size of the largest class over the smallest; sizes fall exponentially in
            between.
        unpaired_rate: share of samples whose rows become samples of their own.
        missing_rate: share of samples that lose at least one view; each keeps at least one.
        shuffled_rate: share of the complete samples that are paired wrongly, without a mark that
            methods see: the rows of each view but the first are exchanged among them, and none
            stays in place.
        data_setting: "mixed": each sample keeps one view, chosen by a fair coin.
        split: the samples to train on.
        n_clusters: number of clusters to ask for, deliberately wrong.
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


# the keys that do not affect the data
WORDS = ("title", "citation", "licence", "remark")


class _Entry(StrictModel):
    """What an entry and its resolved form have in common.

    Attributes:
        title: for tables.
        citation: of the paper that introduced the data.
        licence: of the data, as far as it is known.
        remark: what a reader of results should know.
        pairing: why the views of a sample belong together, see `mmbench.literals`.
        n_clusters: number of clusters to find; as written, also that of the classes.
        classes: their names, in the order of the sorted labels.
        seed: of the order of the samples, and of a generator.
        sources: the first one that is available is used.
    """

    title: str
    citation: str
    licence: str
    remark: str = ""
    pairing: Pairing
    n_clusters: PositiveInt
    classes: tuple[str, ...] = ()
    views: Annotated[dict[str, ViewSpec], Field(min_length=1)]
    seed: NonNegativeInt = 0
    sources: tuple[Source, ...] = ()
    generator: Generator | None = None


class BaseEntry(_Entry):
    """A downloaded or generated entry, as the file has it."""

    n_samples: PositiveInt

    @model_validator(mode="after")
    def _check(self) -> "BaseEntry":
        if bool(self.sources) == (self.generator is not None):
            raise ValueError("expected either `sources` or `generator`")
        if self.classes and len(self.classes) != self.n_clusters:
            raise ValueError(
                f"expected {self.n_clusters} names of classes, got {len(self.classes)}"
            )
        for source in self.sources:
            views = getattr(source, "views", None)
            if views is not None and set(views) != set(self.views):
                raise ValueError(
                    f"expected source {source.name} to locate the views"
                    f" {', '.join(self.views)}, got {', '.join(views)}"
                )
            if views is None and len(self.views) != 1:
                raise ValueError(f"expected one view with loader {source.loader}")
        if len({isinstance(source, MixedSource) for source in self.sources}) > 1:
            raise ValueError("expected either all sources or none with loader mat-mixed")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"expected sources of different names, got {', '.join(names)}")
        return self

    @property
    def is_mixed(self) -> bool:
        """Whether each sample has one modality in the files themselves."""
        return any(isinstance(source, MixedSource) for source in self.sources)


class DerivedEntry(Derivation):
    """A derived entry, as the file has it; it inherits the keys that it does not set."""

    base: str
    generator: dict[str, Any] = Field(default={})  # options to replace
    title: str | None = None
    citation: str | None = None
    licence: str | None = None
    remark: str | None = None
    pairing: Pairing | None = None


class DatasetEntry(_Entry):
    """An entry with everything resolved.

    Attributes:
        name: in the catalogue.
        root: the entry whose raw files are used; `name` itself unless derived.
        base: the entry that it is derived from, which may be derived too; empty unless derived.
        n_samples: None where it depends on the sizes of the classes, which only `prepare` knows.
        base_samples, base_views: what the files hold, as opposed to `n_samples` and `views`.
    """

    name: str
    root: str
    base: str
    data_setting: DataSetting
    n_samples: PositiveInt | None
    base_samples: PositiveInt
    n_classes: PositiveInt
    base_views: dict[str, ViewSpec]
    derivation: Derivation | None

    @property
    def is_derived(self) -> bool:
        """Whether the entry is made from another."""
        return self.derivation is not None

    @property
    def content_key(self) -> dict[str, Any]:
        """The part of the entry that determines the data, for digests.

        Words are left out, and a file whose checksum is known is represented by that sum alone:
        a new URL for the same bytes must not train every method again.
        """
        unused = {"__all__": {"allow_label_like"}}  # it permits data and does not change them
        exclude: Any = {
            **dict.fromkeys((*WORDS, "base"), True),
            "views": unused,
            "base_views": unused,
        }
        key = self.model_dump(mode="json", exclude=exclude)
        for source, dumped in zip(self.sources, key["sources"], strict=True):
            for name, file in source.files.items():
                if file.checksum:
                    dumped["files"][name] = file.checksum
                else:  # this key is newer than prepared data, whose recipe it must not change
                    del dumped["files"][name]["git_blob"]
        return key

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as JSON can hold it; `mmbench fetch` and `prepare` accept it so."""
        return self.model_dump(mode="json", exclude_defaults=True)
