"""What the leaderboard says of scores and failures, and what never competes."""

import csv
import math

import pytest

from mmbench.errors import InputError
from mmbench.reporting import ReportSpec, leaderboard_text


def write(stored, spec=None):
    """Write the leaderboard alone, without figures, and return its folder."""
    stored.tables("leaderboard", spec)
    return stored.results / "tables"


@pytest.fixture
def tables(stored):
    """The folder of the written tables."""
    return write(stored)


def markdown_rows(tables, title):
    """The rows of a data set's table as (cells without the first) by first cell."""
    text = (tables / "leaderboard.md").read_text().split(f"### {title}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in rows}


def csv_rows(tables, **where):
    with (tables / "leaderboard.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if where.items() <= row.items()]


def test_mean_and_standard_deviation_are_over_seeds_with_n_minus_one(tables):
    assert markdown_rows(tables, "Digits")["CMMC †"][0] == "**0.850 ± 0.050**"
    (row,) = csv_rows(tables, dataset="digits", method="km_all", metric="acc")
    assert (row["mean"], row["std"], row["rank"]) == ("0.6", "0.1", "")


def test_rows_stand_in_the_order_of_the_config_and_marks_are_beside_names(tables):
    assert list(markdown_rows(tables, "Digits")) == [
        "method",
        ":--",
        "Majority",
        "k-means: pix",
        "k-means: fou",
        "*k-means: best view (oracle)* <sup>a</sup>",
        "k\\_means, all ‡",
        "CMMC †",
        "DMIM (from the paper)",
        "SACC",
    ]
    assert "CMMC" in markdown_rows(tables, "Joined")  # it has parameters of its own on Digits alone


def test_seeds_that_failed_are_counted_and_named(tables):
    rows = markdown_rows(tables, "Digits")
    assert rows["DMIM (from the paper)"][0] == "<u>0.700 ± 0.000</u>"
    assert rows["DMIM (from the paper)"][-1] == "2/3 <sup>b</sup>"
    assert rows["SACC"] == ["n/a <sup>c</sup>", "–", "–", "–", "0/3"]
    text = (tables / "leaderboard.md").read_text()
    assert "<sup>b</sup> seed 1 diverged: loss is NaN at epoch 3<br>" in text
    assert "<sup>c</sup> not applicable: needs images\n" in text  # the data set stands above


def test_best_and_second_are_found_as_printed_and_ties_share_a_rank(stored):
    for row in stored.scores["digits"]:
        if row["method"] == "dmim" and row["metric"] == "acc":
            row["value"] = 0.8501  # prints as the 0.850 of cmmc
    stored.write()
    rows = markdown_rows(write(stored), "Digits")
    assert rows["CMMC †"][0].startswith("**")
    assert rows["DMIM (from the paper)"][0].startswith("**")
    assert rows["k\\_means, all ‡"][0].startswith("<u>")


def test_a_control_never_competes(stored):
    for row in stored.scores["digits"]:
        if row["method"] == "majority" and row["metric"] == "acc":
            row["value"] = 0.9
    stored.write()
    rows = markdown_rows(write(stored), "Digits")
    assert rows["Majority"][0] == "0.900 ± 0.000"
    assert rows["CMMC †"][0].startswith("**")


def test_an_oracle_never_competes(stored):
    for row in stored.scores["digits"]:
        if row["selection"] == "oracle":
            row["value"] = 1.0
    stored.write()
    tables = write(stored)
    rows = markdown_rows(tables, "Digits")
    assert rows["*k-means: best view (oracle)* <sup>a</sup>"][0] == "*1.000 ± 0.000*"
    assert rows["CMMC †"][0] == "**0.850 ± 0.050**"
    oracles = csv_rows(tables, selection="oracle")
    assert oracles
    assert all(row["rank"] == "" for row in oracles)


def test_the_oracle_gap_is_the_best_epoch_minus_the_last(tables):
    head = markdown_rows(tables, "Digits")["method"]
    gap = markdown_rows(tables, "Digits")["CMMC †"][head.index("oracle gap (ACC)")]
    assert gap == "*+0.050*"
    (row,) = csv_rows(tables, dataset="digits", metric="acc_gap")
    assert (row["method"], row["selection"], row["std"]) == ("cmmc", "oracle", "0.05")
    assert "oracle gap (ACC)" not in markdown_rows(tables, "Halves")["method"]  # no row has one


def test_the_best_view_is_chosen_anew_for_each_seed_and_the_choice_is_named(tables):
    row = markdown_rows(tables, "Digits")["*k-means: best view (oracle)* <sup>a</sup>"]
    sd = math.sqrt(((0.3 - 1.3 / 3) ** 2 + (0.4 - 1.3 / 3) ** 2 + (0.6 - 1.3 / 3) ** 2) / 2)
    assert row[0] == f"*0.433 ± {sd:.3f}*"
    assert "chosen by label: fou (2), pix (1)" in (tables / "leaderboard.md").read_text()


def test_sets_paired_by_label_stand_apart_and_the_reason_is_given(tables):
    text = (tables / "leaderboard.md").read_text()
    apart = text.index("## Views paired by label")
    assert text.index("### Digits") < text.index("### Away") < apart < text.index("### Joined")
    assert "The pairing itself reveals labels" in text[apart:]
    assert "The pairing itself reveals labels" in (tables / "leaderboard.tex").read_text()


def test_mixed_sets_tell_how_clusters_follow_the_modality_and_do_not_rank_it(tables):
    rows = markdown_rows(tables, "Halves")
    assert rows["method"][3:] == ["NMI with modality", "mixing", "seeds"]
    assert rows["CMMC"][3:5] == ["0.250 ± 0.000", "0.800 ± 0.000"]
    # without a row per view: the columns of the modalities have these scores
    assert rows["k-means"][0] == "n/a <sup>a</sup>"


def test_each_modality_of_a_mixed_set_has_its_scores_in_a_table_beside(tables):
    rows = markdown_rows(tables, "Halves: each modality alone")
    heads = [f"{m}, {name}" for name in ("image", "text") for m in ("ACC", "NMI", "ARI")]
    assert rows["method"] == [*heads, "seeds"]
    assert [rows["CMMC"][i] for i in (0, 3)] == ["**0.600 ± 0.000**", "**0.700 ± 0.000**"]
    # of those that ran, since the others are in the first table
    assert "SACC" not in rows


def test_held_out_samples_have_columns_of_their_own(stored):
    for seed in stored.spec.seeds:
        stored.score("digits", "cmmc", seed, 0.5, subset="train")
        stored.score("digits", "cmmc", seed, 0.25, subset="test")
    stored.write()
    rows = markdown_rows(write(stored), "Digits")
    assert rows["method"][3:6] == ["ACC, test", "NMI, test", "ARI, test"]
    assert rows["CMMC †"][3] == "**0.250 ± 0.000**"


def test_unavailable_data_keep_their_rows(tables):
    rows = markdown_rows(tables, "Away")
    assert rows["CMMC"] == ["data unavailable <sup>a</sup>", "–", "–", "0/3"]
    rows = csv_rows(tables, dataset="away")
    assert len(rows) == 6
    assert {row["note"] for row in rows} == {"data unavailable: no source answered"}
    assert {row["mean"] for row in rows} == {""}


def test_a_single_seed_has_no_standard_deviation(stored):
    spec = stored.spec.model_copy(update={"seeds": (0,)})
    tables = write(stored, spec)
    assert markdown_rows(tables, "Digits")["CMMC †"][0] == "**0.800**"
    assert "of seed 0 alone" in (tables / "leaderboard.md").read_text()
    assert "± 0" not in (tables / "leaderboard.md").read_text()


def test_the_terminal_shows_every_set_and_unavailable_ones_in_a_line(stored):
    text = leaderboard_text(stored.spec, results=stored.results, cards=stored.cards)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 120
    assert "Away: data unavailable: no source answered" in lines
    assert any(line.startswith("CMMC †") and "0.850±0.050¹" in line for line in lines)
    assert "\nDigits\n100 samples; 3 classes\n" in text


def test_other_metrics_can_be_asked_for_and_neutral_ones_are_not_ranked(stored):
    for rows in stored.scores.values():
        scored = [row for row in rows if row["metric"] == "acc"]
        rows += [{**row, "metric": "purity"} for row in scored]
        rows += [{**row, "metric": "clusters_used", "value": 3} for row in scored]
    stored.write()
    spec = stored.spec.model_copy(update={"metrics": ("purity", "clusters_used")})
    rows = markdown_rows(write(stored, spec), "Digits")
    assert rows["method"][:2] == ["purity", "clusters used"]
    assert rows["CMMC †"][:2] == ["**0.850 ± 0.050**", "3.000 ± 0.000"]


def test_a_metric_that_was_not_scored_is_named(stored):
    spec = stored.spec.model_copy(update={"metrics": ("acc", "nmj")})
    with pytest.raises(InputError, match=r"digits.csv: unknown metric 'nmj'; did you mean 'nmi'\?"):
        write(stored, spec)


def test_names_that_stand_twice_are_refused(stored):
    values = stored.spec.model_dump()
    values["methods"] += values["methods"][:1]
    with pytest.raises(ValueError, match="expected each method once, got 'majority' twice"):
        ReportSpec.model_validate(values)


def test_a_remark_stands_under_each_table_where_the_method_has_a_score(stored):
    values = stored.spec.model_dump()
    (cmmc,) = (m for m in values["methods"] if m["name"] == "cmmc")
    cmmc["remark"] = "oracle: epochs chosen after seeing ACC"
    for row in stored.records["joined"]:
        if row["method"] == "cmmc":
            row["status"] = "timed_out"
    stored.write()
    folder = write(stored, ReportSpec.model_validate(values))
    assert "CMMC † <sup>b</sup>" in markdown_rows(folder, "Digits")
    assert "CMMC" in markdown_rows(folder, "Joined")
    text = (folder / "leaderboard.md").read_text()
    assert "<sup>b</sup> oracle: epochs chosen after seeing ACC" in text


def test_rows_that_were_not_trained_here_are_marked_and_say_where_they_are_from(stored):
    for row in stored.records["digits"]:
        elsewhere = {"km_all": "imported", "cmmc": "node7" if row["seed"] == 1 else ""}
        row["origin"] = elsewhere.get(row["method"], "")
    stored.write()
    folder = write(stored)
    names = list(markdown_rows(folder, "Digits"))
    assert "k\\_means, all ‡ § <sup>b</sup>" in names
    assert "CMMC † § <sup>c</sup>" in names
    text = (folder / "leaderboard.md").read_text()
    assert "<sup>b</sup> imported<br>" in text
    assert "<sup>c</sup> seed 1 trained on node7" in text
    assert "§ Not trained here" in text
    assert "are not ranked" in text
    ranks = {r["method"]: r["rank"] for r in csv_rows(folder, dataset="digits", metric="acc")}
    assert ranks["km_all"] == ""
    assert {row["origin"] for row in csv_rows(folder, dataset="digits", method="cmmc")} == {
        "seed 1 trained on node7"
    }
    assert {row["origin"] for row in csv_rows(folder, dataset="joined")} == {""}
