"""From raw files to views, samples and card: what lands where, and what happens when it cannot."""

import csv
import errno
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from scipy.io import savemat
from sklearn.neighbors import KNeighborsClassifier

from mmbench.config import read_datasets
from mmbench.data import Dataset
from mmbench.datasets import clear_unavailable, fetch, prepare, probe_sources, recipe
from mmbench.errors import InputError
from mmbench.views_file import read_metadata

ROOT = Path(__file__).resolve().parents[2]
FILES = ["card.json", "samples.csv", "views.safetensors"]


@pytest.fixture(scope="module")
def shipped():
    return read_datasets([ROOT / "config" / "datasets.yaml"])


@pytest.fixture
def made(make_entry, arrays, tmp_path):
    """Return a function that fetches and prepares `tiny` and gives data, samples and card."""

    def made(name="tiny", also=None, changes=None, **keys):
        raw, out = tmp_path / "raw", tmp_path / "out"
        raw.mkdir(exist_ok=True)
        np.savez(raw / "tiny.npz", **{**arrays, **(changes or {})})
        entry = make_entry(name, also=also, **keys)
        fetch(entry, raw)
        prepare(entry, raw, out)
        return load(out)

    return made


def load(out):
    with (out / "samples.csv").open(newline="") as file:
        samples = list(csv.DictReader(file))
    card = json.loads((out / "card.json").read_text())
    return Dataset.load(out / "views.safetensors"), samples, card


def column(samples, name, type_=int):
    return np.array([type_(row[name]) for row in samples])


def test_three_files_hold_views_labels_and_origin(made, arrays, tmp_path):
    data, samples, card = made()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert (data.name, data.n_samples, data.n_clusters) == ("tiny", 12, 2)
    assert [view.values.shape for view in data.views] == [(12, 3), (12, 2)]
    assert list(samples[0]) == ["sample", "label", "class", "split", "modality", "source_row"]
    np.testing.assert_array_equal(column(samples, "sample"), np.arange(12))
    # labels count from 0; classes keep the names that the file gave them
    rows = column(samples, "source_row")
    np.testing.assert_array_equal(column(samples, "label"), arrays["labels"][rows] - 1)
    np.testing.assert_array_equal(column(samples, "class"), arrays["labels"][rows])
    assert card["class_sizes"] == {"1": 6, "2": 6}
    assert card["checksum"] == read_metadata(tmp_path / "out" / "views.safetensors")["checksum"]
    assert card["files"]["tiny.npz"]["verified"] is False
    assert (card["source"], card["status"], card["permutation_seed"]) == ("here", "ok", 0)


def test_images_without_a_label_are_kept_apart_from_the_samples(make_entry, tmp_path):
    images = np.random.default_rng(0).integers(256, size=(16, 3, 4, 5), dtype=np.uint8)
    stored = [bytes(x.transpose(0, 1, 3, 2).ravel()) for x in (images[:12], images[12:])]
    members = {"s/X": stored[0], "s/U": stored[1], "s/y": bytes([1, 2] * 6)}
    (tmp_path / "raw").mkdir()
    with tarfile.open(tmp_path / "raw" / "s.tar", "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    source = {
        "name": "here",
        "loader": "stl10-binary",
        "files": {"s.tar": {"sha256": "unknown", "urls": "manual:make one"}},
        "members": ["s/X"],
        "labels": ["s/y"],
        "unlabelled": ["s/U"],
    }
    keys = {
        "sources": [source],
        "views": {"image": {"modality": "image", "dims": [3, 4, 5]}},
        "pairing": "none",
    }
    half = {"half": {"base": "tiny", "sample": 6}}
    entry = make_entry(**keys, also=half)
    fetch(entry, tmp_path / "raw")
    prepare(entry, tmp_path / "raw", tmp_path / "out")
    data, samples, card = load(tmp_path / "out")
    assert data.n_samples == len(samples) == 12
    assert card["n_unlabelled"] == 4
    np.testing.assert_array_equal(data.unlabelled_images(), images[12:])
    # a set derived from it is of its samples alone
    entry = make_entry("half", **keys, also=half)
    prepare(entry, tmp_path / "raw", tmp_path / "half")
    data, _, card = load(tmp_path / "half")
    assert (data.n_samples, len(data.unlabelled_images()), card["n_unlabelled"]) == (6, 0, 0)


def test_rows_of_views_are_those_of_their_source_scaled(made, arrays):
    data, samples, _ = made()
    rows = column(samples, "source_row")
    for view in data.views:
        stored = arrays[view.name]
        width = stored.max(axis=0) - stored.min(axis=0)
        expected = ((stored - stored.min(axis=0)) / width)[rows]
        np.testing.assert_allclose(view.values, expected, atol=1e-6)


