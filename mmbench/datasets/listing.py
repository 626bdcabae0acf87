"""Rows for people: what the catalogue has, what is here, and how fetching went."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmbench.config import DatasetEntry
from mmbench.datasets.sources import STATUS_FILE, FetchStatus, read_status
from mmbench.errors import InputError


def catalogue_rows(datasets: Mapping[str, DatasetEntry], raw: Path) -> list[dict[str, Any]]:
    """Return a row for each entry of a catalogue.

    Args:
        datasets: as `read_datasets` gives them.
        raw: where `fetch` puts the raw files, usually `data/raw`.

    Returns:
        Rows of name, title, n (None where only `prepare` can tell), views (such as
        "pix 240, fou 76"), classes, setting, pairing, licence, base, and here: `yes`,
        `unavailable` (it was tried), `generated`, or `no`.
    """
    return [
        {
            "name": name,
            "title": entry.title,
            "n": entry.n_samples,
            "views": ", ".join(
                f"{view} {'x'.join(map(str, spec.dims))}" for view, spec in entry.views.items()
            ),
            "classes": entry.n_classes,
            "data_setting": entry.data_setting,
            "pairing": entry.pairing,
            "licence": entry.licence,
            "base": entry.root if entry.is_derived else "",
            "here": _here(entry, raw / entry.root),
        }
        for name, entry in datasets.items()
    ]


def _here(entry: DatasetEntry, folder: Path) -> str:
    if entry.generator is not None:
        return "generated"
    if not (folder / STATUS_FILE).exists():
        return "no"
    try:
        return "yes" if read_status(folder).status == "ok" else "unavailable"
    except InputError:
        return "no"


def verdict_rows(statuses: Iterable[FetchStatus]) -> list[dict[str, Any]]:
    """Return a row for each data set that was fetched.

    Returns:
        Rows of name, status, packing, source (where its files came from, packages and hosts
        by name), verified (whether checksums vouch for all files) and reason.
    """
    return [
        {
            "name": status.dataset,
            "status": status.status,
            "packing": status.packing,
            "source": ", ".join(dict.fromkeys(_short(f.source) for f in status.files.values())),
            "verified": status.status == "ok"
            and all(file.verified for file in status.files.values()),
            "reason": status.reason,
        }
        for status in statuses
    ]


def _short(source: str) -> str:
    """Return a source without the path inside it."""
    if source.startswith("http"):
        return source.split("/")[2]
    return source.partition("!")[0]
