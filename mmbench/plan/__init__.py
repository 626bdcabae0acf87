"""From a config to jobs: what would run, with which parameters, and where its files lie.

The Snakefile asks this package alone. Everything that can be wrong in a config is found here,
before the first job starts.
"""

from mmbench.plan.benchmark import Plan
from mmbench.plan.forecast import Outlook, outlook
from mmbench.plan.params import params_hash_of, resolved
from mmbench.plan.seed_blocks import (
    PROCESSED,
    RUNS,
    SeedBlock,
    all_stored_blocks,
    format_seeds,
    parse_seeds,
    stored_blocks,
)
from mmbench.plan.several import PAPERS, Plans

__all__ = [
    "PAPERS",
    "PROCESSED",
    "RUNS",
    "Outlook",
    "Plan",
    "Plans",
    "SeedBlock",
    "all_stored_blocks",
    "format_seeds",
    "outlook",
    "params_hash_of",
    "parse_seeds",
    "resolved",
    "stored_blocks",
]
