"""Turns raw files into `data/processed/{dataset}/`: views, samples with their labels, and a card.

Labels go only into `samples.csv`; methods see only `views.safetensors`.
"""

import csv
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import DatasetEntry
from mmbench.config.datasets import WORDS
from mmbench.data import FORMAT, Dataset
from mmbench.datasets.derive import altered, derive
from mmbench.datasets.leaks import refuse_labels, suspicious_columns
from mmbench.datasets.loaders import RawData, check, read
from mmbench.datasets.scaling import scaled
from mmbench.datasets.status import STATUS_FILE, FetchStatus, read_status
from mmbench.datasets.synthetic import generate
from mmbench.datasets.table import Table
from mmbench.errors import InputError, unknown
from mmbench.files import digest, read_json, replacing, write_json, write_text
from mmbench.views_file import read_metadata, write_views

COLUMNS = ("sample", "label", "class", "split", "modality", "source_row")


def recipe(entry: DatasetEntry) -> str:
    """Return a digest of the part of an entry that determines the prepared data."""
    return digest({"format": FORMAT, **entry.content_key})


def is_prepared(entry: DatasetEntry, folder: Path) -> bool:
    """Return whether a folder holds the data of an entry, as `prepare` would write them today.

    Raises:
        InputError: its card is not JSON.
    """
    files = [folder / name for name in ("views.safetensors", "samples.csv", "card.json")]
    if not all(file.is_file() for file in files):
        return False
    card = read_json(files[-1])
    return bool(card.get("status") == "ok" and card.get("recipe") == recipe(entry))


def prepare(entry: DatasetEntry, raw: Path, out: Path) -> None:
    """Write `views.safetensors`, `samples.csv` and `card.json` of a data set.

    Each file is written whole or not at all, and only after all checks. Where `fetch` found no
    source, there are no views and no samples, and the card gives the reason.

    `fetch` has put the files of the entry's root into `raw`; `out` is usually
    `data/processed/{name}`.

    Raises:
        InputError: `fetch` has not run, or ran for an entry of other files; a file is not as
            the catalogue describes it, or values or labels are unusable.
        OSError: the folder cannot be written to, as on a full disk.
    """
    status = read_status(raw)
    if status.status == "data_unavailable":
        _write_unavailable(entry, status, out)
        return
    table, classes, unlabelled = _base_table(entry, raw, status)
    if entry.derivation is not None:
        unlabelled = None  # a derived set has only the samples
        try:
            table = derive(table, entry.derivation)
        except InputError as error:
            raise InputError(f"{entry.name}: {error}") from None
    data = table.dataset(entry.name, entry.n_clusters, entry.views)
    data = replace(data, unlabelled=unlabelled)
    if entry.n_samples is not None and data.n_samples != entry.n_samples:
        raise InputError(f"{entry.name}: expected {entry.n_samples} samples, got {data.n_samples}")
    data.save(out / "views.safetensors")
    _write_samples(out / "samples.csv", table, classes, data)
    card = _card(entry, status, table, classes, data)
    card["checksum"] = read_metadata(out / "views.safetensors")["checksum"]
    write_json(out / "card.json", card)


def _base_table(
    entry: DatasetEntry, folder: Path, status: FetchStatus
) -> tuple[Table, list[str], NDArray[Any] | None]:
    """Return the scaled data in a random order, the names of the classes, and unlabelled rows."""
    name = entry.root
    raw = _read_raw(entry, folder, status)
    if len(raw.labels) != entry.base_samples:
        raise InputError(f"{name}: expected {entry.base_samples} samples, got {len(raw.labels)}")
    values = {
        view: scaled(raw.views[view], spec, where=f"{name}/{view}")
        for view, spec in entry.base_views.items()
    }
    unlabelled = None
    if raw.unlabelled is not None:
        ((view, spec),) = entry.base_views.items()
        unlabelled = scaled(raw.unlabelled, spec, where=f"{name}/{view}")
    found, labels = np.unique(raw.labels, return_inverse=True)
    if len(found) != entry.n_classes:
        raise InputError(f"{name}: expected {entry.n_classes} classes, got {len(found)}")
    for view, spec in entry.base_views.items():
        index = raw.sample_index.get(view, np.arange(len(labels)))
        refuse_labels(values[view], labels[index], spec, where=f"{name}/{view}")
    classes = list(entry.classes) or [_class_name(label) for label in found]
    table = Table.of(values, labels, raw.sample_index, raw.n_held_out)
    # several public files are sorted by class, so that the order of rows would reveal the label
    order = np.random.default_rng(entry.seed).permutation(table.n_samples)
    return table.take(order), classes, unlabelled


