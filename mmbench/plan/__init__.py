"""From a config to jobs: what would run, with which parameters, and where its files lie.

The Snakefile asks this package alone. Everything that can be wrong in a config is found here,
before the first job starts.
"""

from mmbench.plan.benchmark import Plan
from mmbench.plan.blocks import (
    PROCESSED,
    RUNS,
    Block,
    all_stored_blocks,
    format_seeds,
    parse_seeds,
    stored_blocks,
)
from mmbench.plan.outlook import Outlook, outlook
from mmbench.plan.settings import resolved, settings_of
from mmbench.plan.several import PAPERS, Plans

__all__ = [
    "PAPERS",
    "PROCESSED",
    "RUNS",
    "Block",
    "Outlook",
    "Plan",
    "Plans",
    "all_stored_blocks",
    "format_seeds",
    "outlook",
    "parse_seeds",
    "resolved",
    "settings_of",
    "stored_blocks",
]
