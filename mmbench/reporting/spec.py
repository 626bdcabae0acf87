"""What a report is told: names, titles and order, as the config resolves them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmbench.literals import DataSetting, Fidelity, Pairing


class DatasetSpec(BaseModel):
    """A data set of a report.

    Attributes:
        name: as the catalogue and the files name it.
        title: as tables print it.
        pairing: how the views were joined; sets joined by label are tabled apart.
        data_setting: how views describe samples.
        root: the data set at the root of those it is derived from, or its own name. Tests count
            the data sets of one root as one.
        base: the data set it is a spoilt form of, or its own name; what curves start from.
        varied: by how much it was spoilt on purpose, such as {"missing_rate": 0.3}.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    pairing: Pairing
    data_setting: DataSetting
    root: str = ""
    base: str = ""
    varied: dict[str, float] = {}


class MethodSpec(BaseModel):
    """A method entry of a report.

    Attributes:
        name: as the catalogue and the files name it.
        title: as tables print it.
        fidelity: what stands behind it; a reconstruction is printed as such.
        rows: one row, or one for each view and one for the best view (an oracle).
        tuned_on: data sets on which it has parameters of its own.
        changed: whether the benchmark set parameters on top of the catalogue.
        citation: where the method is from.
        uses: the module it runs.
        base: the entry that it is a variant of, or its own name.
        varied: the parameters in which it differs from that entry, with its values.
        params: those of them that the benchmark set, not the catalogue.
        remark: what the benchmark says of its row, wherever it has a score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """The title, with the fidelity where a reader must know it."""
        if self.fidelity == "reconstruction" and "reconstruction" not in self.title.lower():
            return f"{self.title} (reconstruction)"
        return self.title


class ReportSpec(BaseModel):
    """A report: data sets and methods in the order in which tables print them.

    Attributes:
        name: of the benchmark.
        seeds: the runs that every cell should have.
        datasets: at least one.
        methods: at least one.
        metrics: the columns, as `score` names them.
        reference_method: the method that tests compare the others with; empty means k-means on all
            views, or else the first baseline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
