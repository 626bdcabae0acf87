"""Numbers in print beside our own: which of them a benchmark reproduces.

`config/published.csv` has a row for each number, under the names of the paper. What mmbench
adds to a row says what our number would have to be to compare: the method entry, and the data
set with the same samples, the same features and the same split (`data`). A data set that goes
by the same name but differs in one of these is only `near`, and its numbers are shown without
a verdict. Numbers from memory, which nobody has looked up, get none either.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    model_validator,
)

from mmbench.checks import checked
from mmbench.errors import InputError
from mmbench.files import read_csv, write_text
from mmbench.reporting.leaderboard import STATUS_WORDS
from mmbench.reporting.rounding import told_gain, told_score
from mmbench.reporting.spec import MethodSpec, ReportSpec
from mmbench.reporting.statistics import summary
from mmbench.reporting.stored import Stored
from mmbench.reporting.tables import Cell, Document, Section, Table, csv_text, latex, markdown

Metric = Literal["ACC", "NMI", "ARI", "PUR", "F-score"]
# as papers print a metric, and as `score` names it
METRICS: dict[Metric, str] = {
    "ACC": "acc",
    "NMI": "nmi",
    "ARI": "ari",
    "PUR": "purity",
    "F-score": "pairwise_f",
}
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
    " tell; a single one always is. Not comparable: other samples, features or split than the"
    " paper's, or hyperparameters set by the benchmark."
)

NONE = "No number in print is about the data sets of this benchmark."
LEFT_OUT = "Left out are numbers from memory and methods that are not in the catalogue."


def _number(text: Any) -> Any:
    """Let an empty cell stand for no number."""
    return None if text == "" else text


def _names(text: Any) -> Any:
    return tuple(text.split()) if isinstance(text, str) else text


class Published(BaseModel):
    """A number in print.

    Attributes:
        method, dataset, metric: as the paper prints them.
        value: a fraction, with as many digits as are printed.
        std: the standard deviation that the paper prints, or None.
        paper, table, source: where it stands, and where it was read.
        verified: "yes", or "memory" where nobody has looked it up.
        entry: the method entry of the catalogue, or nothing.
        data: the data set of the catalogue with the same samples, features and split, or
            nothing.
        subset: which of its samples the number is over: all, or the test part.
        caveat: what else differs in `data`, such as the scaling.
        near: data sets of the catalogue that go by the same name and are not the same.
        differs: what sets those apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str = Field(min_length=1)
    dataset: str = Field(min_length=1)
    metric: Metric
    value: Annotated[Decimal, Field(ge=-1, le=1)]
    std: Annotated[NonNegativeFloat | None, BeforeValidator(_number)] = None
    paper: str = Field(min_length=1)
    table: str
    source: str = Field(min_length=1)
    verified: Literal["yes", "memory"]
    entry: str = ""
    data: str = ""
    subset: Literal["all", "test"] = "all"
    caveat: str = ""
    near: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    differs: str = ""

    @model_validator(mode="after")
    def _check(self) -> "Published":
        if bool(self.near) != bool(self.differs):
            raise ValueError("expected `near` and `differs` together, got one without the other")
        if self.data in self.near:
            raise ValueError(f"expected {self.data!r} as `data` or as `near`, got both")
        return self

    @property
    def our_metric(self) -> str:
        """The metric as `score` names it."""
        return METRICS[self.metric]

    @property
    def printed(self) -> str:
        """The number as a table shows it; from memory, in brackets."""
        text = str(self.value)
        if self.std is not None:
            text += f" ± {told_score(self.std)}"
        return f"({text})" if self.verified == "memory" else text


