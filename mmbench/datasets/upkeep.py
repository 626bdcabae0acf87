"""Which sources answer, and how to try again those that did not."""

import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmbench.config import DatasetEntry
from mmbench.datasets.sources import STATUS_FILE, read_status
from mmbench.errors import InputError
from mmbench.views_file import read_metadata

# seconds that a source has to answer
_PATIENCE = 10.0


def probe_sources(datasets: Mapping[str, DatasetEntry]) -> list[dict[str, Any]]:
    """Return a row for each kind of source and each host of a catalogue.

    Returns:
        Rows of source, datasets (how many have a file there), answers (a bool) and detail
        (one line, where it does not). All are asked at once, so this takes some seconds.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for entry in datasets.values():
        if entry.is_derived:
            continue
        urls = [a for p in entry.sources for f in p.files.values() for a in f.urls]
        named = {_source(address): address for address in urls}
        named.pop("manual", None)
        counts.update(named.keys())
        examples.update(named)
    with ThreadPoolExecutor(max_workers=16) as pool:
        details = dict(zip(examples, pool.map(_complaint, examples.values()), strict=True))
    return [
        {
            "source": source,
            "datasets": counts[source],
            "answers": not details[source],
            "detail": details[source],
        }
        for source in sorted(examples)
    ]


def _source(address: str) -> str:
    """Return the host of an https address; else the kind of source."""
    kind, _, _ = address.partition(":")
    return urlsplit(address).netloc if kind in ("http", "https") else kind


def _complaint(address: str) -> str:
    """Return why a source does not answer; nothing if it does."""
    kind, _, rest = address.partition(":")
    name = re.split("[=!]", rest)[0]
    if kind == "sklearn":
        return ""
    if kind == "pypi":
        # asks the index that this machine is set up with, and downloads nothing
        pip = [sys.executable, "-m", "pip", "index", "versions", name, "--retries", "0"]
        return _command_complaint([*pip, "--timeout", str(_PATIENCE)])
    if kind == "debian":
        return _command_complaint(["apt-get", "download", "--print-uris", name])
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), timeout=_PATIENCE):
            return ""
    except OSError as error:
        return str(error.strerror or error)


def _command_complaint(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=6 * _PATIENCE, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {type(error).__name__}"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR:", "E:"))]
    return lines[-1] if lines else f"{command[0]} ended with status {done.returncode}"


def clear_unavailable(raw: Path, processed: Path) -> list[str]:
    """Remove what says that data could not be had, so that they are fetched again.

    Args:
        raw: usually `data/raw`; the status files of data sets that are not there go.
        processed: usually `data/processed`; the three files of such data sets go.

    Returns:
        The names of the data sets, derived ones included, in order.
    """
    cleared = set()
    for status_file in sorted(raw.glob(f"*/{STATUS_FILE}")):
        try:
            status = read_status(status_file.parent).status
        except InputError:  # damaged: to fetch again is the cure for that, too
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
