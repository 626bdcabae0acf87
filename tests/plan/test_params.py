"""The digits by which stored runs are found must not change by themselves."""

from pathlib import Path

import pytest

from mmbench.config import MethodEntry, read_methods
from mmbench.errors import InputError
from mmbench.plan import Jobs, params_hash, report_spec, resolved

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "digits"), [("cmmc", "29f05b19"), ("kmeans-concat", "4964da8f")])
def test_stored_runs_of_plain_entries_keep_their_folder(name, digits):
    entry = read_methods([ROOT / "config/methods.yaml"])[name]
    params = resolved(name, entry, entry.params)
    # If this fails because a hyperparameter was added or changed, write the new digits here. If
    # it fails for another reason, every run that anybody has stored would be trained again.
    assert params_hash(params, "float32", restarts=entry.restarts) == digits


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import sys; sys.exit(4)", "SystemExit: 4"),
        ("x = undefined", "NameError: name 'undefined'"),
    ],
)
def test_a_file_that_fails_when_it_is_read_is_named_in_one_line(tmp_path, line, told):
    path = tmp_path / "theirs.py"
    path.write_text(line)
    with pytest.raises(InputError, match=f"method theirs: cannot use '{path}': {told}") as caught:
        resolved("theirs", MethodEntry(uses=str(path)), {})
    assert "\n" not in str(caught.value)


def test_a_parameter_that_is_not_finite_is_refused_before_anything_trains():
    entry = read_methods([ROOT / "config/methods.yaml"])["ae-kmeans"]
    with pytest.raises(InputError, match="method ae-kmeans: expected finite parameters, got"):
        resolved("ae-kmeans", entry, {"learning_rate": float("inf")})


def test_restarts_have_settings_of_their_own_and_one_restart_has_those_of_none():
    one = params_hash({"a": 1}, "float32")
    assert params_hash({"a": 1}, "float32", restarts=1) == one
    others = {params_hash({"a": 1}, "float32", restarts=n) for n in (2, 5)}
    assert len({one, *others}) == 3
    assert params_hash({"a": 1}, "float32", checkpoint="last") == one
    assert params_hash({"a": 1}, "float32", checkpoint="lowest_loss") != one


def test_restarts_of_an_entry_reach_the_command(plan):
    jobs = Jobs(plan(methods=["kmeans-quick", "kmeans-3-restarts"]))
    assert '"restarts": 3' in jobs.method_json("toy", "kmeans-3-restarts")
    hashes = {jobs.plan.params_hash("toy", name) for name in jobs.plan.method_names}
    assert len(hashes) == 2


def test_the_checkpoint_of_an_entry_reaches_the_command_and_the_leaderboard(plan):
    told = plan(methods=["kmeans", "kmeans-by-loss"], remarks={"kmeans-by-loss": "slow"})
    assert '"checkpoint": "lowest_loss"' in Jobs(told).method_json("toy", "kmeans-by-loss")
    plain, by_loss = report_spec(told)["methods"]
    assert (plain["remark"], by_loss["varied"]) == ("", {"checkpoint": "lowest_loss"})
    assert by_loss["remark"] == "slow; the checkpoint of lowest loss, not the last epoch"
