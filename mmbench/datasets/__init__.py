"""Fetches data sets into `data/raw` and prepares them in `data/processed`.

Beside `evaluation`, this is the only part of the package that sees labels.
"""

from mmbench.datasets.downloads import probe_sources
from mmbench.datasets.fetching import fetch
from mmbench.datasets.preparing import is_prepared, prepare, recipe
from mmbench.datasets.status import (
    FetchStatus,
    catalogue_rows,
    clear_unavailable,
    read_status,
    sources_digest,
    verdict_rows,
)

__all__ = [
    "FetchStatus",
    "catalogue_rows",
    "clear_unavailable",
    "fetch",
    "is_prepared",
    "prepare",
    "probe_sources",
    "read_status",
    "recipe",
    "sources_digest",
    "verdict_rows",
]
