"""Sweeps over corrupted data: which there are, and the area under their curves."""

import csv

import numpy as np
import pytest

from mmbench.reporting import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures.variants import ablations, grids
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.sweeps import Sweep, areas, sweeps


def dataset(name, **more):
    return DatasetSpec(name=name, title=name, pairing="same-object", data_setting="paired", **more)


def spec_of(datasets, methods=()):
    methods = methods or (MethodSpec(name="km", title="k-means", fidelity="baseline"),)
    return ReportSpec(name="tiny", seeds=(0, 1), datasets=tuple(datasets), methods=tuple(methods))


def test_the_base_is_rate_zero_of_a_rate_and_no_point_of_another_number():
    corrupted = [
        dataset("toy-more", base="toy", varied={"missing_rate": 0.6}),
        dataset("toy-less", base="toy", varied={"missing_rate": 0.3}),
        dataset("toy-9", base="toy", varied={"n_clusters": 9}),
        dataset("toy-5", base="toy", varied={"n_clusters": 5}),
        dataset("toy-both", base="toy", varied={"n_clusters": 5, "missing_rate": 0.1}),
        dataset("other-3", base="other", varied={"missing_rate": 0.3}),
    ]
    missing, clusters = sweeps(spec_of([dataset("toy", base="toy"), *corrupted]))
    assert missing.rates == (0, 0.3, 0.6)
    assert missing.datasets == ("toy", "toy-less", "toy-more")
    assert (clusters.key, clusters.rates) == ("n_clusters", (5, 9))
    assert not sweeps(spec_of([dataset("toy"), dataset("other")]))


@pytest.mark.parametrize(("slope", "level"), [(0, 0.7), (-1, 0.9)])
def test_the_area_of_a_straight_line_is_its_value_in_the_middle(slope, level):
    sweep = Sweep("toy", "toy", "missing_rate", (0.1, 0.2, 0.5), ("a", "b", "c"))
    scores = [{0: level + slope * rate} for rate in sweep.rates]
    np.testing.assert_allclose(areas(sweep, scores), [level + slope * 0.3])


def test_a_seed_that_failed_somewhere_has_no_area():
    sweep = Sweep("toy", "toy", "missing_rate", (0, 1), ("a", "b"))
    np.testing.assert_allclose(areas(sweep, [{0: 1.0, 1: 0.5}, {1: 0.7}]), [0.6])
    assert not len(areas(sweep, [{0: 1.0}, {}]))


def test_the_table_has_a_row_for_each_method_and_the_area_last(write_table):
    base, corrupted = dataset("toy"), dataset("corrupted", base="toy", varied={"missing_rate": 0.5})
    key = ("km", "last", "all", "acc")
    stored = [
        DatasetScores(base, {}, {}, {key: {0: 0.8, 1: 0.6}}),
        DatasetScores(corrupted, {}, {}, {key: {0: 0.4}}),
    ]
    texts = write_table(ReportContext(spec_of([base, corrupted]), stored), "robustness")
    text = texts["robustness.md"]
    assert "| method | 0 | 0.5 | area |" in text
    assert "| k-means | 0.700 ± 0.141 | 0.400 | 0.600 |" in text
    rows = list(csv.DictReader(texts["robustness.csv"].splitlines()))
    assert [(r["rate"], r["dataset"], r["mean"], r["seeds_ok"]) for r in rows] == [
        ("0.0", "toy", "0.7", "2"),
        ("0.5", "corrupted", "0.4", "1"),
        ("area", "", "0.6", "1"),
    ]
    assert "\\begin{table}" in texts["robustness.tex"]


def test_without_a_sweep_the_table_says_so(write_table):
    texts = write_table(ReportContext(spec_of([dataset("toy")]), []), "robustness")
    for form in ("md", "tex"):
        assert (
            "No data set of this benchmark is corrupted by degrees." in texts[f"robustness.{form}"]
        )


def test_variants_are_a_sweep_where_they_differ_in_the_same_numbers_and_else_an_ablation():
    def variant(name, **varied):
        return MethodSpec(name=name, title=name, fidelity="baseline", base="m", varied=varied)

    methods = [
        MethodSpec(name="m", title="m", fidelity="baseline", base="m"),
        variant("off", part=False),
        variant("off-too", part=True),
        variant("ab11", a=1, b=1),
        variant("ab12", a=1, b=2),
        variant("a3", a=3),
        variant("c1", c=1),
        variant("c2", c=2.5),
        variant("d", d=1),
    ]
    found = grids(spec_of([dataset("toy")], methods))
    assert [(g.keys, [m.name for m in g.members]) for g in found] == [
        (("a", "b"), ["ab11", "ab12", "a3"]),
        (("c",), ["c1", "c2"]),
    ]
    rest = ablations(spec_of([dataset("toy")], methods))
    assert {base: [m.name for m in members] for base, members in rest.items()} == {
        "m": ["off", "off-too", "a3", "d"]  # a3 is both: a part changed, and a point of the sweep
    }