def test_no_label_is_in_the_file_that_methods_see(made, tmp_path):
    made(classes=["cat-class", "dog-class"])
    content = (tmp_path / "out" / "views.safetensors").read_bytes()
    assert b"cat-class" not in content
    assert b"label" not in content
    with safetensors.safe_open(tmp_path / "out" / "views.safetensors", "numpy") as file:
        kinds = {key.partition("/")[0] for key in file.keys()}  # noqa: SIM118 - not a mapping
    assert kinds == {"values", "sample_index", "fit_index"}


def test_samples_are_permuted_with_the_seed_of_the_entry(made):
    orders = [column(made(seed=seed)[1], "source_row").tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_preparing_twice_gives_the_same(made, tmp_path):
    results = []
    for _ in range(2):
        made()
        results.append([(tmp_path / "out" / name).read_bytes() for name in FILES])
    assert results[0] == results[1]


def test_mixed_samples_name_their_modality(made):
    also = {"mixed": {"base": "tiny", "data_setting": "mixed"}}
    data, samples, card = made("mixed", also=also)
    assert data.data_setting == card["data_setting"] == "mixed"
    modality = column(samples, "modality", str)
    for view in data.views:
        assert (modality[view.sample_index] == view.modality).all()
    # which view is left follows from the rows
    for view in data.views:
        kept = np.array([row[f"row_{view.name}"] != "" for row in samples])
        np.testing.assert_array_equal(np.flatnonzero(kept), view.sample_index)


def test_views_of_one_modality_are_distinguished_by_name(made):
    views = {name: {"modality": "image", "dims": d} for name, d in (("first", 3), ("second", 2))}
    also = {"mixed": {"base": "tiny", "data_setting": "mixed"}}
    _, samples, _ = made("mixed", also=also, views=views)
    assert set(column(samples, "modality", str)) == {"first", "second"}


def test_a_split_marks_what_is_held_out(made):
    also = {"split": {"base": "tiny", "split": {"train": 0.5}}}
    data, samples, card = made("split", also=also)
    train = column(samples, "split", str) == "train"
    np.testing.assert_array_equal(np.flatnonzero(train), data.fit_index)
    assert card["n_train"] == train.sum() == 6


def test_shuffled_samples_are_marked(made):
    also = {"shuffled": {"base": "tiny", "shuffled_rate": 0.5}}
    _, samples, card = made("shuffled", also=also)
    wrong = column(samples, "shuffled") == 1
    assert wrong.sum() == card["n_shuffled"] == 6
    moved = column(samples, "row_second") != column(samples, "source_row")
    np.testing.assert_array_equal(moved, wrong)


def test_the_card_repeats_how_a_set_was_derived(made):
    options = {"missing_rate": 0.5, "seed": 3}
    _, _, card = made("less", also={"less": {"base": "tiny", **options}})
    assert card["derivation"] == options
    assert card["base"] == "tiny"
    assert card["data_setting"] == "incomplete"


def test_a_wrong_number_of_clusters_is_asked_for(made):
    also = {"wrong": {"base": "tiny", "n_clusters": 5}}
    data, samples, card = made("wrong", also=also)
    assert data.n_clusters == 5
    assert set(column(samples, "label")) == {0, 1}
    assert (card["n_clusters"], card["n_classes"]) == (5, 2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"changes": {"first": np.full((12, 3), np.nan)}}, "tiny/first: expected finite values"),
        ({"changes": {"second": np.ones((11, 2))}}, "expected views of equal length"),
        ({"changes": {"labels": np.ones(11)}}, "expected 12 labels, got 11"),
        ({"changes": {"labels": np.ones(12)}}, "expected at least two classes, got one"),
        ({"changes": {"first": np.ones((12, 0))}}, "expected a view with values"),
        ({"n_samples": 13}, "tiny: expected 13 samples, got 12"),
        ({"n_clusters": 3}, "tiny: expected 3 classes, got 2"),
        ({"views": {"first": {"modality": "a", "dims": 4}}}, "expected source here to locate"),
        ({"changes": {"first": np.ones((12, 4))}}, "tiny/first: expected 3 values in each row"),
    ],
)
def test_unusable_data_are_an_error_and_nothing_is_written(made, tmp_path, keys, message):
    with pytest.raises(InputError, match=message) as error:
        made(**keys)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_an_impossible_derivation_is_an_error_of_one_line(made, tmp_path):
    with pytest.raises(InputError, match="one: class 1 would be left with no sample"):
        made("one", also={"one": {"base": "tiny", "sample": 1}})
    assert not (tmp_path / "out").exists()


