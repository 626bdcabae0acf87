"""From a config to jobs: what is one job, what counts as done, and what is refused."""

import re

import pytest

from mmbench.errors import InputError
from mmbench.files import write_json
from mmbench.plan import PROCESSED, Plan, format_seeds, outlook, parse_seeds, stored_blocks
from mmbench.runs import Record, write_runs


def prepared(told, **changes):
    card = {"status": "ok", "recipe": told.recipe("toy"), "checksum": "of the data", **changes}
    write_json(PROCESSED / "toy" / "card.json", card)


def store(block, status="ok", fingerprint="", data="of the data"):
    from mmbench.runs import Run

    runs = [
        Run(
            Record(
                seed=seed,
                status=status,
                fingerprint=fingerprint,
                data_checksum=data,
                seconds={"total": 6.0},
            )
        )
        for seed in block.seeds
    ]
    write_runs(runs, block.assignments, block.records)


def seeds_of(blocks):
    return [format_seeds(block.seeds) for block in blocks]


def test_seeds_are_cut_at_multiples_of_the_block_size(plan):
    assert seeds_of(plan().blocks("toy", "kmeans")) == ["0-1", "2-3", "4-4"]


def test_stored_blocks_are_taken_and_only_what_they_lack_is_new(plan):
    store(plan(seeds=1).blocks("toy", "kmeans")[0])
    assert seeds_of(plan(seeds=5).blocks("toy", "kmeans")) == ["0-0", "1-1", "2-3", "4-4"]
    assert seeds_of(plan(seeds=1).blocks("toy", "kmeans")) == ["0-0"]


def test_the_cut_does_not_depend_on_which_jobs_have_finished(plan):
    before = seeds_of(plan().blocks("toy", "kmeans"))
    for block in plan().blocks("toy", "kmeans")[::-1]:
        store(block)
        assert seeds_of(plan().blocks("toy", "kmeans")) == before


def test_a_block_that_lacks_a_file_is_not_stored(plan):
    block = plan().blocks("toy", "kmeans")[0]
    store(block)
    block.records.unlink()
    assert stored_blocks("toy", "kmeans", block.params_hash) == []


def test_settings_are_those_of_the_resolved_parameters_and_the_precision(plan):
    one = plan(methods=["kmeans"])
    assert re.fullmatch("[0-9a-f]{8}", one.params_hash("kmeans", "toy"))
    same = plan(params={"kmeans": {"n_init": 3}})
    other = plan(params={"kmeans": {"n_init": 4}})
    half = plan(precision="bfloat16")
    assert same.params_hash("kmeans", "toy") == one.params_hash("kmeans", "toy")
    assert other.params_hash("kmeans", "toy") != one.params_hash("kmeans", "toy")
    assert half.params_hash("kmeans", "toy") != one.params_hash("kmeans", "toy")


def test_parameters_are_those_of_entry_data_set_and_benchmark_in_this_order(plan):
    told = plan(methods=["kmeans-tuned", "kmeans-quick"], datasets=["toy", "toy-mixed"])
    assert told.params("kmeans-tuned", "toy")["n_init"] == 9
    assert told.params("kmeans-tuned", "toy-mixed")["n_init"] == 3
    assert told.params("kmeans-quick", "toy")["n_init"] == 1
    told = plan(methods=["kmeans-tuned"], params={"kmeans-tuned": {"n_init": 7}})
    assert told.params("kmeans-tuned", "toy")["n_init"] == 7
    (method,) = told.report_spec()["methods"]
    assert (method["tuned_on"], method["changed"]) == (["toy"], True)


def test_all_stands_for_every_entry_but_toys(plan):
    told = plan(datasets=["all"], methods=["all"], params={"kmeans": {"n_init": 4}})
    assert told.method_names == (
        "majority",
        "kmeans",
        "kmeans-quick",
        "kmeans-tuned",
        "kmeans-3-restarts",
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


def test_the_outlook_counts_what_is_missing_and_what_was_run_with_other_source(plan):
    told = plan(seeds=4)
    (cell,) = outlook(told)
    assert (cell.seeds_to_run, cell.minutes) == (4, None)
    prepared(told)
    first, second = told.blocks("toy", "kmeans")
    store(first, fingerprint=told.fingerprint("kmeans"))
    (cell,) = outlook(told)
    assert (cell.seeds_to_run, cell.seconds_per_seed, cell.minutes) == (2, 6.0, 0.2)
    store(second, fingerprint="of yesterday")
    assert outlook(told)[0].seeds_to_run == 2


def test_the_outlook_counts_runs_on_data_that_are_prepared_otherwise_today(plan):
    told = plan(seeds=2)
    (block,) = told.blocks("toy", "kmeans")
    store(block, fingerprint=told.fingerprint("kmeans"))
    assert outlook(told)[0].seeds_to_run == 2, "there are no data"
    prepared(told)
    assert outlook(told)[0].seeds_to_run == 0
    prepared(told, checksum="of other data")
    assert outlook(told)[0].seeds_to_run == 2
    prepared(told, recipe="of yesterday")
    assert outlook(told)[0].seeds_to_run == 2


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "1-b"])
def test_a_range_of_another_form_is_refused(text):
    with pytest.raises(InputError, match="expected a range such as 0-4"):
        parse_seeds(text)


def test_a_range_and_its_seeds_name_each_other():
    assert parse_seeds("3-5") == (3, 4, 5)
    assert parse_seeds(format_seeds([7])) == (7,)
