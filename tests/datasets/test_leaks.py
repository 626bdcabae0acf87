"""Labels never reach views: neither by their place in a file, nor as a column that codes them."""

import numpy as np
import pytest

from mmbench.checks import checked
from mmbench.config import ViewSpec
from mmbench.config.sources import ArraySource, CsvSource
from mmbench.datasets.leaks import refuse_labels, suspicious_columns
from mmbench.datasets.loaders import read
from mmbench.errors import InputError

FILE = {"sha256": "unknown", "urls": "manual:place it"}


def table(n_samples=60, n_columns=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_columns)), np.arange(n_samples) % 3


def csv_source(columns=None, labels=-1, header=False):
    view = {} if columns is None else {"columns": columns}
    return checked(
        CsvSource,
        {
            "name": "here",
            "loader": "csv",
            "header": header,
            "files": {"x.csv": FILE},
            "views": {"a": view},
            "labels": {"column": labels},
        },
        where="source",
    )


def view_of(source, folder, dims):
    spec = ViewSpec(modality="a", dims=(dims,))
    return read(source, folder, {"a": spec}, name="x").views["a"]


@pytest.mark.parametrize(("labels", "header"), [(-1, False), (4, False), ("class", True)])
def test_a_view_of_all_columns_leaves_the_labels_out(tmp_path, labels, header):
    values, classes = table()
    names = ",".join(["a", "b", "c", "d", "class"]) if header else ""
    rows = np.column_stack([values, classes])
    np.savetxt(tmp_path / "x.csv", rows, delimiter=",", header=names, comments="")
    if not header:
        (tmp_path / "x.csv").write_text((tmp_path / "x.csv").read_text().lstrip("\n"))
    found = view_of(csv_source(labels=labels, header=header), tmp_path, 4)
    np.testing.assert_allclose(found, values)


def test_columns_that_contain_the_labels_are_refused(tmp_path):
    values, classes = table()
    np.savetxt(tmp_path / "x.csv", np.column_stack([values, classes]), delimiter=",")
    np.testing.assert_allclose(view_of(csv_source([0, 4]), tmp_path, 4), values)
    with pytest.raises(InputError, match=r"x\.csv: .* but \[0, 5\] contains their column 4"):
        view_of(csv_source([0, 5]), tmp_path, 5)


def test_an_array_cannot_be_both_view_and_labels():
    entry = {
        "name": "here",
        "loader": "npz",
        "files": {"x.npz": FILE},
        "views": {"a": {"key": "y"}},
        "labels": {"key": "y"},
    }
    with pytest.raises(InputError, match="expected view a to be other arrays than the labels"):
        checked(ArraySource, entry, where="source")


def coded(kind, classes):
    values, _ = table(len(classes))
    codes = {
        "as they are": classes[:, None],
        "other numbers": np.array([0.5, -1, 7])[classes][:, None],
        "one-hot": np.eye(3)[classes],
        "one-hot without a class": np.eye(3)[classes][:, :2],
    }
    return np.column_stack([values[:, :2], codes[kind], values[:, 2:]])


@pytest.mark.parametrize(
    "kind", ["as they are", "other numbers", "one-hot", "one-hot without a class"]
)
def test_columns_from_which_the_classes_can_be_read_are_refused(kind):
    _, classes = table()
    values = coded(kind, classes)
    spec = ViewSpec(modality="a", dims=(values.shape[1],))
    with pytest.raises(InputError, match="x/a: expected features, but the classes can be read"):
        refuse_labels(values, classes, spec, where="x/a")
    allowed = spec.model_copy(update={"allow_label_like": (2, 3, 4)})
    refuse_labels(values, classes, allowed, where="x/a")


def test_features_and_columns_of_one_class_alone_are_not_refused():
    values, classes = table()
    spec = ViewSpec(modality="a", dims=(5,))
    refuse_labels(values, classes, spec, where="x/a")
    refuse_labels(np.column_stack([values, classes == 0]), classes, spec, where="x/a")
    refuse_labels(np.column_stack([values, np.ones(60)]), classes, spec, where="x/a")


def test_nearly_the_labels_are_suspicious_and_continuous_features_are_not():
    values, classes = table(600)
    noisy = classes.copy()
    noisy[:2] = (noisy[:2] + 1) % 3
    separate = classes * 100 + values[:, 0]  # continuous, although it separates the classes
    found = suspicious_columns(np.column_stack([values, noisy, separate, classes == 0]), classes)
    assert list(found) == [4]
    assert 0.95 < found[4] < 1