def test_preparing_before_fetching_is_an_error(make_entry, tmp_path):
    with pytest.raises(InputError, match=r"status.json: expected a JSON file, found none"):
        prepare(make_entry(), tmp_path, tmp_path / "out")


def test_a_source_that_is_no_longer_in_the_catalogue_is_an_error(made, make_entry, tmp_path):
    made()
    status = json.loads((tmp_path / "raw" / "status.json").read_text())
    (tmp_path / "raw" / "status.json").write_text(json.dumps({**status, "source": "hree"}))
    with pytest.raises(InputError, match="unknown source 'hree'; did you mean 'here'"):
        prepare(make_entry(), tmp_path / "raw", tmp_path / "out")


def test_files_that_were_fetched_for_another_entry_are_an_error(made, make_entry, tmp_path):
    made()
    raw, entry = tmp_path / "raw", make_entry()
    (source,) = entry.sources
    file = source.files["tiny.npz"].model_copy(update={"sha256": "0" * 64})
    source = source.model_copy(update={"files": {"tiny.npz": file}})
    mended = entry.model_copy(update={"sources": (source,)})
    message = r"expected tiny.npz as the catalogue has it, got another; fetch it: mmbench"
    with pytest.raises(InputError, match=message):
        prepare(mended, raw, tmp_path / "out")
    status = json.loads((raw / "status.json").read_text())
    (raw / "status.json").write_text(json.dumps({**status, "files": {}}))
    with pytest.raises(InputError, match=r"expected tiny.npz as the catalogue has it, got none"):
        prepare(entry, raw, tmp_path / "out")


def test_a_full_disk_leaves_nothing(made, monkeypatch, tmp_path):
    def full(tensors, path, metadata):
        Path(path).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        made()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_fills_later_leaves_the_files_before_whole(made, monkeypatch, tmp_path):
    import mmbench.datasets.preparing as preparing

    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparing, "write_json", full)
    with pytest.raises(OSError, match="No space left on device"):
        made()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES[1:]
    Dataset.load(tmp_path / "out" / "views.safetensors")


def test_unavailable_data_are_prepared_as_unavailable(make_entry, tmp_path):
    entry = make_entry("mixed", also={"mixed": {"base": "tiny", "data_setting": "mixed"}})
    fetch(entry, tmp_path / "raw")
    prepare(entry, tmp_path / "raw", tmp_path / "out")
    metadata = read_metadata(tmp_path / "out" / "views.safetensors")
    assert (metadata["status"], metadata["reason"]) == ("data_unavailable", "make one")
    with pytest.raises(InputError, match="expected the views of a data set, found none"):
        Dataset.load(tmp_path / "out" / "views.safetensors")
    header = "sample,label,class,split,modality,source_row\n"
    assert (tmp_path / "out" / "samples.csv").read_text() == header
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (card["status"], card["data_setting"], card["base"]) == (
        "data_unavailable",
        "mixed",
        "tiny",
    )
    assert "Place the files" in card["advice"]


def test_unavailable_data_are_cleared_to_be_fetched_again(made, make_entry, tmp_path):
    entry = make_entry("mixed", also={"mixed": {"base": "tiny", "data_setting": "mixed"}})
    raw, processed = tmp_path / "data" / "raw", tmp_path / "data" / "processed"
    fetch(entry, raw / "tiny")
    prepare(entry, raw / "tiny", processed / "mixed")
    made()  # this one is there, and stays
    (tmp_path / "out").rename(processed / "there")
    assert clear_unavailable(raw, processed) == ["mixed", "tiny"]
    assert not (raw / "tiny" / "status.json").exists()
    assert list((processed / "mixed").iterdir()) == []
    assert sorted(path.name for path in (processed / "there").iterdir()) == FILES
    assert clear_unavailable(raw, processed) == []


def test_a_recipe_depends_on_the_sum_of_a_file_and_not_on_its_url(make_entry, sha):
    def with_file(**file):
        return recipe(make_entry(source={"files": {"tiny.npz": file}}))

    known = {"sha256": sha(b"one"), "urls": "https://example.org/tiny.npz"}
    moved = {**known, "urls": ["https://example.org/moved/tiny.npz", "manual:ask"], "bytes": 3}
    assert with_file(**known) == with_file(**moved)
    assert with_file(**known) != with_file(**known | {"sha256": sha(b"another")})
    unknown = {**known, "sha256": "unknown"}
    assert with_file(**unknown) != with_file(**unknown | {"urls": moved["urls"]})
    assert recipe(make_entry(title="Small")) == recipe(make_entry()) != recipe(make_entry(seed=1))


