"""Rows for tables: the data sets of a catalogue, and how fetching them went."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmbench.config import DatasetEntry
from mmbench.datasets.status import FetchStatus, read_status
from mmbench.errors import InputError


def catalogue_rows(datasets: Mapping[str, DatasetEntry], raw: Path) -> list[dict[str, Any]]:
    """Return a row for each entry of a catalogue.

    Args:
        datasets: the catalogue.
        raw: where `fetch` puts the raw files, usually `data/raw`.

    Returns:
        Rows of name, title, n (None where only `prepare` knows it), views (such as
        "pix 240, fou 76"), classes, data_setting, pairing, licence, base, and here: `yes`,
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
    try:
        return "yes" if read_status(folder).status == "ok" else "unavailable"
    except InputError:  # there is none, or it is damaged
        return "no"


def verdict_rows(statuses: Iterable[FetchStatus]) -> list[dict[str, Any]]:
    """Return a row for each data set that was fetched.

    Returns:
        Rows of name, status, source, locations (the packages and hosts of its files), verified
        (whether all files have the checksum of the catalogue) and reason.
    """
    return [
        {
            "name": status.dataset,
            "status": status.status,
            "source": status.source,
            "locations": ", ".join(
                dict.fromkeys(_package_or_host(file.location) for file in status.files.values())
            ),
            "verified": status.status == "ok"
            and all(file.verified for file in status.files.values()),
            "reason": status.reason,
        }
        for status in statuses
    ]


def _package_or_host(location: str) -> str:
    if location.startswith("http"):
        return location.split("/")[2]
    return location.partition("!")[0]
