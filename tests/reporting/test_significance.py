"""What the tables of significance say, of whom, and who is left out."""

import csv
import io
import re

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.reporting.context import ReportContext
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.tables.significance import result_sentences


def write(stored, spec=None):
    """Write the tables and return their texts by name."""
    stored.tables("intervals", spec)
    return stored.tables("significance", spec)


def compare(spec, datasets):
    return ReportContext(spec, datasets).comparisons


def section(text, title):
    """The part of a Markdown document under a heading of the second level."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def csv_rows(text, **where):
    return [row for row in csv.DictReader(io.StringIO(text)) if where.items() <= row.items()]


def made(n_datasets, **accs):
    """A report without files: per method, its mean ACC on each data set; two seeds."""
    spec = ReportSpec(
        name="made",
        seeds=(0, 1),
        datasets=[
            DatasetSpec(name=f"d{i}", title=f"D{i}", pairing="same-object", data_setting="paired")
            for i in range(n_datasets)
        ],
        methods=[MethodSpec(name=m, title=m, fidelity="baseline") for m in accs],
        metrics=("acc",),
    )
    ok = {"status": "ok", "reason": "", "params_hash": "0"}
    stored = [
        DatasetScores(
            dataset,
            {},
            {m: {0: ok, 1: ok} for m in accs},
            {
                (m, "last", "all", "acc"): {0: a[i] - 0.001, 1: a[i] + 0.001}
                for m, a in accs.items()
            },
        )
        for i, dataset in enumerate(spec.datasets)
    ]
    return spec, stored


def test_the_first_thing_below_a_heading_is_the_result(stored):
    paired = section(write(stored)["significance.md"], "Paired views")
    below = paired.split("### ACC\n\n")[1]
    assert below.startswith(
        "On 2 data sets, no claim about a difference from “k\\_means, all” is possible for 2"
        " methods; at least 7 data sets are needed. The highest mean difference is that of “CMMC”:"
        " +0.250 (better on 2, tied on 0, worse on 0)\n\n| method "
    )
    assert "With 2 data sets no pairwise claim among 3 methods is possible; at least 7" in below


def test_sections_and_metrics_are_compared_apart(stored):
    found = stored.report().comparisons
    assert [(one.section, one.metric) for one in found] == [
        (kind, metric)
        for kind in ("paired", "mixed", "by-label")  # the images are not here
        for metric in ("acc", "nmi", "ari")
    ]
    assert [one.comparison.n_datasets for one in found[::3]] == [2, 1, 1]


def test_controls_and_oracles_are_shown_and_marked_but_not_tested(stored):
    (one, *_) = stored.report().comparisons
    assert [m.name for m in one.methods] == ["km_all", "cmmc", "dmim"]
    assert [(row.method.name, row.kind) for row, _ in one.outside] == [
        ("majority", "all"),
        ("km-view", "best-view"),
    ]
    text = section(write(stored)["significance.md"], "Paired views")
    assert "| Majority (control) | 0.100 | – | – |" in text
    assert "| *k-means: best view (oracle)* | *0.433* | – | – |" in text
    assert "| DMIM (from the paper) | 0.700 | 2.00 |" in text
    assert "| k\\_means, all (baseline) | 0.600 | 3.00 |" in text


def test_imported_rows_are_shown_and_marked_but_not_tested(stored):
    for row in stored.records["digits"]:
        row["origin"] = "imported" if row["method"] == "cmmc" else ""
    stored.write()
    (one, *_) = stored.report().comparisons
    assert [m.name for m in one.methods] == ["km_all", "dmim"]
    text = section(write(stored)["significance.md"], "Paired views")
    assert "| CMMC (imported) | 0.850 | – | – |" in text


def test_a_method_with_a_row_for_each_view_and_no_score_is_not_shown_as_imported(stored):
    text = section(write(stored)["significance.md"], "Mixed-modal samples")
    assert "| Majority (control) | 0.500 | – | – |" in text
    assert "k-means |" not in text
    assert "imported" not in text


def test_one_that_has_a_score_there_is_shown_as_not_tested(stored):
    kept = [row for row in stored.records["halves"] if row["method"] != "km-view"]
    stored.records["halves"] = kept
    stored.ok("halves", "km-view", [0.3, 0.3, 0.3])
    stored.write()
    text = section(write(stored)["significance.md"], "Mixed-modal samples")
    assert "| k-means (not tested) | 0.300 | – | – |" in text


def test_who_was_left_out_and_who_lacks_seeds_is_named(stored):
    text = section(write(stored)["significance.md"], "Paired views")
    assert "Left out, since a score is missing: SACC (n/a)." in text
    assert (
        "The mean is over the seeds that ended ok: DMIM (from the paper) on Digits (2/3);"
        " DMIM (from the paper) on Parts" in text
    )


def test_a_method_without_a_score_on_one_of_many_data_sets_costs_that_data_set():
    spec, stored = made(8, a=[0.5] * 8, b=[0.6] * 8)
    stored[3].scores.pop(("b", "last", "all", "acc"))
    (one,) = compare(spec, stored)
    assert one.comparison.n_datasets == 7
    assert one.left_out == ("Left out, since methods lack a score there: D3.",)


def test_data_sets_that_derive_from_one_count_as_one():
    spec, _ = made(4, a=[0.5] * 4, b=[0.6] * 4)
    roots = ["x", "x", "x", "y"]
    datasets = [d.model_copy(update={"root": b}) for d, b in zip(spec.datasets, roots, strict=True)]
    spec = spec.model_copy(update={"datasets": tuple(datasets)})
    _, stored = made(4, a=[0.1, 0.2, 0.3, 0.5], b=[0.6] * 4)
    stored = [
        DatasetScores(d, s.card, s.records, s.scores) for d, s in zip(datasets, stored, strict=True)
    ]
    (one,) = compare(spec, stored)
    np.testing.assert_allclose(one.comparison.scores, [[0.2, 0.6], [0.5, 0.6]])
    assert one.left_out == (
        "Counted as one data set, since they derive from the same one: D0; D1; D2.",
    )


def test_forms_of_one_data_set_buy_no_claim():
    spec, stored = made(6, a=[0.5] * 6, b=[0.6, 0.61, 0.62, 0.63, 0.64, 0.65])
    (one,) = compare(spec, stored)
    assert one.comparison.p_reference[1] == pytest.approx(2 / 2**6)
    # like Caltech-2V to 5V in the plan: other views, so that each is its own base
    forms = [
        d.model_copy(update={"root": "x" if i < 4 else d.name, "base": d.name})
        for i, d in enumerate(spec.datasets)
    ]
    spec = spec.model_copy(update={"datasets": tuple(forms)})
    stored = [
        DatasetScores(d, s.card, s.records, s.scores) for d, s in zip(forms, stored, strict=True)
    ]
    (found,) = (one.comparison for one in compare(spec, stored))
    assert found.n_datasets == 3
    assert found.wins[1, 0] == 3
    assert "at least 6 data sets are needed" in result_sentences(found)[0]
    assert np.isnan(found.better[1])  # no posterior of three data sets


def test_corrupted_forms_of_one_data_set_count_alike_and_do_not_widen_its_interval():
    spec, stored = made(2, a=[0.1, 0.9], b=[0.6, 0.6])
    datasets = [d.model_copy(update={"root": "x"}) for d in spec.datasets]
    spec = spec.model_copy(update={"datasets": tuple(datasets)})
    stored = [
        DatasetScores(d, s.card, s.records, s.scores) for d, s in zip(datasets, stored, strict=True)
    ]
    (found,) = (one.comparison for one in compare(spec, stored))
    # both seeds have 0.5 on average, so that drawing seeds again moves it by 0.001 at most,
    # though the two forms are 0.8 apart
    np.testing.assert_allclose(found.iqm[0], 0.5)
    assert found.iqm_high[0] - found.iqm_low[0] <= 0.002 + 1e-9
    stored[1].scores["a", "last", "all", "acc"].pop(1)
    (found,) = (one.comparison for one in compare(spec, stored))
    np.testing.assert_allclose(found.scores[0, 0], (0.099 + 0.899) / 2)
    stored[1].scores["a", "last", "all", "acc"].clear()
    stored[1].scores["a", "last", "all", "acc"][2] = 0.9
    (found,) = (one.comparison for one in compare(spec, stored))
    np.testing.assert_allclose(found.scores[0, 0], (0.1 + 0.9) / 2)


def test_where_claims_are_possible_groups_and_p_values_are_shown(write_table):
    easy, small = np.linspace(0.2, 0.7, 9), np.linspace(0.001, 0.004, 9) * np.tile([1, -1], 5)[:9]
    spec, stored = made(9, a=easy, b=easy + small, c=easy + 0.1 + 0.3 * small)
    texts = write_table(ReportContext(spec, stored), "significance")
    text = texts["significance.md"]
    assert "On 9 data sets, 1 of 2 methods differs from “a”: “c”: +0.1" in text
    assert "2 of 3 pairs differ." in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    last = {row[0]: row[-1] for row in rows}
    assert (last["a (baseline)"], last["b"], last["c"]) == ("1", "1", "–")
    rows = csv_rows(texts["significance.csv"], method="c", other="a")
    figures = {row["statistic"]: float(row["value"]) for row in rows}
    assert figures["wins"] == 9
    assert figures["p"] == pytest.approx(2 / 2**9, abs=1e-6)
    assert figures["p_holm"] == pytest.approx(3 * 2 / 2**9, abs=1e-6)
    assert figures["p_reference"] == pytest.approx(2 * 2 / 2**9, abs=1e-6)


def test_the_control_can_be_named_even_a_control_method(stored):
    spec = stored.spec.model_copy(update={"reference_method": "majority"})
    (one, *_) = stored.report(spec).comparisons
    assert one.comparison.names[one.comparison.reference_method] == "Majority"
    assert "from “Majority” is possible for 3 methods" in result_sentences(one.comparison)[0]


def test_k_means_on_all_views_is_the_control_unless_another_is_named():
    spec, stored = made(2, first=[0.1, 0.2], **{"kmeans-concat": [0.5, 0.6]})
    (one,) = compare(spec, stored)
    assert one.comparison.reference_method == 1
    spec, stored = made(2, first=[0.1, 0.2], second=[0.5, 0.6])
    (one,) = compare(spec, stored)
    assert one.comparison.reference_method == 0


def test_a_named_control_without_scores_is_not_replaced_by_another(stored):
    spec = stored.spec.model_copy(update={"reference_method": "sacc"})
    (one, *_) = stored.report(spec).comparisons
    assert one.comparison.reference_method is None
    assert result_sentences(one.comparison)[0].startswith(
        "On 2 data sets, nothing is compared with a"
    )


def test_an_unknown_control_is_named(stored):
    spec = stored.spec.model_copy(update={"reference_method": "cmc"})
    with pytest.raises(
        InputError, match="reference_method: unknown method 'cmc'; did you mean 'cmmc'"
    ):
        compare(spec, stored.report(spec).datasets)


def test_metrics_of_which_neither_much_nor_little_is_better_are_not_compared(stored):
    for rows in stored.scores.values():
        scored = [row for row in rows if row["metric"] == "acc"]
        rows += [{**row, "metric": "clusters_used", "value": 3} for row in scored]
    stored.write()
    spec = stored.spec.model_copy(update={"metrics": ("acc", "clusters_used")})
    assert {one.metric for one in stored.report(spec).comparisons} == {"acc"}


def test_every_statistic_has_a_sentence_that_says_what_it_is(stored):
    text = write(stored)["significance.md"]
    (head, *_) = [line for line in text.splitlines() if line.startswith("| method")]
    said = section(text, "What the columns mean").lower()
    for column in head.strip("| ").split(" | ")[1:]:
        assert column.split(" ")[0].lower() in said, column


def test_a_score_has_the_digits_of_the_leaderboard(stored):
    accs = [0.52, 0.53, 0.5475]  # their mean is 0.5325, and the float beside it in another order
    for row in stored.scores["halves"]:
        if (row["method"], row["subset"], row["metric"]) == ("cmmc", "all", "acc"):
            row["value"] = accs[row["seed"]]
    stored.write()
    board = stored.tables("leaderboard")["leaderboard.md"].split("### Halves\n")[1]
    (printed,) = re.findall(r"\| CMMC \| \W*(0\.\d{3}) ±", board.split("###")[0])
    text = section(write(stored)["significance.md"], "Mixed-modal samples")
    assert f"| CMMC | {printed} |" in text.split("### NMI")[0]


def test_intervals_have_a_row_for_each_cell_of_the_leaderboard(stored):
    text = write(stored)["intervals.csv"]
    (row,) = csv_rows(text, dataset="digits", method="cmmc", metric="acc")
    half = 4.302653 * 0.05 / 3**0.5  # t with 2 degrees of freedom, from a table
    assert float(row["mean"]) == pytest.approx(0.85)
    assert float(row["low"]) == pytest.approx(0.85 - half, abs=1e-5)
    assert float(row["high"]) == pytest.approx(0.85 + half, abs=1e-5)
    assert [row[k] for k in ("sd", "median", "min", "max")] == ["0.05", "0.85", "0.8", "0.9"]
    (row,) = csv_rows(text, dataset="digits", method="dmim", metric="acc")
    assert (row["seeds_ok"], row["seeds"], row["selection"]) == ("2", "3", "last")
    oracles = csv_rows(text, selection="oracle")
    assert {(row["row"], row["metric"]) for row in oracles} >= {
        ("best-view", "acc"),
        ("all", "acc_gap"),
    }


def test_a_single_seed_gives_means_without_intervals(stored):
    spec = stored.spec.model_copy(update={"seeds": (0,)})
    texts = write(stored, spec)
    (row,) = csv_rows(texts["intervals.csv"], dataset="digits", method="cmmc", metric="acc")
    assert (row["mean"], row["sd"], row["low"]) == ("0.8", "", "")
    assert "| CMMC | 0.800 | 1.00 | 0.800 | +0.300 |" in texts["significance.md"]
    assert "nan" not in "".join(texts.values())


def test_the_same_scores_give_the_same_bytes(stored):
    assert write(stored) == write(stored)
    assert set(write(stored)) == {
        "intervals.csv",
        "significance.csv",
        "significance.md",
        "significance.tex",
    }


def test_the_latex_says_the_result_in_the_caption(stored):
    text = write(stored)["significance.tex"]
    assert r"\caption{ACC. On 2 data sets, no claim about a difference" in text
    assert text.count(r"\begin{table}") == 9
