"""Data sets: from sources to `data/raw`, from there to `data/processed`.

This is the only part of the package, beside `evaluation`, that sees labels.
"""

from mmbench.datasets.listing import catalogue_rows, verdict_rows
from mmbench.datasets.processed import is_prepared, prepare, recipe
from mmbench.datasets.sources import FetchStatus, fetch, read_status
from mmbench.datasets.upkeep import clear_unavailable, probe_sources

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
    "verdict_rows",
]
