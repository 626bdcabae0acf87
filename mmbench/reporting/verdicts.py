"""Whether the scores of a benchmark reproduce a number in print."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmbench.reporting.context import ReportContext
from mmbench.reporting.formatting import MISSING, csv_mean_sd, format_mean_sd, format_score
from mmbench.reporting.labels import status_cell
from mmbench.reporting.published import Published
from mmbench.reporting.statistics import half_interval

MARGIN = 0.02

Verdict = Literal[
    "reproduced",
    "above",
    "below",
    "undecided",
    "not comparable",
    "data unavailable",
    "not run",
    "unverified",
]
RULE = (
    "Reproduced: our mean over the seeds that ended ok differs from the printed number by at most"
    f" {MARGIN}, or by at most the standard deviation that the paper prints where that is larger,"
    " and is known as well as that: half of its 95 % t-interval over seeds is no wider. Above,"
    " below: it differs by more than both. Undecided: our seeds are too few or too far apart to"
    " decide; a single seed is always undecided. Not comparable: other samples, features or split"
    " than the paper's, or hyperparameters set by the benchmark."
)


@dataclass(frozen=True, eq=False)
class Ours:
    """The scores of a method on a data set, or why there is none.

    Attributes:
        values: (n_ok,), in the order of seeds.
        seeds: how many the report asks for.
        status: what tables print in place of a number.
        reason: why there is no score, or why some seeds are missing.
    """

    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    seeds: int = 0
    status: str = ""
    reason: str = ""

    @property
    def mean(self) -> float:
        """The mean over the seeds that ended ok."""
        return float(self.values.mean())

    @property
    def text(self) -> str:
        """Mean and standard deviation as a table prints them, or the status."""
        return format_mean_sd(self.values) if len(self.values) else self.status

    @property
    def seeds_text(self) -> str:
        """How many seeds ended ok, of how many."""
        return f"{len(self.values)}/{self.seeds}" if self.seeds else MISSING

    @property
    def csv(self) -> list[object]:
        """Mean, standard deviation, seeds that ended ok and seeds, as in a .csv file."""
        return [*csv_mean_sd(self.values), len(self.values), self.seeds or ""]


def our_scores(report: ReportContext, entry: str, data: str, metric: str, subset: str) -> Ours:
    """Return what a report has of a method entry on a data set of the catalogue.

    The subset is "all" or "test", which means all samples where a data set has no test part.
    """
    scores, n_seeds = report.by_name.get(data), len(report.spec.seeds)
    if scores is None or report.method(entry) is None:
        absent = "data set" if scores is None else "method"
        return Ours(status="not run here", reason=f"the {absent} is not in this benchmark")
    if not scores.subsets(subset):
        subset = "all"
    values = scores.values(entry, metric, subset=subset)
    failed = [r for r in scores.records[entry].values() if r["status"] != "ok"]
    if not failed and len(values):
        return Ours(values, n_seeds)
    if not failed:
        return Ours(status="not scored", reason=f"no {metric} is stored", seeds=n_seeds)
    status = status_cell(failed[0]["status"])
    reason = scores.reason(failed[0]) or status
    if len(values):
        reason = f"{len(values)} of {n_seeds} seeds ended ok; one {status}: {reason}"
    return Ours(values, n_seeds, status, reason)


def verdict(report: ReportContext, number: Published, data: str, ours: Ours) -> tuple[Verdict, str]:
    """Return whether our scores reproduce a number in print, and why, if there is a reason.

    They are those of `number.entry` on `data`, which is `number.data` or one of `number.near`.
    """
    if number.verified == "memory":
        return "unverified", "from memory: nobody has looked the number up"
    if data != number.data:
        return "not comparable", number.differs
    if not len(ours.values):
        is_unavailable = ours.status == status_cell("data_unavailable")
        return "data unavailable" if is_unavailable else "not run", ours.reason
    method = report.method(number.entry)
    if method and method.changed:
        params = ", ".join(f"{key}: {value}" for key, value in method.params.items())
        return "not comparable", f"the benchmark sets {params or 'hyperparameters'}"
    reasons = [number.caveat, ours.reason]
    margin = max(MARGIN, number.std or 0.0)
    if margin > MARGIN:
        reasons.insert(0, f"margin: the printed deviation, {number.std}")
    # scores and printed numbers have few digits, and are compared with as many
    difference = round(ours.mean - float(number.value), 6)
    half = half_interval(ours.values)  # undefined for a single seed
    uncertainty, margin = math.inf if math.isnan(half) else round(half, 6), round(margin, 6)
    result: Verdict = "reproduced"
    if abs(difference) > max(margin, uncertainty):
        result = "above" if difference > 0 else "below"
    elif uncertainty > margin:  # without this rule, few or scattered seeds would reproduce anything
        result, n = "undecided", len(ours.values)
        known = f"{n} seeds give our mean to ± {format_score(uncertainty)}"
        reasons.insert(0, "one seed" if n == 1 else known)
    return result, "; ".join(filter(None, reasons))


def method_name(report: ReportContext, printed: str, entry: str) -> str:
    """Return the name of a method in print, and ours where it is another one."""
    method = report.method(entry)
    ours = method.printed if method else entry
    if not ours or not printed:
        return printed or ours
    if ours.casefold().startswith(printed.casefold()):
        return ours if method else printed
    return f"{printed} (here: {ours})"
