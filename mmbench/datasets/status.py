"""The record of how fetching went, `status.json` in the folder of the raw files, and its tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mmbench.checks import checked
from mmbench.config import DatasetEntry
from mmbench.errors import InputError
from mmbench.files import digest, read_json
from mmbench.views_file import read_metadata

STATUS_FILE = "status.json"


@dataclass(frozen=True)
class FetchedFile:
    """A file that is there."""

    sha256: str
    verified: bool  # whether it has the checksum of the catalogue
    location: str  # a URL, "mirror", or "folder" if it was already there


@dataclass(frozen=True)
class Attempt:
    """A location that did not give a file, and the reason in one line."""

    file: str
    location: str
    reason: str


@dataclass(frozen=True)
class FetchStatus:
    """How `fetch` went."""

    dataset: str
    status: Literal["ok", "data_unavailable"]
    source: str = ""  # the name of the source whose files are there, or "generated"
    sources: str = ""  # the digest of the entry's sources, see `sources_digest`
    files: dict[str, FetchedFile] = field(default_factory=dict)
    tried: list[Attempt] = field(default_factory=list)  # every location that failed
    advice: str = ""  # how to place the files by hand, where they are not there

    @property
    def reason(self) -> str:
        """Why the data are not there, in one line; empty if they are."""
        if self.status == "ok":
            return ""
        # a miss in the mirror matters only where there was nowhere else to look
        tried = [a for a in self.tried if a.location != "mirror"] or self.tried
        reasons = dict.fromkeys(attempt.reason for attempt in tried)
        return " ".join("; ".join(reasons).split())


def sources_digest(entry: DatasetEntry) -> str:
    """Return a digest of the raw files of an entry, or of what generates them."""
    content = entry.content_key
    return digest([content["sources"], content["generator"]])


def read_status(folder: Path) -> FetchStatus:
    """Return the status that `fetch` wrote in a folder.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = folder / STATUS_FILE
    return checked(FetchStatus, read_json(path), where=str(path))


def clear_unavailable(raw: Path, processed: Path) -> list[str]:
    """Remove the files that record data as unavailable, and return the names of the data sets.

    These are status files in `raw` and the three files of a data set in `processed`, derived
    data sets included.
    """
    cleared = set()
    for status_file in sorted(raw.glob(f"*/{STATUS_FILE}")):
        try:
            status = read_status(status_file.parent).status
        except InputError:  # a damaged file is mended by fetching again, too
            status = "data_unavailable"
        if status == "data_unavailable":
            status_file.unlink()
            cleared.add(status_file.parent.name)
    for views in sorted(processed.glob("*/views.safetensors")):
        if read_metadata(views).get("status") == "data_unavailable":
            for name in ("views.safetensors", "samples.csv", "card.json"):
                views.with_name(name).unlink(missing_ok=True)
            cleared.add(views.parent.name)
    return sorted(cleared)


def catalogue_rows(datasets: Mapping[str, DatasetEntry], raw: Path) -> list[dict[str, Any]]:
    """Return a row for each entry of a catalogue whose raw files are in `raw`.

    `n` is None where only `prepare` knows it; `here` is `unavailable` after a failed fetch.
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

    `locations` are the packages and hosts of its files, and `verified` is whether all of them have
    the checksum of the catalogue.
    """
    return [
        {
            "name": status.dataset,
            "status": status.status,
            "source": status.source,
            "locations": ", ".join(
                dict.fromkeys(
                    urlsplit(file.location).netloc or file.location.partition("!")[0]
                    for file in status.files.values()
                )
            ),
            "verified": status.status == "ok"
            and all(file.verified for file in status.files.values()),
            "reason": status.reason,
        }
        for status in statuses
    ]
