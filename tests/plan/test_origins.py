"""What an entry is a variant of, and by how much: what figures are drawn against."""

from pathlib import Path

import pytest

from mmbench.config import read_datasets
from mmbench.plan import report_spec
from mmbench.reporting import ReportSpec


@pytest.mark.parametrize(
    ("name", "base", "varied"),
    [
        ("toy", "toy", {}),
        ("real", "real", {}),
        ("toy-mixed", "toy-mixed", {}),
        ("toy-missing-30", "toy", {"missing_rate": 0.3}),
        ("toy-missing-30-shuffled-10", "toy", {"missing_rate": 0.3, "shuffled_rate": 0.1}),
        ("toy-missing-30-few", "toy-missing-30-few", {}),
        ("toy-private-20", "toy", {"private": 0.2}),
    ],
)
def test_a_data_set_that_differs_in_numbers_alone_is_told_by_its_base(plan, name, base, varied):
    (told,) = report_spec(plan(datasets=[name]))["datasets"]
    assert (told["base"], told["varied"]) == (base, varied)


@pytest.mark.parametrize("name", ["toy", "toy-mixed", "toy-missing-30-few", "toy-private-20"])
def test_every_data_set_is_told_by_its_root_whatever_sets_it_apart(plan, name):
    (told,) = report_spec(plan(datasets=[name]))["datasets"]
    assert told["root"] == "toy"


def test_views_and_samples_of_one_data_set_have_its_root_in_the_shipped_catalogue():
    datasets = read_datasets([Path("config/datasets.yaml")])
    by_root = {
        "caltech-5v": ["caltech-5v", "caltech-3v", "caltech-4v"],
        "handwritten": ["handwritten", "handwritten-2view", "handwritten-2view-missing-30"],
        "fashion-mnist": ["fashion-mnist", "fashion-mnist-2k", "fashion-mnist-5k"],
        "wikipedia": ["wikipedia", "wikipedia-mixed", "wikipedia-mixed-split"],
    }
    for root, names in by_root.items():
        assert {datasets[name].root for name in names} == {root}


def test_a_variant_is_told_by_the_entry_at_the_root(plan):
    (told,) = report_spec(plan(methods=["kmeans-3-restarts"]))["methods"]
    assert (told["base"], told["varied"]) == ("kmeans", {"n_init": 1, "restarts": 3})


def test_or_by_the_nearest_entry_that_the_benchmark_has_as_well(plan):
    names = ["kmeans", "kmeans-quick", "kmeans-3-restarts"]
    plain, quick, restarted = report_spec(plan(methods=names))["methods"]
    assert (plain["base"], plain["varied"]) == ("kmeans", {})
    assert (quick["base"], quick["varied"]) == ("kmeans", {"n_init": 1})
    assert (restarted["base"], restarted["varied"]) == ("kmeans-quick", {"restarts": 3})


def test_what_the_benchmark_sets_is_told_apart_from_the_catalogue(plan):
    told = plan(methods=["kmeans-quick"], params={"kmeans-quick": {"max_features": 2}})
    (method,) = report_spec(told)["methods"]
    assert (method["varied"], method["params"]) == ({"n_init": 1}, {"max_features": 2})
    assert (method["uses"], method["changed"]) == ("kmeans_concat", True)


def test_the_spec_is_one_that_reports_take(plan):
    told = plan(datasets=["toy", "toy-private-20"], sweep={"kmeans": {"n_init": [5]}})
    assert ReportSpec.model_validate(report_spec(told)).datasets[1].varied == {"private": 0.2}
