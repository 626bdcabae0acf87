"""Assignments made elsewhere are put in our order, and refused where they do not fit."""

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.exchange.assignments import SampleTable, read_assignments

# sample 0 is row 2 of the original file, and so on
SAMPLES = SampleTable(np.array([2, 0, 3, 1]), n_clusters=3, where="samples.csv")
SUBSET = SampleTable(np.array([12, 40, 3, 1]), n_clusters=3, where="samples.csv")
UNPAIRED = SampleTable(np.array([0, 1, 0, 1]), n_clusters=3, where="samples.csv")


def read(path, samples=SAMPLES, *, seed=None, order=None):
    return read_assignments(path, samples, seed=seed, order=order)


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "theirs.csv"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def arrays(tmp_path):
    def write(**values):
        path = tmp_path / "theirs.npz"
        np.savez(path, **values)
        return path

    return write


def test_rows_of_the_original_file_become_samples_in_our_order(table):
    path = table("source_row,cluster\n0,1\n1,2\n2,0\n3,1\n")
    assert {s: y.tolist() for s, y in read(path).items()} == {0: [0, 1, 1, 2]}


def test_sample_numbers_may_come_in_any_order(table):
    path = table("cluster,sample\n2,3\n0,0\n1,2\n1,1\n")
    assert read(path, seed=7)[7].tolist() == [0, 1, 1, 2]


def test_a_column_gives_the_seeds(table):
    rows = "".join(f"{sample},{seed % 3},{seed}\n" for seed in (4, 2) for sample in range(4))
    found = read(table("sample,cluster,seed\n" + rows))
    assert {seed: y.tolist() for seed, y in found.items()} == {4: [1] * 4, 2: [2] * 4}


def test_both_orders_of_an_array_give_the_same_samples(arrays):
    of_source = np.array([1, 2, 0, 1])
    path = arrays(y_pred=of_source)
    assert read(path, order="source")[0].tolist() == [0, 1, 1, 2]
    path = arrays(seed_0=of_source[SAMPLES.source_row], seed_5=np.zeros(4), embedding=np.ones(2))
    found = read(path, order="stored")
    assert found[0].tolist() == [0, 1, 1, 2]
    assert found[5].tolist() == [0, 0, 0, 0]


def test_samples_of_a_subset_are_found_by_their_source_rows(table):
    path = table("source_row,cluster\n1,2\n3,1\n12,0\n40,1\n")
    assert read(path, SUBSET)[0].tolist() == [0, 1, 1, 2]


GOOD = "0,1\n1,2\n2,0\n3,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,cluster\n" + GOOD, "expected the columns sample or source_row, cluster, .* got row"),
        ("sample,source_row,cluster\n0,0,1\n", "expected the columns sample or source_row"),
        ("sample,cluster,label\n0,0,1\n", "expected the columns .* got sample, cluster, label"),
        (
            "sample,cluster\n0,1\n1,2\n2,0\n",
            "each of 4 samples, but seed 0 lacks 1, the first sample 3",
        ),
        ("sample,cluster\n" + GOOD + "3,1\n", "line 6: sample 3 of seed 0 occurs twice"),
        ("sample,cluster\n" + GOOD + "4,1\n", r"line 6: samples\.csv has no sample 4"),
        ("sample,cluster\n0,\n", "line 2: cluster: expected a whole number, got ''"),
        ("sample,cluster\n0,nan\n", "line 2: cluster: expected a whole number, got 'nan'"),
        ("sample,cluster\n0\n", "line 2: expected 2 values, got fewer"),
        ("sample,cluster\n0,-1\n", r"line 2: expected clusters in 0\.\.2, got -1$"),
        (
            "sample,cluster\n0,3\n",
            r"expected clusters in 0\.\.2, got 3; were they numbered from 1\?",
        ),
        ("sample,cluster\n0,7\n", r"expected clusters in 0\.\.2, got 7$"),
        ("sample,cluster\n", "expected assignments, found none"),
        ("sample,cluster,cluster\n0,1,2\n", "expected each column once, got sample, cluster, c"),
        (
            "sample,seed,cluster\n" + GOOD.replace(",", ",-2,"),
            "expected seeds of at least 0, got -2",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_one_line(table, text, message):
    with pytest.raises(InputError, match=message):
        read(table(text))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"y_pred": np.zeros(5, int)},
            r"expected shape \(4,\) as samples.csv has samples, got \(5,\)",
        ),
        ({"y_pred": np.zeros((4, 1))}, r"expected shape \(4,\)"),
        ({"y_pred": np.array([0, 1, np.nan, 1])}, "expected numbers without NaN"),
        ({"y_pred": np.array([0, 1, 2, 1j])}, "expected numbers without NaN, got complex128"),
        ({"y_pred": np.array(list("0121"))}, "expected numbers without NaN, got <U1"),
        ({"y_pred": np.array([0, 1, 0.5, 1])}, "expected whole numbers, got fractions"),
        ({"y_pred": np.array([1, 2, 3, 1])}, "got 3; were they numbered from 1"),
        ({"clusters": np.zeros(4, int)}, "expected either y_pred or seed_0, seed_1, …, got none"),
        ({"y_pred": np.zeros(4), "seed_0": np.zeros(4)}, "expected either y_pred or seed_0"),
        ({"y_pred": np.array([0, 1, 0, None])}, "expected an .npz of assignments, but"),
    ],
)
def test_an_array_that_does_not_fit_is_one_line(arrays, values, message):
    with pytest.raises(InputError, match=message):
        read(arrays(**values), order="stored")


def test_the_order_must_be_given_if_the_file_does_not(arrays, table):
    with pytest.raises(InputError, match=r"add --order source .* or --order stored"):
        read(arrays(y_pred=np.zeros(4, int)))
    with pytest.raises(InputError, match=r"a \.csv gives it by its columns"):
        read(table("sample,cluster\n" + GOOD), order="stored")


def test_a_seed_is_given_once(arrays, table):
    with pytest.raises(InputError, match="names its seeds; leave --seed out"):
        read(arrays(seed_0=np.zeros(4, int)), order="stored", seed=1)
    with pytest.raises(InputError, match="has a column seed; leave --seed out"):
        read(table("sample,cluster,seed\n0,1,0\n"), seed=1)


def test_source_rows_that_several_samples_share_are_refused(arrays, table):
    with pytest.raises(InputError, match="several samples of this data set are of one source row"):
        read(table("source_row,cluster\n0,1\n"), UNPAIRED)
    with pytest.raises(InputError, match="does not have every row of the original file once"):
        read(arrays(y_pred=np.zeros(4, int)), SUBSET, order="source")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a \.csv or an \.npz of assignments"):
        read(tmp_path / "theirs.mat")
    for name in ("none.csv", "none.npz"):
        with pytest.raises(InputError, match="found none"):
            read(tmp_path / name, order="stored" if name.endswith("z") else None)
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"expected an \.npz of assignments, but"):
        read(tmp_path / "cut.npz", order="stored")
