"""From a config to jobs: what is one job, what counts as done, and what is refused."""

import json
import re
from pathlib import Path

import pytest

from mmbench.errors import InputError
from mmbench.files import PROCESSED, write_json
from mmbench.plan import Jobs, Plan, forecast, report_spec
from mmbench.plan.jobs import argument
from mmbench.runs import Record, Run, SeedBlock, format_seeds, parse_seeds, write_runs
from mmbench.views_file import write_views


def prepare(jobs, *, recipe=None, checksum="of the data"):
    """Write the files that say that the data set toy is prepared."""
    folder = PROCESSED / "toy"
    write_json(folder / "card.json", {"status": "ok", "recipe": recipe or jobs.recipe("toy")})
    write_views(folder / "views.safetensors", {}, {"checksum": checksum})
    (folder / "samples.csv").write_text("")


def store(jobs, block, **changes):
    """Store runs of a block that are current except for the changes."""
    known = {
        "params": jobs.plan.params(block.dataset, block.method),
        "fingerprint": jobs.fingerprint(block.method),
        "data_checksum": "of the data",
        "seconds": {"total": 6.0},
    }
    runs = [Run(Record(seed=seed, status="ok", **known | changes)) for seed in block.seeds]
    write_runs(runs, jobs.store.folder(block))


def seeds_of(jobs):
    return [format_seeds(block.seeds) for block in jobs.blocks("toy", "kmeans")]


def test_seeds_are_split_at_multiples_of_the_block_size(plan):
    assert seeds_of(Jobs(plan())) == ["0-1", "2-3", "4-4"]


def test_stored_blocks_are_used_and_only_missing_seeds_are_new(plan):
    one = Jobs(plan(seeds=1))
    store(one, one.blocks("toy", "kmeans")[0])
    assert seeds_of(Jobs(plan(seeds=5))) == ["0-0", "1-1", "2-3", "4-4"]
    assert seeds_of(one) == ["0-0"]


def test_the_split_does_not_depend_on_which_jobs_have_finished(plan):
    jobs = Jobs(plan())
    before = seeds_of(jobs)
    for block in jobs.blocks("toy", "kmeans")[::-1]:
        store(jobs, block)
        assert seeds_of(jobs) == before


def test_a_block_that_lacks_a_file_is_not_stored(plan):
    jobs = Jobs(plan())
    block = jobs.blocks("toy", "kmeans")[0]
    store(jobs, block)
    jobs.store.files(block)[1].unlink()
    assert list(jobs.store.blocks()) == []


def test_scoring_is_given_exactly_the_blocks_that_are_declared_as_its_inputs(plan):
    jobs = Jobs(plan(seeds=2))
    hash_ = jobs.plan.params_hash("toy", "kmeans")
    for seeds in ((0, 1), (0, 1, 2, 3, 4)):
        store(jobs, SeedBlock("toy", "kmeans", hash_, seeds))
    folder = f"results/runs/toy/kmeans/{hash_}/0-1"
    assert jobs.runs("toy") == [f"{folder}/assignments.npz", f"{folder}/runs.json"]
    assert json.loads(jobs.selection("toy")) == {"kmeans": [f"{hash_}/0-1"]}


def test_a_long_argument_goes_through_a_file_named_by_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert argument({"a": 1}) == '{"a": 1}'
    value = {"a": "x" * 200_000}
    path = argument(value)
    assert path.startswith("@")
    assert json.loads(Path(path[1:]).read_text()) == value
    assert argument(value) == path != argument({"a": "y" * 200_000})


def test_settings_are_those_of_the_resolved_parameters_and_the_precision(plan):
    one = plan(methods=["kmeans"])
    assert re.fullmatch("[0-9a-f]{8}", one.params_hash("toy", "kmeans"))
    same = plan(params={"kmeans": {"n_init": 3}})
    other = plan(params={"kmeans": {"n_init": 4}})
    half = plan(precision="bfloat16")
    assert same.params_hash("toy", "kmeans") == one.params_hash("toy", "kmeans")
    assert other.params_hash("toy", "kmeans") != one.params_hash("toy", "kmeans")
    assert half.params_hash("toy", "kmeans") != one.params_hash("toy", "kmeans")


