"""A sweep: its rows, their names, and what is refused."""

import json
import re

import pytest
from pydantic import TypeAdapter

from mmbench.config import MethodEntry, Name
from mmbench.errors import InputError
from mmbench.plan import Jobs, report_spec
from mmbench.plan.sweeps import Point

SWEEP = {"kmeans": {"n_init": [1, 5], "max_features": [2, 3]}}


def test_each_combination_is_a_row_after_that_of_the_plain_entry(plan):
    told = plan(methods=["majority", "kmeans", "kmeans-quick"], sweep=SWEEP)
    assert told.method_names == (
        "majority",
        "kmeans",
        "kmeans--max_features-2--n_init-1",
        "kmeans--max_features-2--n_init-5",
        "kmeans--max_features-3--n_init-1",
        "kmeans--max_features-3--n_init-5",
        "kmeans-quick",
    )


def test_a_row_differs_from_the_entry_in_its_values_alone(plan):
    told = plan(sweep={"kmeans": {"n_init": [5]}}, params={"kmeans": {"n_init": 4}})
    row = "kmeans--n_init-5"
    plain = told.params("toy", "kmeans")
    assert plain["n_init"] == 4, "the benchmark's own parameter"
    assert told.params("toy", row) == {**plain, "n_init": 5}, "the sweep goes on top of it"
    assert told.params_hash("toy", row) != told.params_hash("toy", "kmeans")
    jobs = Jobs(told)
    assert jobs.fingerprint(row) == jobs.fingerprint("kmeans")
    assert jobs.timeout_minutes(row) == jobs.timeout_minutes("kmeans")
    assert [block.seeds for block in jobs.blocks("toy", row)] == [(0, 1), (2, 3), (4,)]
    assert json.loads(jobs.method_json("toy", row))["method"] == row
    assert row in json.loads(jobs.selection("toy"))


def test_values_go_on_top_of_those_of_single_data_sets(plan):
    told = plan(methods=["kmeans-tuned"], sweep={"kmeans-tuned": {"n_init": [5]}})
    assert told.params("toy", "kmeans-tuned--n_init-5")["n_init"] == 5


def test_a_report_is_told_the_coordinates_of_a_row(plan):
    told = plan(methods=["kmeans"], sweep={"kmeans": {"n_init": [5]}})
    plain, row = report_spec(told)["methods"]
    assert (plain["base"], plain["varied"]) == ("kmeans", {})
    assert row["title"] == "k-means (n_init 5)"
    assert (row["base"], row["varied"], row["params"]) == ("kmeans", {"n_init": 5}, {"n_init": 5})
    assert not row["changed"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"epochs": 10}, "m--epochs-10"),
        ({"weight": 0.5, "rate": 1e-05}, "m--weight-0p5--rate-1e-05"),
        ({"weight": 1.0}, "m--weight-1"),
        ({"shift": -0.25}, "m--shift-m0p25"),
        ({"share": True, "to": None}, "m--share-true--to-none"),
        ({"hidden": [125, 125, 500]}, "m--hidden-125-125-500"),
        ({"kind": "gradient penalty/2"}, "m--kind-gradient_penalty_2"),
    ],
)
def test_the_name_of_a_row_can_be_read_and_can_be_a_folder(values, name):
    assert Point("m", values, MethodEntry(uses="majority")).name == name
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"kmean": {"n_init": [1]}}, "test.yaml: sweep: unknown method 'kmean'; did you mean"),
        (
            {"kmeans": {"n_int": [1]}},
            "test.yaml: sweep: kmeans: unknown parameter 'n_int'; did you mean 'n_init'?",
        ),
        ({"kmeans": {"n_init": []}}, "sweep: kmeans: n_init: expected at least one value, got []"),
        ({"kmeans": {}}, "sweep: kmeans: expected at least one key, got {}"),
        ({"kmeans": {"n_init": [1, 2, 1]}}, "n_init: expected each value once, got 1 twice"),
        ({"kmeans": {"n_init": ["few"]}}, "kmeans--n_init-few: n_init: expected a valid integer"),
        ({"kmeans": {"n_init": 3}}, "sweep: kmeans: n_init: "),
    ],
)
def test_a_wrong_sweep_is_one_line(plan, sweep, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        plan(sweep=sweep)
    assert "\n" not in str(caught.value)


def test_two_rows_of_one_name_are_refused(plan):
    with pytest.raises(InputError, match="expected another name, 'kmeans--n_init-1' is taken"):
        plan(sweep={"kmeans": {"n_init": [1, "1"]}})
