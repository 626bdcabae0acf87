"""The data set that methods see: its data setting, its accessors, its file."""

from dataclasses import replace

import numpy as np
import pytest

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.errors import InputError
from mmbench.views_file import read_metadata

RNG = np.random.default_rng(0)
TWO = Dataset.paired([RNG.random((6, 3)), RNG.random((6, 2))], n_clusters=2, names=["a", "b"])
IMAGES = Dataset.paired([RNG.integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)], n_clusters=2)


def view(rows, name="a", width=3):
    return View(np.ones((len(rows), width), np.float32), np.array(rows), name, name)


MIXED = Dataset((view([0, 2, 3]), view([1, 4, 5], "b", 2)), 2, 6)
INCOMPLETE = Dataset((view([0, 1, 2, 3]), view([2, 3, 4, 5], "b", 2)), 2, 6)
FLATTENED = Dataset((replace(view(range(6), "a", 12), image_shape=(3, 2, 2)),), 2, 6)
UNLABELLED = replace(IMAGES, unlabelled=RNG.integers(0, 256, (9, 1, 4, 4), dtype=np.uint8))
HELD_OUT = replace(TWO, fit_index=np.array([0, 1, 4]))


def test_the_data_setting_follows_from_the_indices():
    found = [data.data_setting for data in (TWO, MIXED, INCOMPLETE, IMAGES)]
    assert found == ["paired", "mixed", "incomplete", "images"]


def test_features_are_float32_and_images_become_pixels_between_0_and_1():
    assert all(x.dtype == np.float32 for x in TWO.paired_features())
    (pixels,) = IMAGES.paired_features(pixels=True)
    assert pixels.shape == (6, 16)
    np.testing.assert_allclose(pixels * 255, IMAGES.images().reshape(6, 16), rtol=1e-6)


def test_flattened_images_are_features_that_know_their_shape():
    assert FLATTENED.data_setting == "paired"
    assert FLATTENED.paired_features()[0] is FLATTENED.views[0].values
    shapes = [data.views[0].image_shape for data in (FLATTENED, IMAGES, TWO)]
    assert shapes == [(3, 2, 2), (1, 4, 4), ()]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: IMAGES.paired_features(), "needs feature views, but view-1 holds images"),
        (lambda: TWO.paired_features(at_least=3), "needs 3 views, has 2"),
        (lambda: TWO.paired_features(at_most=1), "takes at most 1 view, has 2"),
        (lambda: MIXED.paired_features(), "needs paired samples, but a describes 3 of 6"),
        (lambda: TWO.mixed_features(), "needs mixed-modal samples .* has paired samples"),
        (
            lambda: INCOMPLETE.mixed_features(),
            "needs mixed-modal samples .* has incomplete samples",
        ),
        (lambda: IMAGES.mixed_features(), "needs mixed-modal samples .* has images$"),
        (lambda: MIXED.mixed_features(at_least=3), "needs 3 modalities, has 2"),
        (lambda: MIXED.mixed_features(at_most=1), "takes at most 1 modality, has 2"),
        (lambda: TWO.images(), "needs images, has feature views"),
        (lambda: IMAGES.incomplete_features(), "needs feature views, but view-1 holds images"),
        (lambda: HELD_OUT.paired_features(), "3 of 6 are held out"),
    ],
)
def test_data_that_a_method_cannot_use_are_refused_with_the_reason(call, message):
    with pytest.raises(IncompatibleDataError, match=message):
        call()


def test_held_out_samples_are_given_to_a_method_that_asks_for_them():
    assert len(HELD_OUT.paired_features(held_out=True)[0]) == 6
    assert HELD_OUT.is_split
    assert not TWO.is_split


def test_unlabelled_images_are_not_samples():
    assert UNLABELLED.unlabelled_images().shape == (9, 1, 4, 4)
    assert len(UNLABELLED.images()) == UNLABELLED.n_samples == 6
    assert IMAGES.unlabelled_images().shape == (0, 1, 4, 4)
    with pytest.raises(IncompatibleDataError, match="needs images, has feature views"):
        TWO.unlabelled_images()


