"""Asks the hosts and registries of a catalogue whether they answer."""

import re
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from mmbench.config import DatasetEntry
from mmbench.datasets.downloads import DownloadError, run_command

# seconds to wait for an answer
_TIMEOUT = 10.0


def probe_sources(datasets: Mapping[str, DatasetEntry]) -> list[dict[str, Any]]:
    """Return a row for each host and each registry of a catalogue; all are asked at once.

    Returns:
        Rows of source, datasets (how many have a file there), answers (a bool) and detail
        (one line, where it does not answer).
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for entry in datasets.values():
        if entry.is_derived:
            continue
        urls = [u for source in entry.sources for f in source.files.values() for u in f.urls]
        hosts = {_host(url): url for url in urls}
        hosts.pop("manual", None)
        counts.update(hosts.keys())
        examples.update(hosts)
    with ThreadPoolExecutor(max_workers=16) as pool:
        problems = dict(zip(examples, pool.map(_problem, examples.values()), strict=True))
    return [
        {
            "source": host,
            "datasets": counts[host],
            "answers": not problems[host],
            "detail": problems[host],
        }
        for host in sorted(examples)
    ]


def _host(url: str) -> str:
    """Return the host of an HTTP URL, or the kind of another one."""
    kind, _, _ = url.partition(":")
    return urlsplit(url).netloc if kind in ("http", "https") else kind


def _problem(url: str) -> str:
    """Return why the host of a URL does not answer; empty if it does."""
    kind, _, rest = url.partition(":")
    package = re.split("[=!]", rest)[0]
    parts = urlsplit(url)
    try:
        if kind == "pypi":
            # asks the configured index and downloads nothing
            pip = [sys.executable, "-m", "pip", "index", "versions", package, "--retries", "0"]
            run_command([*pip, "--timeout", str(_TIMEOUT)], timeout=6 * _TIMEOUT)
        elif kind == "debian":
            apt = ["apt-get", "download", "--print-uris", package]
            run_command(apt, timeout=6 * _TIMEOUT)
        elif kind != "sklearn":
            port = parts.port or (443 if kind == "https" else 80)
            socket.create_connection((parts.hostname, port), timeout=_TIMEOUT).close()
    except DownloadError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror or error)
    return ""
