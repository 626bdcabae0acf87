"""Numbers in print, as `config/published.csv` lists them under the names of the papers.

mmbench adds to each row what our number must be of to compare: the method entry, and the data
set with the same samples, the same features and the same split (`data`). A data set of the same
name that differs in one of these is only `near`: its numbers are printed without a verdict.
Numbers from memory, which nobody has looked up, have no verdict either.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, NonNegativeFloat, model_validator

from mmbench.checks import checked
from mmbench.errors import InputError
from mmbench.files import read_csv
from mmbench.reporting.formatting import format_score
from mmbench.reporting.spec import FrozenModel

Metric = Literal["ACC", "NMI", "ARI", "PUR", "F-score"]
# as papers print a metric, and as `score` names it
METRICS: dict[Metric, str] = {
    "ACC": "acc",
    "NMI": "nmi",
    "ARI": "ari",
    "PUR": "purity",
    "F-score": "pairwise_f",
}
_Text = Annotated[str, Field(min_length=1)]


class Published(FrozenModel):
    """A number in print.

    Attributes:
        method, dataset, metric: as the paper prints them.
        value: a fraction, with as many digits as are printed.
        std: the standard deviation that the paper prints, or None.
        paper, table, source: where it is printed, and where it was read.
        verified: "yes", or "memory" where nobody has looked it up.
        entry: the method entry of the catalogue, or nothing.
        data: the data set of the catalogue with the same samples, features and split, or nothing.
        subset: which of its samples the number is over: all, or the test part.
        caveat: what else differs in `data`, such as the scaling.
        near: data sets of the catalogue with the same name that are not the same.
        differs: how these differ.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    method: _Text
    dataset: _Text
    metric: Metric
    value: Annotated[Decimal, Field(ge=-1, le=1)]
    std: Annotated[NonNegativeFloat | None, BeforeValidator(lambda text: text or None)] = None
    paper: _Text
    table: str
    source: _Text
    verified: Literal["yes", "memory"]
    entry: str = ""
    data: str = ""
    subset: Literal["all", "test"] = "all"
    caveat: str = ""
    near: Annotated[tuple[str, ...], BeforeValidator(str.split)] = ()
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
            text += f" ± {format_score(self.std)}"
        return f"({text})" if self.verified == "memory" else text


def read_published(path: Path) -> list[Published]:
    """Return the numbers of a .csv file, in its order.

    Raises:
        InputError: the file is missing or malformed, or a row is wrong or repeats a number
            of a paper; the message names the line.
    """
    columns = tuple(Published.model_fields)
    numbers: dict[tuple[str, ...], int] = {}
    rows = []
    for line, row in enumerate(read_csv(path, columns), start=2):
        where = f"{path}, line {line}"
        number = checked(Published, row, where=where)
        key = (number.paper, number.method, number.dataset, number.metric)
        if key in numbers:
            raise InputError(
                f"{where}: expected each number of a paper once, got the {number.metric} of"
                f" {number.method} on {number.dataset} in line {numbers[key]} already"
            )
        numbers[key] = line
        rows.append(number)
    return rows


def published_scores(published: Sequence[Published]) -> dict[tuple[str, str, str], float]:
    """Return the printed value by (method entry, data set, metric), in our names.

    These are the verified numbers of the same data, over all its samples. Where several papers
    print one, it is the first of the file.
    """
    found: dict[tuple[str, str, str], float] = {}
    for row in published:
        if row.verified == "yes" and row.entry and row.data and row.subset == "all":
            found.setdefault((row.entry, row.data, row.our_metric), float(row.value))
    return found