def test_files_of_mixed_modal_samples_keep_their_split_and_choice_of_modality(make_entry, tmp_path):
    rng = np.random.default_rng(0)
    modality = np.tile([0, 1, 1], 4)
    values = [rng.normal(size=3 - code) for code in modality]
    labels = np.repeat([1, 2], 6)
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, part in (("train.mat", slice(0, 8)), ("test.mat", slice(8, 12))):
        cells = np.empty((len(labels[part]), 2), dtype=object)
        cells[:, 0], cells[:, 1] = values[part], modality[part]
        savemat(raw / name, {"X": cells, "y": labels[part]})
    file = {"sha256": "unknown", "urls": "manual:make one"}
    source = {
        "name": "here",
        "loader": "mat-mixed",
        "files": {"train.mat": file, "test.mat": file},
        **{"samples": "X", "labels": "y", "views": {"first": 0, "second": 1}},
        **{"train": "train.mat", "test": "test.mat"},
    }
    views = {
        "first": {"modality": "image", "dims": 3, "scaling": "as-stored"},
        "second": {"modality": "text", "dims": 2, "scaling": "as-stored"},
    }
    also = {"half": {"base": "tiny", "sample": 6}}
    for name in ("tiny", "half"):
        entry = make_entry(name, also=also, sources=[source], views=views)
        fetch(entry, raw)
        prepare(entry, raw, tmp_path / name)
        data, samples, card = load(tmp_path / name)
        assert data.data_setting == card["data_setting"] == entry.data_setting == "mixed"
        rows = column(samples, "source_row")
        np.testing.assert_array_equal(column(samples, "label"), labels[rows] - 1)
        np.testing.assert_array_equal(data.fit_index, np.flatnonzero(rows < 8))
        assert [row["split"] for row in samples] == ["train" if r < 8 else "test" for r in rows]
        assert [row["modality"] for row in samples] == [
            ("image", "text")[modality[r]] for r in rows
        ]
        for view in data.views:
            expected = [values[row] for row in rows[view.sample_index]]
            np.testing.assert_array_equal(view.values, np.array(expected, np.float32))
        assert column(samples, "row_first", str).tolist() == [
            str(row) if modality[row] == 0 else "" for row in rows
        ]
    assert (data.n_samples, card["n_train"]) == (6, len(data.fit_index))


@pytest.mark.parametrize("name", ["toy-3view", "toy-mixed", "toy-images", "synthetic-3view"])
def test_generated_sets_of_the_catalogue_can_be_made(shipped, name, tmp_path):
    entry = shipped[name]
    fetch(entry, tmp_path / "raw")
    prepare(entry, tmp_path / "raw", tmp_path / "out")
    data, samples, card = load(tmp_path / "out")
    assert data.data_setting == entry.data_setting
    assert len(samples) == data.n_samples == entry.n_samples
    assert card["n_classes"] == entry.n_classes


def test_the_order_of_samples_does_not_depend_on_the_label(shipped, tmp_path):
    entry = shipped["digits"]  # real data that every installation has
    fetch(entry, tmp_path / "raw")
    prepare(entry, tmp_path / "raw", tmp_path / "out")
    _, samples, _ = load(tmp_path / "out")
    assert predictability_from_order(column(samples, "label")) < 0.15


def predictability_from_order(labels):
    """Return how often the samples before and after share a label; chance is about 1 / classes."""
    place = np.arange(len(labels))[:, None]
    even = place[:, 0] % 2 == 0
    model = KNeighborsClassifier(5).fit(place[even], labels[even])
    return float((model.predict(place[~even]) == labels[~even]).mean())


def test_an_order_that_reveals_the_label_would_be_noticed():
    assert predictability_from_order(np.repeat(np.arange(10), 100)) > 0.9


def test_probing_reports_which_hosts_answer(make_entry):
    addresses = ["sklearn:digits", "https://nowhere.invalid/x", "manual:ask"]
    file = {"sha256": "unknown", "urls": addresses}
    rows = probe_sources({"tiny": make_entry(source={"files": {"tiny.npz": file}})})
    answers = {row["source"]: row["answers"] for row in rows}
    assert answers == {"sklearn": True, "nowhere.invalid": False}
    assert all(row["datasets"] == 1 for row in rows)
    assert next(row["detail"] for row in rows if not row["answers"])


def test_a_view_that_holds_the_labels_is_refused_and_nothing_is_written(made, arrays, tmp_path):
    name = next(key for key in arrays if arrays[key].ndim == 2)
    coded = np.column_stack([arrays[name][:, :-1], 7 - arrays["labels"]])
    with pytest.raises(InputError, match="the classes can be read off column"):
        made(changes={name: coded.astype(arrays[name].dtype)})
    assert not (tmp_path / "out").exists()


def test_the_card_names_columns_that_nearly_determine_the_classes(made):
    _, _, card = made()
    assert [view["suspicious_columns"] for view in card["views"]] == [{}, {}]
