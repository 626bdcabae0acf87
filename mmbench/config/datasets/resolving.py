"""Resolve entries: follow `base` to the base, and tell what the derivations make of it."""

from collections.abc import Mapping
from typing import Any

from mmbench.checks import checked
from mmbench.config.datasets.derivation import Derivation, share
from mmbench.config.datasets.entries import BaseEntry, DatasetEntry, DerivedEntry
from mmbench.config.datasets.generators import Generator
from mmbench.config.datasets.views import Scaling, ViewSpec
from mmbench.errors import InputError, unknown
from mmbench.literals import DataSetting


def resolved(
    name: str, written: Mapping[str, BaseEntry | DerivedEntry], where: Mapping[str, str]
) -> DatasetEntry:
    """Return an entry with everything that it leaves out taken from where it is derived from.

    Args:
        name: of the entry.
        written: every entry, as the files have it.
        where: the file and name of each entry, to begin messages with.

    Raises:
        InputError: an unknown base, a circular `base`, or a derivation that its base does not
            allow.
    """
    chain: list[DerivedEntry] = []
    seen = [name]
    entry = written[name]
    while isinstance(entry, DerivedEntry):
        chain.append(entry)
        if entry.base not in written:
            raise unknown("data set", entry.base, written, where=f"{where[seen[-1]]}: base")
        if entry.base in seen:
            raise InputError(
                f"{where[name]}: base: goes in a circle: {' > '.join([*seen, entry.base])}"
            )
        seen.append(entry.base)
        entry = written[entry.base]
    told = {key: getattr(entry, key) for key in ("title", "citation", "licence", "remark")}
    told["pairing"] = entry.pairing
    if chain:
        told["title"] = name  # unless it has one of its own
    options: dict[str, Any] = {}
    generated: dict[str, Any] = {}
    for link in reversed(chain):  # the nearest to the base first: later ones override it
        given = link.model_dump(exclude_unset=True, exclude={"base"})
        generated |= given.pop("generator", {})
        own = {key: given.pop(key) for key in list(given) if key in told}
        told |= {key: value for key, value in own.items() if value is not None}
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
            root=seen[-1],
            base=chain[0].base if chain else "",
            pairing=pairing,
            data_setting=_data_setting(views, derivation),
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
        # images become vectors of pixels in [0, 1]: several views of images have no setting
        scaling: Scaling = "as-stored" if only.is_image else only.scaling
        flat = ViewSpec(modality=only.modality, dims=(size,), scaling=scaling)
        views = dict.fromkeys(derivation.drawn_by_class.views, flat)
    chosen = derivation.views or tuple(views)
    for view in chosen:
        if view not in views:
            raise unknown("view", view, views, where="views")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"views: expected each view once, got {', '.join(chosen)}")
    needs_two = ("data_setting", "missing_rate", "unpaired_rate", "shuffled_rate")
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


def _data_setting(views: Mapping[str, ViewSpec], derivation: Derivation | None) -> DataSetting:
    if len(views) == 1:
        return "images" if next(iter(views.values())).is_image else "paired"
    if derivation is None:
        return "paired"
    # where every sample lost one of two views, or was taken apart, each has one left
    one_each = derivation.unpaired_rate == 1 or (derivation.missing_rate == 1 and len(views) == 2)
    if derivation.data_setting == "mixed" or one_each:
        return "mixed"
    if derivation.missing_rate or derivation.unpaired_rate:
        return "incomplete"
    return "paired"