def test_incomplete_features_come_from_any_feature_setting():
    for data in (TWO, MIXED, INCOMPLETE):
        assert data.incomplete_features() == data.views


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dataset.paired([], n_clusters=2), "expected at least one view, got none"),
        (
            lambda: Dataset.paired([np.ones((3, 1)), np.ones((4, 1))], n_clusters=2),
            "expected views of equal length, got view-1 3, view-2 4",
        ),
        (
            lambda: Dataset.paired([np.ones((3, 1))], n_clusters=2, names=["a", "b"]),
            "expected a name for each of 1 views, got a, b",
        ),
        (
            lambda: Dataset.paired([[[1.0], [np.nan]]], n_clusters=1),
            "unnamed/view-1: expected finite values, got 1 .* the first in row 1",
        ),
        (lambda: Dataset.paired([np.ones((3, 0))], n_clusters=1), "expected a view with values"),
        (lambda: Dataset.paired([np.ones(3)], n_clusters=1), r"got shape \(3,\)"),
        (lambda: Dataset.paired([np.ones((3, 1))], n_clusters=4), "n_clusters in 1..3, got 4"),
        (lambda: Dataset((view([0, 1]),), 1, 3), "sample 2 is described by no view"),
        (lambda: Dataset((view([1, 0]),), 1, 2), "a.sample_index to increase within 0..1"),
        (lambda: Dataset((view([0, 2]),), 1, 2), "a.sample_index to increase within 0..1"),
        (lambda: replace(TWO, fit_index=np.array([3, 3])), "fit_index to increase"),
        (
            lambda: Dataset((replace(view([0, 1]), image_shape=(1, 2, 2)),), 1, 2),
            r"unnamed/a: expected image_shape of 3 pixels, got \(1, 2, 2\)",
        ),
        (
            lambda: replace(IMAGES, unlabelled=np.zeros((2, 1, 4, 5), np.uint8)),
            r"unlabelled: expected rows of uint8 \(1, 4, 4\), got uint8 \(1, 4, 5\)",
        ),
        (lambda: replace(IMAGES, unlabelled=np.zeros((2, 1, 4, 4))), "got float64"),
        (
            lambda: replace(TWO, unlabelled=np.ones((2, 3))),
            "unlabelled: expected one view .* got 2",
        ),
    ],
)
def test_inconsistent_data_are_reported_in_one_line(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("data", [TWO, MIXED, INCOMPLETE, IMAGES, FLATTENED, HELD_OUT, UNLABELLED])
def test_a_stored_data_set_is_loaded_unchanged(tmp_path, data):
    path = tmp_path / "views.safetensors"
    data.save(path)
    back = Dataset.load(path)
    assert (back.data_setting, back.n_clusters, back.name) == (
        data.data_setting,
        data.n_clusters,
        data.name,
    )
    np.testing.assert_array_equal(back.fit_index, data.fit_index)
    np.testing.assert_array_equal(back.unlabelled, data.unlabelled)
    for ours, theirs in zip(data.views, back.views, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
        np.testing.assert_array_equal(ours.sample_index, theirs.sample_index)
        assert (ours.name, ours.modality) == (theirs.name, theirs.modality)
        assert ours.image_shape == theirs.image_shape
        assert ours.values.dtype == theirs.values.dtype


def test_loaded_arrays_can_be_changed_without_changing_the_file(tmp_path):
    path = tmp_path / "views.safetensors"
    TWO.save(path)
    Dataset.load(path).views[0].values[:] = 7
    np.testing.assert_array_equal(Dataset.load(path).views[0].values, TWO.views[0].values)


def test_the_checksum_is_of_the_content(tmp_path):
    def checksum(data):
        data.save(tmp_path / "v.safetensors")
        return read_metadata(tmp_path / "v.safetensors")["checksum"]

    assert checksum(TWO) == checksum(replace(TWO))
    assert checksum(TWO) != checksum(replace(TWO, n_clusters=3))
    assert checksum(TWO) != checksum(HELD_OUT)
    plain = replace(FLATTENED, views=(replace(FLATTENED.views[0], image_shape=()),))
    assert checksum(plain) != checksum(FLATTENED)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "views.safetensors"
    TWO.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match="the file is cut short"):
        Dataset.load(path)
    path.write_bytes(whole[:20])
    with pytest.raises(InputError, match="its header cannot be read"):
        Dataset.load(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match="expected a safetensors file, found none"):
        Dataset.load(tmp_path / "views.safetensors")