def _read_raw(entry: DatasetEntry, folder: Path, status: FetchStatus) -> RawData:
    if entry.generator is not None:
        raw = generate(
            entry.generator,
            n_samples=entry.base_samples,
            n_clusters=entry.n_classes,
            views=entry.base_views,
            seed=entry.seed,
        )
        check(raw, name=entry.root)
        return raw
    sources = {source.name: source for source in entry.sources}
    if status.source not in sources:
        raise unknown("source", status.source, sources, where=str(folder / STATUS_FILE))
    source = sources[status.source]
    for file, spec in source.files.items():
        found = status.files.get(file)
        if found is None or spec.sha256 not in (None, "unknown", found.sha256):
            raise InputError(
                f"{folder / STATUS_FILE}: expected {file} as the catalogue has it, got"
                f" {'another' if found else 'none'}; fetch it: mmbench fetch {entry.root}"
            )
    return read(source, folder, entry.base_views, name=entry.root)


def _class_name(label: Any) -> str:
    """Return the name of a class from its label: 3.0 is class 3."""
    if isinstance(label, np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def _write_samples(path: Path, table: Table, classes: list[str], data: Dataset) -> None:
    """Write a row for each sample: its origin, and what methods must not see.

    Derived sets have more columns: `row_{view}`, the source row of each view's values where
    that is not the sample's own (empty: the sample lacks the view), and `shuffled`.
    """
    trained = np.zeros(data.n_samples, bool)
    trained[data.fit_index] = True
    columns: dict[str, NDArray[Any] | list[Any]] = {
        "sample": np.arange(data.n_samples),
        "label": table.labels,
        "class": [classes[label] for label in table.labels],
        "split": ["train" if flag else "test" for flag in trained],
        "modality": _modalities(data),
        "source_row": table.source_row,
    }
    if table.shuffled.any():
        columns["shuffled"] = table.shuffled.astype(np.int64)
    for view, rows in altered(table).items():
        columns[f"row_{view}"] = ["" if row < 0 else row for row in rows]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _modalities(data: Dataset) -> NDArray[Any]:
    """Return the modality of each sample of mixed data; otherwise empty text."""
    names = np.full(data.n_samples, "", dtype=object)
    if data.data_setting == "mixed":
        # views of the same modality are distinguished by their names
        distinct = len({view.modality for view in data.views}) == len(data.views)
        for view in data.views:
            names[view.sample_index] = view.modality if distinct else view.name
    return names


def _card(
    entry: DatasetEntry, status: FetchStatus, table: Table, classes: list[str], data: Dataset
) -> dict[str, Any]:
    sizes = np.bincount(table.labels, minlength=len(classes))
    return {
        **_entry_card(entry),
        "status": "ok",
        "data_setting": data.data_setting,
        "n_samples": data.n_samples,
        "n_train": len(data.fit_index),
        "n_clusters": data.n_clusters,
        "n_classes": len(classes),
        "class_sizes": dict(zip(classes, sizes.tolist(), strict=True)),
        "n_shuffled": int(table.shuffled.sum()),
        "n_unlabelled": 0 if data.unlabelled is None else len(data.unlabelled),
        "views": [
            {
                "name": view.name,
                "modality": view.modality,
                "dims": list(view.values.shape[1:]),
                "n_rows": len(view.values),
                "scaling": entry.views[view.name].scaling,
                "min": float(view.values.min()),
                "max": float(view.values.max()),
                "suspicious_columns": {}
                if view.is_image
                else suspicious_columns(view.values, table.labels[view.sample_index]),
            }
            for view in data.views
        ],
        "source": status.source,
        "files": {file: asdict(found) for file, found in status.files.items()},
    }


def _entry_card(entry: DatasetEntry) -> dict[str, Any]:
    derivation, generator = entry.derivation, entry.generator
    return {
        **{key: getattr(entry, key) for key in ("name", *WORDS, "pairing")},
        "base": entry.root,
        "permutation_seed": entry.seed,
        "recipe": recipe(entry),
        "derivation": None if derivation is None else derivation.model_dump(exclude_none=True),
        "generator": None if generator is None else generator.model_dump(),
    }


def _write_unavailable(entry: DatasetEntry, status: FetchStatus, out: Path) -> None:
    reason = status.reason or "no source gave the files"
    outcome = {"status": "data_unavailable", "reason": reason}
    card = _entry_card(entry) | outcome
    card |= {"data_setting": entry.data_setting, "advice": status.advice}
    write_views(out / "views.safetensors", {}, outcome)
    write_text(out / "samples.csv", ",".join(COLUMNS) + "\n")
    write_json(out / "card.json", card)
