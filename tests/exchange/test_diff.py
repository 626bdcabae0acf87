"""What changed between two results: means, their intervals, rows and statuses."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.diff import Place, Score, Side, compare, read_side, welch

HEAD = "dataset,method,params_hash,row,selection,subset,metric,mean,std,seeds_ok,seeds,note"
BEFORE = [
    "digits,cmmc,0123abcd,all,last,all,acc,0.8,0.02,3,3,",
    "digits,cmmc,0123abcd,all,last,all,nmi,0.7,0.01,3,3,",
    "digits,cmmc,0123abcd,all,oracle,all,acc_gap,0.01,0.01,3,3,",
    "digits,dmim,0123abcd,all,last,all,acc,0.5,0.1,3,3,",
    "digits,dec,0123abcd,all,last,all,acc,0.4,,1,1,",
    "digits,gone,0123abcd,all,last,all,acc,0.3,0.0,3,3,",
]
AFTER = [
    "digits,cmmc,0123abcd,all,last,all,acc,0.81,0.03,5,5,",
    "digits,cmmc,0123abcd,all,last,all,nmi,0.7,0.01,3,3,",
    "digits,cmmc,0123abcd,all,oracle,all,acc_gap,0.05,0.01,5,5,",
    "digits,dmim,4567cdef,all,last,all,acc,0.2,0.1,2,3,seed 1 crashed: why",
    "digits,dec,0123abcd,all,last,all,acc,0.41,,1,1,",
    "digits,new,0123abcd,,,,,,,0,3,not applicable: needs images",
]


def write(folder, rows):
    path = Path(folder, "results/default/tables/leaderboard.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return str(folder)


@pytest.fixture
def sides(tmp_path):
    """Two folders of results."""
    return write(tmp_path / "a", BEFORE), write(tmp_path / "b", AFTER)


@pytest.fixture
def found(sides):
    return compare(*(read_side(side, "default") for side in sides))


def test_the_interval_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for n, m, spread in ((3, 5, 1.0), (10, 2, 7.0), (4, 4, 0.1)):
        a, b = rng.normal(size=n), rng.normal(scale=spread, size=m) + 0.3
        theirs = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.9)
        sides = [Score(x.mean(), x.std(ddof=1), len(x)) for x in (a, b)]
        assert welch(*sides, 0.9) == pytest.approx((theirs.low, theirs.high))


def test_one_seed_gives_no_interval_and_no_variance_gives_a_point():
    assert welch(Score(0.5, None, 1), Score(0.6, 0.1, 3)) is None
    assert welch(Score(0.5, 0.0, 3), Score(0.6, 0.0, 3)) == pytest.approx((0.1, 0.1))
    low, high = welch(Score(0.5, 0.0, 3), Score(0.6, 0.1, 3))
    assert (low + high) / 2 == pytest.approx(0.1)


def test_cells_that_changed_come_with_the_largest_change_first(found):
    changes = [(c.place.method, round(c.difference, 6)) for c in found.changes]
    assert changes == [("dmim", -0.3), ("cmmc", 0.01), ("dec", 0.01)]
    assert found.same == 1  # the NMI; the gap is not among the metrics
    cmmc = found.changes[1]
    assert cmmc.low < 0 < cmmc.high
    assert found.changes[2].low is None


def test_rows_parameters_and_statuses_are_compared(found):
    assert found.added == [("digits", "new")]
    assert found.removed == [("digits", "gone")]
    assert found.params_hash == [("digits", "dmim", "0123abcd", "4567cdef")]
    assert found.statuses == [
        ("digits", "cmmc", "3/3 ok", "5/5 ok"),
        ("digits", "dmim", "3/3 ok", "2/3 ok: seed 1 crashed: why"),
    ]


def test_more_seeds_with_the_same_mean_are_no_change():
    place = Place("digits", "majority", "all", "last", "all", "acc")
    found = compare(*(Side({place: Score(0.1, 0.0, n)}) for n in (3, 5)))
    assert (found.changes, found.same) == ([], 1)


def test_other_metrics_can_be_compared(sides):
    found = compare(*(read_side(side, "default") for side in sides), metrics=["acc_gap"])
    assert [c.place.selection for c in found.changes] == ["oracle"]


def test_a_misspelt_metric_is_one_line(sides, capsys):
    assert main(["diff", *sides, "--metrics", "acc", "nmj"]) == 2
    assert capsys.readouterr().err == (
        "mmbench: diff: --metrics: unknown metric 'nmj'; did you mean 'nmi'?\n"
    )


def test_commits_are_read_without_touching_the_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    for rows in (BEFORE, AFTER):
        write(tmp_path, rows)
        subprocess.run([*git, "add", "results"], check=True)
        subprocess.run([*git, "commit", "-qm", "results"], check=True)
    (tmp_path / "results/default/tables/leaderboard.csv").unlink()
    assert main(["diff", "HEAD~1", "HEAD", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert [change["place"]["method"] for change in output["changes"]] == ["dmim", "cmmc", "dec"]
    with pytest.raises(InputError, match="HEAD: the commit has no results/core/tables"):
        read_side("HEAD", "core")
    for name in ("no-such-commit", "--help", "HEAD:results"):
        with pytest.raises(InputError, match="expected a folder of results or a commit of git"):
            read_side(name, "default")


def test_the_command_prints_the_differences(sides, capsys):
    assert main(["diff", *sides]) == 0
    printed = capsys.readouterr().out
    assert "dmim" in printed.splitlines()[1]
    assert "3 cells changed, 1 did not" in printed
    assert "added: new on digits" in printed
    assert "removed: gone on digits" in printed
    assert "params_hash of dmim on digits: 0123abcd -> 4567cdef" in printed
    assert "seeds of dmim on digits: 3/3 ok -> 2/3 ok: seed 1 crashed: why" in printed
    assert main(["diff", sides[0], sides[0]]) == 0
    assert "0 cells changed, 5 did not" in capsys.readouterr().out


def test_a_folder_without_results_and_a_table_of_another_form_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"expected tables/leaderboard\.csv"):
        read_side(str(tmp_path), "default")
    path = Path(write(tmp_path, []), "results/default/tables/leaderboard.csv")
    path.write_text("dataset,method\n")
    with pytest.raises(InputError, match=r"leaderboard\.csv: expected a column 'row'"):
        read_side(str(tmp_path), "default")
