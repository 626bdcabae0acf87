"""Entries: a data set as the file has it, and as it is when everything is resolved."""

from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mmbench.config.datasets.common import Frozen
from mmbench.config.datasets.derivation import Derivation
from mmbench.config.datasets.generators import Generator
from mmbench.config.datasets.packings import Packing
from mmbench.config.datasets.views import ViewSpec
from mmbench.literals import DataSetting, Pairing


class _Told(Frozen):
    """What an entry tells people about itself."""

    title: str
    citation: str
    licence: str
    remark: str = ""


class BaseEntry(_Told):
    """An entry that is downloaded or generated, as the file has it.

    Attributes:
        title: for tables.
        citation: of the paper that brought the data.
        licence: of the data, as far as it is known.
        remark: what a reader of results should know.
        pairing: why the views of a sample belong together: they show the `same-object`, or
            different objects that were joined `by-label`; `none` with a single view.
        n_samples: how many there are.
        n_clusters: how many classes there are, and clusters are asked for.
        classes: their names, in the order of the sorted labels.
        views: by name, in order.
        seed: of the order of the samples, and of a generator.
        sources: packings of the same data, the first that can be had is taken.
        generator: instead of sources.
    """

    pairing: Pairing
    n_samples: PositiveInt
    n_clusters: PositiveInt
    classes: tuple[str, ...] = ()
    views: Annotated[dict[str, ViewSpec], Field(min_length=1)]
    seed: NonNegativeInt = 0
    sources: tuple[Packing, ...] = ()
    generator: Generator | None = None

    @model_validator(mode="after")
    def _check(self) -> "BaseEntry":
        if bool(self.sources) == (self.generator is not None):
            raise ValueError("expected either `sources` or `generator`")
        if self.classes and len(self.classes) != self.n_clusters:
            raise ValueError(
                f"expected {self.n_clusters} names of classes, got {len(self.classes)}"
            )
        for packing in self.sources:
            named = getattr(packing, "views", None)
            if named is not None and set(named) != set(self.views):
                raise ValueError(
                    f"expected packing {packing.name} to tell where the views"
                    f" {', '.join(self.views)} are, got {', '.join(named)}"
                )
            if named is None and len(self.views) != 1:
                raise ValueError(f"expected one view with loader {packing.loader}")
        names = [packing.name for packing in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"expected packings of different names, got {', '.join(names)}")
        return self


class DerivedEntry(Derivation):
    """An entry made from another, as the file has it; what it leaves out is as there.

    Attributes:
        generator: options of a generated base that are others here.
    """

    base: str
    generator: dict[str, Any] = Field(default={})
    title: str | None = None
    citation: str | None = None
    licence: str | None = None
    remark: str | None = None
    pairing: Pairing | None = None


class DatasetEntry(_Told):
    """An entry with everything resolved; see `BaseEntry` for what is not explained here.

    Attributes:
        name: in the catalogue.
        root: the entry whose raw files are used; `name` itself unless derived.
        base: the entry that it is derived from, itself derived perhaps; empty unless derived.
        data_setting: how the views describe the samples.
        n_samples: None where it depends on the sizes of the classes, so that only `prepare`
            can tell.
        n_classes: how many there are; `n_clusters` are asked for, which may be wrong on
            purpose.
        base_views: the views in the files; `views` are those of this entry.
        derivation: what is taken away, or None.
    """

    name: str
    root: str
    base: str
    pairing: Pairing
    data_setting: DataSetting
    n_samples: PositiveInt | None
    base_samples: PositiveInt
    n_clusters: PositiveInt
    n_classes: PositiveInt
    classes: tuple[str, ...]
    views: dict[str, ViewSpec]
    base_views: dict[str, ViewSpec]
    seed: NonNegativeInt
    sources: tuple[Packing, ...]
    generator: Generator | None
    derivation: Derivation | None

    @property
    def is_derived(self) -> bool:
        """Whether the entry is made from another."""
        return self.derivation is not None

    @property
    def essence(self) -> dict[str, Any]:
        """What decides the data, for digests: the entry without what it tells people.

        Of a file whose checksum is known that sum alone counts. Addresses go stale, and a new
        one must not train every method again on the same bytes.
        """
        told = self.model_dump(mode="json", exclude={*_Told.model_fields, "base"})
        for packing, files in zip(self.sources, (p["files"] for p in told["sources"]), strict=True):
            for name, file in packing.files.items():
                if file.checksum:
                    files[name] = file.checksum
        return told
