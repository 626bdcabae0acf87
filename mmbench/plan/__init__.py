"""From a config to jobs: what would run, with which parameters, and where its files lie.

Every mistake in a config is found here, before the first job starts. The Snakefile and the rules
get their files, arguments and limits from `Benchmarks` and `Jobs`.
"""

from mmbench.plan.benchmark import Plan
from mmbench.plan.fingerprints import method_fingerprint, reporting_fingerprint, scoring_fingerprint
from mmbench.plan.forecast import forecast
from mmbench.plan.jobs import Jobs, data_checksum
from mmbench.plan.params import params_hash, resolved
from mmbench.plan.report_spec import report_spec
from mmbench.plan.several import Benchmarks

__all__ = [
    "Benchmarks",
    "Jobs",
    "Plan",
    "data_checksum",
    "forecast",
    "method_fingerprint",
    "params_hash",
    "report_spec",
    "reporting_fingerprint",
    "resolved",
    "scoring_fingerprint",
]
