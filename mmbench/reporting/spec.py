"""The specification of a report: names, titles and order, as the plan resolves them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmbench.literals import DataSetting, Fidelity, Pairing


class FrozenModel(BaseModel):
    """A value read from a file, with no other keys than those of its class."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetSpec(FrozenModel):
    """A data set of a report.

    Attributes:
        pairing: how the views were joined; data sets joined by label have tables of their own.
        data_setting: how the views describe the samples.
        root: the data set at the root of those it is derived from, or its own name. Tests count
            the data sets of one root as one.
        base: the data set that it is a corrupted form of, or its own name; curves start there.
        varied: by how much it was corrupted on purpose, such as {"missing_rate": 0.3}.
    """

    name: str
    title: str
    pairing: Pairing
    data_setting: DataSetting
    root: str = ""
    base: str = ""
    varied: dict[str, float] = {}


class MethodSpec(FrozenModel):
    """A method entry of a report.

    Attributes:
        fidelity: what the implementation was checked against; see `printed`.
        rows: one row, or one for each view and one for the best view (an oracle).
        tuned_on: data sets on which it has parameters of its own.
        changed: whether the benchmark set parameters on top of the catalogue.
        uses: the module that it runs.
        base: the entry that it is a variant of, or its own name.
        varied: the parameters in which it differs from that entry, with its values.
        params: the parameters that the benchmark set, with their values.
        remark: a sentence under each leaderboard where it has a score.
    """

    name: str
    title: str
    fidelity: Fidelity
    rows: Literal["one", "views"] = "one"
    tuned_on: tuple[str, ...] = ()
    changed: bool = False
    citation: str = ""
    uses: str = ""
    base: str = ""
    varied: dict[str, Any] = {}
    params: dict[str, Any] = {}
    remark: str = ""

    @property
    def printed(self) -> str:
        """The title, marked if the method does not follow released code."""
        mark = {"paper": " (from the paper)", "ours": " (ours)"}.get(self.fidelity, "")
        return self.title + mark


class ReportSpec(FrozenModel):
    """A report: data sets and methods in the order in which tables print them.

    Attributes:
        seeds: of the runs that every cell should have.
        metrics: the columns, as `score` names them.
        reference_method: the method that tests compare the others with; empty means k-means on
            all views, or else the first baseline.
    """

    name: str
    seeds: tuple[int, ...] = Field(min_length=1)
    datasets: tuple[DatasetSpec, ...] = Field(min_length=1)
    methods: tuple[MethodSpec, ...] = Field(min_length=1)
    metrics: tuple[str, ...] = Field(default=("acc", "nmi", "ari"), min_length=1)
    reference_method: str = ""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "ReportSpec":
        for kind, entries in (("data set", self.datasets), ("method", self.methods)):
            names = [entry.name for entry in entries]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"expected each {kind} once, got {name!r} twice")
        return self
