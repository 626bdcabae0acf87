"""Reads catalogues of data sets and resolves their derived entries."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmbench.checks import checked
from mmbench.config.datasets import (
    WORDS,
    BaseEntry,
    DatasetEntry,
    Derivation,
    DerivedEntry,
    Generator,
    Scaling,
    ViewSpec,
    share,
)
from mmbench.config.model import catalogue_entries
from mmbench.config.sources import SOURCE_TYPES, BaseSource
from mmbench.errors import InputError, unknown
from mmbench.literals import DataSetting


def read_datasets(paths: Sequence[Path]) -> dict[str, DatasetEntry]:
    """Return the entries of one or several catalogues, checked and resolved.

    Raises:
        InputError: an unknown key or base, a wrong value, a circular `base`, or a name that
            two files share.
    """
    written: dict[str, BaseEntry | DerivedEntry] = {}
    places: dict[str, str] = {}
    for name, keys, place in catalogue_entries(paths):
        # YAML reads names such as 3 or yes as another type
        if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]*", name)):
            raise InputError(f"{place}: expected a name of lower-case letters, digits and hyphens")
        written[name], places[name] = _read_entry(keys, place), place
    return {name: _resolved(name, written, places) for name in written}


def _read_entry(keys: dict[str, Any], place: str) -> BaseEntry | DerivedEntry:
    if "base" in keys:
        return checked(DerivedEntry, keys, where=place)
    if isinstance(keys.get("sources"), list):
        sources = [
            _read_source(source, f"{place}: sources: {position}")
            for position, source in enumerate(keys["sources"])
        ]
        keys = {**keys, "sources": sources}
    return checked(BaseEntry, keys, where=place)


def _read_source(value: Any, place: str) -> BaseSource:
    """Read a source as the type of its loader, so that errors name the keys of that type."""
    if not isinstance(value, dict) or "loader" not in value:
        raise InputError(f"{place}: expected a mapping with a key 'loader'")
    loader = str(value["loader"])
    if loader not in SOURCE_TYPES:
        raise unknown("loader", loader, SOURCE_TYPES, where=place)
    return checked(SOURCE_TYPES[loader], value, where=place)


def _resolved(
    name: str, written: Mapping[str, BaseEntry | DerivedEntry], places: Mapping[str, str]
) -> DatasetEntry:
    """Return an entry with the keys that it inherits, and what its derivation makes of them."""
    chain: list[DerivedEntry] = []
    seen = [name]
    entry = written[name]
    while isinstance(entry, DerivedEntry):
        chain.append(entry)
        if entry.base not in written:
            raise unknown("data set", entry.base, written, where=f"{places[seen[-1]]}: base")
        if entry.base in seen:
            circle = " > ".join([*seen, entry.base])
            raise InputError(f"{places[name]}: base: goes in a circle: {circle}")
        seen.append(entry.base)
        entry = written[entry.base]
    inherited = dict(entry)
    if chain:
        inherited["title"] = name  # unless it has one of its own
    options: dict[str, Any] = {}
    generated: dict[str, Any] = {}
    for link in reversed(chain):  # from the root on: later entries override earlier ones
        own = link.model_dump(exclude_unset=True, exclude={"base"})
        generated |= own.pop("generator", {})
        words = {key: own.pop(key) for key in (*WORDS, "pairing") if key in own}
        inherited |= {key: value for key, value in words.items() if value is not None}
        options |= own
    derivation = checked(Derivation, options, where=places[name])
    try:
        views = _derived_views(entry, derivation)
        if len(views) == 1:
            inherited["pairing"] = "none"
        resolved = {
            "name": name,
            "root": seen[-1],
            "base": chain[0].base if chain else "",
            "data_setting": "mixed" if entry.is_mixed else _data_setting(views, derivation),
            "n_samples": _derived_samples(entry, derivation),
            "base_samples": entry.n_samples,
            "n_clusters": derivation.n_clusters or entry.n_clusters,
            "n_classes": entry.n_clusters,
            "views": views,
            "base_views": entry.views,
            "generator": _changed(entry.generator, generated),
            "derivation": derivation if chain else None,
        }
        return DatasetEntry(**inherited | resolved)
    except InputError as error:
        raise InputError(f"{places[name]}: {error}") from None


def _changed(generator: Generator | None, options: Mapping[str, Any]) -> Generator | None:
    """Return the generator with some options replaced."""
    if not options:
        return generator
    if generator is None:
        raise InputError("generator: expected a base that is generated")
    return checked(type(generator), {**generator.model_dump(), **options}, where="generator")


def _derived_views(base: BaseEntry, derivation: Derivation) -> dict[str, ViewSpec]:
    views = base.views
    if derivation.drawn_by_class:
        (only, *others) = views.values()
        if others:
            raise InputError("drawn_by_class: expected a base with one view")
        # images are flattened to pixels in [0, 1], since no data setting has several image views
        scaling: Scaling = "as-stored" if only.is_image else only.scaling
        flat = ViewSpec(modality=only.modality, dims=only.dims, scaling=scaling)
        views = dict.fromkeys(derivation.drawn_by_class.views, flat)
    chosen = derivation.views or tuple(views)
    for view in chosen:
        if view not in views:
            raise unknown("view", view, views, where="views")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"views: expected each view once, got {', '.join(chosen)}")
    for option in ("data_setting", "missing_rate", "unpaired_rate", "shuffled_rate"):
        if getattr(derivation, option) is not None and base.is_mixed:
            raise InputError(
                f"{option}: expected a base whose samples have all views, got a mixed one"
            )
        if getattr(derivation, option) is not None and len(chosen) < 2:
            raise InputError(f"{option}: expected at least two views, got {len(chosen)}")
    return {view: views[view] for view in chosen}


def _derived_samples(base: BaseEntry, derivation: Derivation) -> int | None:
    drawn = derivation.drawn_by_class
    n = drawn.samples if drawn else base.n_samples
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


def _data_setting(views: Mapping[str, ViewSpec], derivation: Derivation) -> DataSetting:
    if len(views) == 1:
        return "images" if next(iter(views.values())).is_image else "paired"
    # each sample has one view left where all lost one of two views, or were taken apart
    one_each = derivation.unpaired_rate == 1 or (derivation.missing_rate == 1 and len(views) == 2)
    if derivation.data_setting == "mixed" or one_each:
        return "mixed"
    if derivation.missing_rate or derivation.unpaired_rate:
        return "incomplete"
    return "paired"
