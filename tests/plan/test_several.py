"""The benchmarks of papers beside the configured one: found by name, read when asked for."""

from pathlib import Path

import pytest
import yaml

from mmbench.errors import InputError
from mmbench.plan import Benchmarks


@pytest.fixture
def paper(plan):
    """Give a function that writes the benchmark of a paper."""

    def written(stem="one", **keys):
        config = {"name": f"paper_{stem}", "datasets": ["toy"], "methods": ["kmeans"], **keys}
        path = Path("config/papers", f"{stem}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(config))

    return written


def test_a_paper_is_named_by_its_file_and_has_targets_of_its_own(plan, paper):
    paper()
    Path("config/papers/one-tables.yaml").write_text("title: only its layout")
    benchmarks = Benchmarks(plan())
    assert benchmarks.papers == ("paper_one",)
    assert benchmarks["paper_one"].targets == [
        "results/paper_one/tables/leaderboard.md",
        "results/paper_one/report/index.html",
        "results/paper_one/scores/toy.csv",
    ]
    assert benchmarks["test"] is benchmarks.configured
    assert benchmarks.layouts("paper_one") == ["config/papers/one-tables.yaml"]
    assert benchmarks.layouts("test") == []


def test_a_paper_is_read_only_when_it_is_asked_for(plan, paper):
    paper(methods=["kmeens"])
    benchmarks = Benchmarks(plan())
    params_hash = benchmarks["test"].plan.params_hash("toy", "kmeans")
    assert benchmarks.of_run("toy", "kmeans", params_hash) is benchmarks.configured
    with pytest.raises(InputError, match=r"config/papers/one\.yaml: methods: unknown method 'kme"):
        benchmarks["paper_one"]


def test_a_run_belongs_to_whichever_benchmark_has_its_settings(plan, paper):
    paper("one", params={"kmeans": {"n_init": 8}})
    paper("two", params={"kmeans": {"n_init": 9}}, precision="bfloat16", threads_per_fit=2)
    benchmarks = Benchmarks(plan())
    own = benchmarks.configured.plan.params_hash("toy", "kmeans")
    assert benchmarks.of_run("toy", "kmeans", own) is benchmarks.configured
    # as in a job on another machine, where nobody has asked for the paper
    params_hash = Benchmarks(plan())["paper_two"].plan.params_hash("toy", "kmeans")
    found = benchmarks.of_run("toy", "kmeans", params_hash)
    assert found.plan.benchmark.name == "paper_two"
    assert '"n_init": 9' in found.method_json("toy", "kmeans")


def test_the_configured_benchmark_comes_first_where_both_have_a_run(plan, paper):
    paper()
    benchmarks = Benchmarks(plan())
    assert benchmarks["paper_one"].plan.params_hash("toy", "kmeans") == benchmarks[
        "test"
    ].plan.params_hash("toy", "kmeans")
    params_hash = benchmarks["test"].plan.params_hash("toy", "kmeans")
    assert benchmarks.of_run("toy", "kmeans", params_hash) is benchmarks.configured


def test_a_run_that_no_benchmark_has_is_an_error(plan, paper):
    paper()
    with pytest.raises(InputError, match=r"toy/kmeans/00000000: .* none of test, paper_one has"):
        Benchmarks(plan()).of_run("toy", "kmeans", "00000000")


def test_a_paper_that_is_configured_is_taken_as_configured(plan, paper):
    paper(seeds=9)
    benchmarks = Benchmarks(plan(name="paper_one", seeds=2))
    assert benchmarks["paper_one"].plan.benchmark.seeds == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "paper_two"}, r"one\.yaml: name: expected 'paper_one', got 'paper_two'"),
        (
            {"dataset_catalogues": ["x.yaml"]},
            r"'x\.yaml' is not a catalogue of .* run it by --configfile",
        ),
    ],
)
def test_a_paper_that_cannot_be_run_beside_the_others_says_why(plan, paper, keys, message):
    paper(**keys)
    with pytest.raises(InputError, match=message):
        Benchmarks(plan())["paper_one"]


def test_an_unknown_benchmark_names_the_nearest(plan, paper):
    paper()
    with pytest.raises(InputError, match="unknown benchmark 'paper_ome'; did you mean 'paper_one"):
        Benchmarks(plan())["paper_ome"]
