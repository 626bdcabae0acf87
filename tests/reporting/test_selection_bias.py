"""What choosing by label would buy, and where numbers in print fall among our seeds."""

import csv
import io
import math

import pytest

from mmbench.reporting.published import Published
from mmbench.reporting.tables.selection_bias import selection_bias


def digits(stored):
    return stored.report().by_name["digits"]


def write(stored, published=()):
    """Write the table with numbers in print: by entry, data set and value of the ACC."""
    numbers = [
        Published(
            method=entry,
            dataset=data,
            metric="ACC",
            value=value,
            paper="A paper",
            table="Table 1",
            source="its text",
            verified="yes",
            entry=entry,
            data=data,
        )
        for entry, data, value in published
    ]
    return stored.tables("selection_bias", published=numbers)


def csv_row(text, **where):
    (row,) = [row for row in csv.DictReader(io.StringIO(text)) if where.items() <= row.items()]
    return row


def test_the_three_biases_by_hand(stored):
    one = selection_bias(digits(stored), "cmmc", "acc")  # last .8 .9 .85, best epoch .9 each
    assert one.mean == pytest.approx(0.85)
    assert one.oracle_epoch == pytest.approx((0.1 + 0 + 0.05) / 3)
    assert one.oracle_seed == pytest.approx(0.05)
    assert one.oracle_both == pytest.approx(0.05)


def test_both_choices_add_at_least_as_much_as_either(stored):
    for row in stored.scores["digits"]:
        if (row["method"], row["selection"], row["seed"]) == ("cmmc", "oracle", 0):
            row["value"] = 0.99
    stored.write()
    one = selection_bias(digits(stored), "cmmc", "acc")
    assert one.oracle_both == pytest.approx(0.14)
    assert one.oracle_both >= max(one.oracle_epoch, one.oracle_seed)


def test_the_epoch_is_chosen_by_acc_so_other_metrics_have_no_oracle_epoch(stored):
    one = selection_bias(digits(stored), "cmmc", "nmi")
    assert math.isnan(one.oracle_epoch)
    assert math.isnan(one.oracle_both)
    assert one.oracle_seed == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("published", "below", "z"),
    [(0.70, 0, -3), (0.85, 1 / 3, 0), (0.87, 2 / 3, 0.4), (0.95, 1, 2)],
)
def test_a_number_in_print_is_placed_among_our_seeds(stored, published, below, z):
    one = selection_bias(digits(stored), "cmmc", "acc", published)
    assert one.seeds_below == pytest.approx(below)
    assert one.z == pytest.approx(z)


def test_without_variance_there_is_no_z(stored):
    one = selection_bias(digits(stored), "majority", "acc", 0.2)
    assert one.seeds_below == 1
    assert math.isnan(one.z)


def test_a_method_without_scores_has_no_bias(stored):
    assert selection_bias(digits(stored), "sacc", "acc") is None


def test_the_table_says_first_what_labels_would_buy_at_most(stored):
    text = write(stored)["selection_bias.md"]
    assert (
        "### Digits\n\nAn oracle that picks epoch and seed by label would add up to +0.100 ACC"
        " (k\\_means, all)\n\n| method | ACC | ACC, oracle epoch | ACC, oracle seed"
        " | ACC, oracle both | NMI | NMI, oracle seed | ARI | ARI, oracle seed |" in text
    )
    assert "| CMMC | 0.850 | *+0.050* | *+0.050* | *+0.050* | 0.425 | *+0.025* |" in text


def test_every_number_chosen_by_label_stands_under_the_word_oracle(stored):
    text = write(stored)["selection_bias.md"]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head = rows[0]
    for row in rows:
        for name, cell in zip(head, row, strict=False):
            if cell.startswith("*"):
                assert "oracle" in name


def test_a_number_in_print_is_not_held_against_hyperparameters_of_the_benchmark(stored):
    # the benchmark sets those of km_all
    texts = write(stored, [("km_all", "digits", 0.95)])
    assert (
        "published" not in texts["selection_bias.md"].lower()
    )  # neither a column nor what it would say
    row = csv_row(texts["selection_bias.csv"], dataset="digits", method="km_all", metric="acc")
    assert (row["published"], row["z"]) == ("", "")


def test_numbers_in_print_have_a_column_where_there_is_one(stored):
    published = [("cmmc", "digits", 0.95), ("cmmc", "elsewhere", 0.1)]
    texts = write(stored, published)
    digits, parts = texts["selection_bias.md"].split("### Digits\n")[1].split("### Parts")
    assert "ACC published (seeds below, z)" in digits
    assert "\nPublished: a number in print" in texts["selection_bias.md"]
    assert "| 0.950 (1.00, +2.0) |" in digits
    assert "published (" not in parts
    row = csv_row(texts["selection_bias.csv"], dataset="digits", method="cmmc", metric="acc")
    assert (row["published"], row["seeds_below"], row["z"]) == ("0.95", "1.0", "2.0")
    row = csv_row(texts["selection_bias.csv"], dataset="digits", method="km_all", metric="acc")
    assert (row["oracle_seed"], row["oracle_epoch"], row["published"]) == ("0.1", "", "")


def test_data_sets_without_scores_have_no_table_and_the_bytes_are_stable(stored):
    texts = write(stored)
    assert "Away" not in texts["selection_bias.md"]
    assert set(texts) == {"selection_bias.csv", "selection_bias.md", "selection_bias.tex"}
    assert texts == write(stored)
    assert "nan" not in "".join(texts.values())