def test_parameters_are_those_of_entry_data_set_and_benchmark_in_this_order(plan):
    told = plan(methods=["kmeans-tuned", "kmeans-quick"], datasets=["toy", "toy-mixed"])
    assert told.params("toy", "kmeans-tuned")["n_init"] == 9
    assert told.params("toy-mixed", "kmeans-tuned")["n_init"] == 3
    assert told.params("toy", "kmeans-quick")["n_init"] == 1
    told = plan(methods=["kmeans-tuned"], params={"kmeans-tuned": {"n_init": 7}})
    assert told.params("toy", "kmeans-tuned")["n_init"] == 7
    (method,) = report_spec(told)["methods"]
    assert (method["tuned_on"], method["changed"]) == (["toy"], True)


def test_all_stands_for_every_entry_but_toys(plan):
    told = plan(datasets=["all"], methods=["all"], params={"kmeans": {"n_init": 4}})
    assert told.method_names == (
        "majority",
        "kmeans",
        "kmeans-quick",
        "kmeans-tuned",
        "kmeans-3-restarts",
        "kmeans-by-loss",
    )
    assert "real" in told.dataset_names
    assert not [name for name in told.dataset_names if name.startswith("toy-")]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"datasets": ["toi"]}, "test.yaml: datasets: unknown data set 'toi'; did you mean 'toy'?"),
        ({"methods": ["kmean"]}, "test.yaml: methods: unknown method 'kmean'; did you mean"),
        (
            {"methods": ["all"], "params": {"kmean": {}}},
            "test.yaml: params: unknown method 'kmean'",
        ),
        (
            {"methods": ["all"], "remarks": {"kmean": "chosen by label"}},
            "test.yaml: remarks: unknown method 'kmean'",
        ),
        (
            {"methods": ["all"], "reference_method": "kmean"},
            "test.yaml: reference_method: unknown method 'kmean'",
        ),
        (
            {"methods": ["all"], "sweep": {"kmean": {"n_init": [1]}}},
            "test.yaml: sweep: unknown method 'kmean'; did you mean 'kmeans'",
        ),
        ({"params": {"kmeans": {"n_int": 2}}}, "kmeans: unknown key 'n_int'; did you mean 'n_init"),
        ({"params": {"kmeans": {"n_init": 0}}}, "n_init: expected greater than 0, got 0"),
    ],
)
def test_what_is_wrong_is_told_before_any_job(plan, keys, message):
    with pytest.raises(InputError, match=re.escape(message)):
        plan(**keys)


def test_an_empty_config_says_how_to_name_one(plan):
    with pytest.raises(InputError, match="--configfile"):
        Plan.of({})


def test_the_forecast_counts_seeds_that_are_missing_or_of_other_source_code(plan):
    jobs = Jobs(plan(seeds=4))
    (cell,) = forecast(jobs)
    assert (cell.seeds_to_run, cell.minutes) == (4, None)
    prepare(jobs)
    first, second = jobs.blocks("toy", "kmeans")
    store(jobs, first)
    (cell,) = forecast(jobs)
    assert (cell.seeds_to_run, cell.seconds_per_seed, cell.minutes) == (2, 6.0, 0.2)
    store(jobs, second, fingerprint="of yesterday")
    assert forecast(jobs)[0].seeds_to_run == 2


def test_the_forecast_counts_runs_on_data_that_would_be_prepared_differently_now(plan):
    jobs = Jobs(plan(seeds=2))
    store(jobs, jobs.blocks("toy", "kmeans")[0])
    assert forecast(jobs)[0].seeds_to_run == 2, "the data are not prepared"
    prepare(jobs)
    assert forecast(jobs)[0].seeds_to_run == 0
    prepare(jobs, checksum="of other data")
    assert forecast(jobs)[0].seeds_to_run == 2
    prepare(jobs, recipe="of yesterday")
    assert forecast(jobs)[0].seeds_to_run == 2


def test_the_forecast_counts_runs_of_an_older_version_that_cannot_be_read(plan):
    jobs = Jobs(plan(seeds=2))
    prepare(jobs)
    (block,) = jobs.blocks("toy", "kmeans")
    store(jobs, block)
    write_json(jobs.store.files(block)[1], [{"seed": 0, "status": "ok", "protocol": 1}])
    assert forecast(jobs)[0].seeds_to_run == 2


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "1-b"])
def test_a_range_of_another_form_is_refused(text):
    with pytest.raises(InputError, match="expected a range such as 0-4"):
        parse_seeds(text)


def test_a_range_and_its_seeds_name_each_other():
    assert parse_seeds("3-5") == (3, 4, 5)
    assert parse_seeds(format_seeds([7])) == (7,)