@dataclass(frozen=True, eq=False)
class Ours:
    """What a report has of a method on a data set, or why it has nothing.

    Attributes:
        values: (n_ok,), by seed; empty where there is nothing.
        seeds: how many the report wants.
        word: a word or two in place of a number.
        reason: a sentence on why there is none, or why some seeds are missing.
    """

    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    seeds: int = 0
    word: str = ""
    reason: str = ""

    @property
    def mean(self) -> float:
        """The mean over the seeds that ended ok."""
        return float(self.values.mean())

    @property
    def std(self) -> float | None:
        """The standard deviation (n - 1), or None below two seeds."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None

    @property
    def text(self) -> str:
        """Mean and standard deviation as a table shows them, or the word."""
        if not len(self.values):
            return self.word
        text = told_score(self.mean)
        return text if self.std is None else f"{text} ± {told_score(self.std)}"


def read_published(path: Path) -> list[Published]:
    """Return the numbers of a .csv file, in its order.

    Raises:
        InputError: the file is missing or malformed, or a row is wrong or tells a number of
            one paper twice; the message names the line.
    """
    columns = tuple(Published.model_fields)
    numbers: dict[tuple[str, ...], int] = {}
    rows = []
    for line, row in enumerate(read_csv(path, columns), start=2):
        where = f"{path}, line {line}"
        told = checked(Published, row, where=where)
        key = (told.paper, told.method, told.dataset, told.metric)
        if key in numbers:
            raise InputError(
                f"{where}: expected each number of a paper once, got the {told.metric} of"
                f" {told.method} on {told.dataset} in line {numbers[key]} already"
            )
        numbers[key] = line
        rows.append(told)
    return rows


def published_of(published: Sequence[Published]) -> dict[tuple[str, str, str], float]:
    """Return the printed value by (method entry, data set, metric), in our names.

    Only what a verdict may rest on: verified numbers, of the same data, over all its samples.
    Where several papers print one, the first of the file counts.
    """
    found: dict[tuple[str, str, str], float] = {}
    for row in published:
        if row.verified == "yes" and row.entry and row.data and row.subset == "all":
            found.setdefault((row.entry, row.data, row.our_metric), float(row.value))
    return found


def our_own(
    spec: ReportSpec, stored: Sequence[Stored], entry: str, data: str, metric: str, subset: str
) -> Ours:
    """Return what a report has of a method entry on a data set.

    Args:
        spec: the report.
        stored: its data sets.
        entry: a method of the catalogue.
        data: a data set of the catalogue.
        metric: as `score` names it.
        subset: "all" or "test"; of a data set without a test part, all.
    """
    one = next((s for s in stored if s.dataset.name == data), None)
    if one is None or entry not in one.records or _method(spec, entry) is None:
        absent = "data set" if one is None else "method"
        return Ours(word="not run here", reason=f"the {absent} is not in this benchmark")
    values = one.values(entry, metric, subset=subset)
    if not len(values) and not one.subsets(subset):
        values = one.values(entry, metric)
    failed = [r for r in one.records[entry].values() if r["status"] != "ok"]
    if not failed and not len(values):
        return Ours(word="not scored", reason=f"no {metric} is stored", seeds=len(spec.seeds))
    if not failed:
        return Ours(values, len(spec.seeds))
    first = failed[0]
    word = STATUS_WORDS.get(first["status"], first["status"])
    reason = first["reason"].removeprefix(f"{data}: ") or word
    if len(values):
        reason = f"{len(values)} of {len(spec.seeds)} seeds ended ok; one {word}: {reason}"
    return Ours(values, len(spec.seeds), word, reason)


def verdict(spec: ReportSpec, row: Published, data: str, ours: Ours) -> tuple[Verdict, str]:
    """Return whether our number reproduces a printed one, and a word on why, if any.

    Args:
        spec: the report.
        row: the printed number.
        data: the data set that ours is of: `row.data`, or one of `row.near`.
        ours: what the report has of `row.entry` on it.
    """
    if row.verified == "memory":
        return "unverified", "from memory: nobody has looked the number up"
    method = _method(spec, row.entry)
    if data != row.data:
        return "not comparable", row.differs
    if not len(ours.values):
        unavailable = ours.word == STATUS_WORDS["data_unavailable"]
        return "data unavailable" if unavailable else "not run", ours.reason
    if method is not None and method.changed:
        return "not comparable", f"the benchmark sets {_set_by_benchmark(method)}"
    said = "; ".join(filter(None, [row.caveat, ours.reason]))
    margin = max(MARGIN, row.std or 0.0)
    if margin > MARGIN:
        said = "; ".join(filter(None, [f"margin: the printed deviation, {row.std}", said]))
    # scores and printed numbers have few digits: compare them as such
    difference = round(ours.mean - float(row.value), 6)
    unsure, margin = round(_half_interval(ours), 6), round(margin, 6)
    if abs(difference) > max(margin, unsure):
        return ("above" if difference > 0 else "below"), said
    if unsure > margin:  # else few or wild seeds would reproduce anything
        n = len(ours.values)
        known = "one seed" if n == 1 else f"{n} seeds tell our mean to ± {told_score(unsure)}"
        return "undecided", "; ".join(filter(None, [known, said]))
    return "reproduced", said


def write_verdicts(
    spec: ReportSpec, stored: Sequence[Stored], published: Sequence[Published], folder: Path
) -> Document:
    """Write published.md, .tex and .csv into a folder: what is in print about these data sets.

    Returned is what they show: the verified numbers of methods that the catalogue has, on the
    data sets of the report and on those that go by the same name.
    """
    found = [_compared(spec, stored, row, one) for one in stored for row in _about(one, published)]
    tables = []
    for one in stored:
        rows = [_line(spec, found_one) for found_one in found if found_one.stored is one]
        if rows:
            name = f"{spec.name}-{one.dataset.name}-published"
            tables.append(Table(name, one.dataset.title, one.about(), _HEAD, rows))
    text = [RULE if tables else NONE, LEFT_OUT]
    sections = [Section("Verdicts", "", tables)] if tables else []
    title = f"In print and here: {spec.name}"
    write_text(folder / "published.md", markdown(title, text, sections))
    write_text(folder / "published.tex", latex(text, sections))
    write_text(folder / "published.csv", csv_text(_CSV_COLUMNS, _csv_rows(spec, found)))
    return Document(title, text, sections)


_HEAD = [
    Cell(head)
    for head in ("method", "metric", "printed", "ours", "seeds", "difference", "verdict", "source")
]
_CSV_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "metric",
    "subset",
    "printed",
    "printed_std",
    "mean",
    "std",
    "seeds_ok",
    "seeds",
    "difference",
    "verdict",
    "why",
    "printed_method",
    "printed_dataset",
    "paper",
    "table",
    "source",
)


@dataclass(frozen=True, eq=False)
class _Compared:
    """A number in print, and what a report has beside it."""

    stored: Stored
    row: Published
    ours: Ours
    verdict: Verdict
    why: str


def _about(stored: Stored, published: Sequence[Published]) -> list[Published]:
    """Return the verified numbers about a data set, of methods that the catalogue has."""
    name = stored.dataset.name
    return [
        row
        for row in published
        if row.verified == "yes" and row.entry and (row.data == name or name in row.near)
    ]


def _compared(spec: ReportSpec, stored: Sequence[Stored], row: Published, one: Stored) -> _Compared:
    data = one.dataset.name
    ours = our_own(spec, stored, row.entry, data, row.our_metric, row.subset)
    return _Compared(one, row, ours, *verdict(spec, row, data, ours))


def _line(spec: ReportSpec, found: _Compared) -> list[Cell]:
    row, ours = found.row, found.ours
    has = len(ours.values) > 0
    return [
        Cell(name_here(spec, row.method, row.entry)),
        Cell(row.metric if row.subset == "all" else f"{row.metric}, {row.subset}"),
        Cell(row.printed),
        Cell(ours.text if has else "–"),
        Cell(f"{len(ours.values)}/{ours.seeds}" if ours.seeds else "–"),
        Cell(told_gain(ours.mean - float(row.value)) if has else "–"),
        Cell(found.verdict, note=found.why),
        Cell(f"{row.paper}, {row.table}", note=f"read in: {row.source}"),
    ]


def _csv_rows(spec: ReportSpec, found: Sequence[_Compared]) -> list[list[object]]:
    rows: list[list[object]] = []
    for one in found:
        row, ours = one.row, one.ours
        line: list[object] = [spec.name, one.stored.dataset.name, row.entry, row.our_metric]
        line += [row.subset, row.value, "" if row.std is None else row.std, *figures(ours)]
        line.append(round(ours.mean - float(row.value), 6) if len(ours.values) else "")
        line += [one.verdict, one.why, row.method, row.dataset, row.paper, row.table, row.source]
        rows.append(line)
    return rows


def figures(ours: Ours) -> list[object]:
    """Return mean, standard deviation, seeds that ended ok and seeds, as a .csv tells them."""
    mean = round(ours.mean, 6) if len(ours.values) else ""
    std = "" if ours.std is None else round(ours.std, 6)
    return [mean, std, len(ours.values), ours.seeds or ""]


def name_here(spec: ReportSpec, printed: str, entry: str) -> str:
    """Return the name of a method in print, and ours where it is another one."""
    method = _method(spec, entry)
    ours = method.printed if method else entry
    if not ours or not printed:
        return printed or ours
    if ours.casefold().startswith(printed.casefold()):
        return ours if method else printed
    return f"{printed} (here: {ours})"


def _half_interval(ours: Ours) -> float:
    """Return half the width of the 95 % t-interval of our mean; infinite for a single seed."""
    told = summary(ours.values, ours.seeds)
    return math.inf if math.isnan(told.high) else told.high - told.mean


def _method(spec: ReportSpec, entry: str) -> MethodSpec | None:
    return next((m for m in spec.methods if m.name == entry), None)


def _set_by_benchmark(method: MethodSpec) -> str:
    told: Mapping[str, Any] = method.params
    return ", ".join(f"{key}: {value}" for key, value in told.items()) or "hyperparameters"
