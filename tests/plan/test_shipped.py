"""The benchmarks that the project ships: each can be planned, and asks what it says it asks."""

import re
from pathlib import Path

import pytest

from mmbench.config import read_benchmark
from mmbench.plan import Plan, report_spec
from mmbench.reporting import ReportSpec

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spec(monkeypatch):
    """Give a function that returns what reports of a shipped benchmark are told."""
    monkeypatch.chdir(ROOT)

    def told(path):
        return ReportSpec.model_validate(report_spec(Plan(read_benchmark(Path(path)), where=path)))

    return told


def test_superfluous_compares_methods_with_and_without_that_term_at_five_shares(spec):
    told = spec("config/experiments/superfluous.yaml")
    assert [d.varied for d in told.datasets] == [
        {"private": share} for share in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    assert {d.base for d in told.datasets} == {"synthetic-private"}
    without = {m.base for m in told.methods if m.varied == {"superfluous_weight": 0.0}}
    assert without == {"dmim", "mib-clustering"}


def test_robustness_spoils_one_data_set_in_three_ways(spec):
    first, *spoilt = spec("config/experiments/robustness.yaml").datasets
    assert first.varied == {}
    assert {d.base for d in spoilt} == {first.name}
    for kind in ("missing_rate", "unpaired_rate", "shuffled_rate"):
        assert [d.varied[kind] for d in spoilt if kind in d.varied] == [0.1, 0.3, 0.5, 0.7]


def test_robustness_asks_every_method_that_joins_views(spec):
    asked = {m.name for m in spec("config/experiments/robustness.yaml").methods}
    # those that take complete views, but not a single one, by the table of docs/methods.md
    table = re.findall(r"^\| `(\w+)` \| no \| yes \|", (ROOT / "docs/methods.md").read_text(), re.M)
    several = {name.replace("_", "-") for name in table}
    assert {"dmim", "kmeans-rotated", "late-fusion", "comvc", "cmmc"} <= several
    assert several <= asked


@pytest.mark.parametrize(
    ("file", "method", "n_variants"),
    [("cmmc", "cmmc", 5), ("dmim", "dmim", 6), ("mib", "mib-clustering", 5)],
)
def test_an_ablation_changes_one_thing_at_a_time(spec, file, method, n_variants):
    methods = spec(f"config/experiments/ablation-{file}.yaml").methods
    ablated = [m for m in methods if m.base == method and m.name != method]
    assert method in {m.name for m in methods}
    changed = [set(m.varied) - {"pretrain_epochs"} for m in ablated]
    assert [len(parameters) for parameters in changed] == [1] * n_variants


def test_the_sensitivity_is_a_grid_around_the_plain_entry(spec):
    plain, *rows = spec("config/experiments/sensitivity-cmmc.yaml").methods
    assert {m.base for m in rows} == {plain.name}
    assert {tuple(m.varied) for m in rows} == {("feature_weight", "label_weight")}
    assert len(rows) == 9


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/papers/*.yaml")))
def test_a_paper_is_named_after_its_file(path):
    if not path.stem.endswith("-tables"):
        assert read_benchmark(path).name == f"paper_{path.stem}"
