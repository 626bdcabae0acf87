"""Derived sets: what is taken away, how much of it, and how that is recorded."""

from dataclasses import replace

import numpy as np
import pytest

from mmbench.config import Derivation, ViewSpec
from mmbench.datasets.derive import altered, derive, imbalanced, stratified
from mmbench.datasets.table import Table
from mmbench.errors import InputError

N = 600
SPECS = {view: ViewSpec(modality=view, dims=2) for view in "abc"}


@pytest.fixture
def table():
    """600 samples of 4 classes of unequal size; the value of a row is its number."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [300, 150, 100, 50])
    values = {view: np.arange(N, dtype=np.float32)[:, None] * [[1, 2]] for view in "abc"}
    return Table.of(values, labels).take(rng.permutation(N))


def derived(table, **options):
    return derive(table, Derivation(**options))


def has_view(table):
    return table.rows >= 0


def test_views_are_chosen_and_ordered(table):
    result = derived(table, views=("c", "a"))
    assert list(result.values) == ["c", "a"]
    assert result.rows.shape == (N, 2)


def test_mixed_samples_keep_one_view_by_a_fair_coin(table):
    kept = has_view(derived(table, data_setting="mixed"))
    assert (kept.sum(axis=1) == 1).all()
    # three standard deviations of a coin with three faces
    assert np.abs(kept.sum(axis=0) - N / 3).max() < 3 * np.sqrt(N * 2 / 9)


def test_mixed_samples_are_mixed_data(table):
    data = derived(table, data_setting="mixed", views=("a", "b")).dataset("x", 4, SPECS)
    assert data.data_setting == "mixed"
    assert sum(len(view.sample_index) for view in data.views) == N


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_a_share_of_samples_loses_views_and_each_keeps_one(table, rate):
    kept = has_view(derived(table, missing_rate=rate)).sum(axis=1)
    assert (kept < 3).sum() == round(rate * N)
    assert kept.min() >= 1
    if rate == 1:
        assert set(kept) == {1, 2}  # any number of views may be lost


def test_a_missing_view_leaves_everything_else_in_place(table):
    result = derived(table, missing_rate=0.5)
    np.testing.assert_array_equal(result.labels, table.labels)
    np.testing.assert_array_equal(result.source_row, table.source_row)
    kept = has_view(result)
    np.testing.assert_array_equal(result.rows[kept], table.rows[kept])


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_unpaired_samples_become_one_sample_a_view(table, rate):
    result = derived(table, unpaired_rate=rate)
    apart = round(rate * N)
    assert result.n_samples == N + 2 * apart
    kept = has_view(result).sum(axis=1)
    assert (kept == 1).sum() == 3 * apart
    assert (kept == 3).sum() == N - apart
    # no row is lost or doubled, and each keeps the label of its source
    for column in range(3):
        rows = result.rows[:, column]
        np.testing.assert_array_equal(np.sort(rows[rows >= 0]), np.arange(N))
    label_of = np.empty(N, int)
    label_of[table.source_row] = table.labels
    np.testing.assert_array_equal(result.labels, label_of[result.source_row])


def test_the_order_of_samples_does_not_reveal_which_belong_together(table):
    result = derived(table, unpaired_rate=1.0, views=("a", "b"))
    first = np.argsort(result.source_row, kind="stable").reshape(N, 2)
    gaps = np.abs(np.diff(first, axis=1))
    # two random places among 2 N are 2 N / 3 apart on average
    assert abs(gaps.mean() - 2 * N / 3) < 60


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_shuffled_samples_are_all_paired_wrongly(table, rate):
    result = derived(table, shuffled_rate=rate)
    wrong = result.shuffled
    assert wrong.sum() == round(rate * N)
    own = result.rows == result.source_row[:, None]
    assert own[:, 0].all()  # the first view stays, and with it the label
    assert not own[wrong][:, 1:].any()
    assert own[~wrong].all()
    assert (has_view(result)).all()
    for column in range(3):  # among themselves: nothing lost, nothing doubled
        assert set(result.rows[wrong, column]) == set(result.source_row[wrong])


def test_views_are_shuffled_independently(table):
    result = derived(table, shuffled_rate=1.0)
    assert (result.rows[:, 1] != result.rows[:, 2]).mean() > 0.9


def test_one_sample_alone_cannot_be_shuffled(table):
    with pytest.raises(InputError, match="shuffled_rate: expected at least two samples"):
        derived(table, shuffled_rate=1 / N)


def test_only_complete_samples_are_shuffled(table):
    result = derived(table, missing_rate=0.5, shuffled_rate=0.5)
    assert has_view(result)[result.shuffled].all()
    assert result.shuffled.sum() == N // 4


def test_a_sample_keeps_the_share_of_each_class(table):
    result = derived(table, sample=120)
    assert np.bincount(result.labels).tolist() == [60, 30, 20, 10]
    assert len(set(result.source_row)) == 120


def test_a_stratified_sample_has_exactly_the_size_asked_for(table):
    for n in (17, 99, 101, 599):
        chosen = stratified(table.labels, n, np.random.default_rng(n))
        assert len(chosen) == n
        assert (np.diff(chosen) > 0).all()


def test_a_sample_without_some_class_is_refused(table):
    with pytest.raises(InputError, match="class 3 would be left with no sample"):
        derived(table, sample=4)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 10.0])
def test_imbalance_makes_class_sizes_fall_exponentially(ratio):
    labels = np.repeat(np.arange(5), 200)
    sizes = np.bincount(labels[imbalanced(labels, ratio, np.random.default_rng(0))])
    assert sizes[0] == 200
    np.testing.assert_allclose(sizes, 200 * ratio ** (-np.arange(5) / 4), atol=0.5)


def test_imbalance_of_unequal_classes_keeps_their_order(table):
    sizes = np.bincount(derived(table, imbalance=3.0).labels)
    assert sizes[0] / sizes[3] == pytest.approx(3, abs=0.1)
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert sizes[3] == 50  # as many as the profile allows


def test_a_split_keeps_a_share_of_each_class_to_train_on(table):
    result = derived(table, split={"train": 0.6667})
    assert len(result.fit_index) == int(0.6667 * N)
    assert np.bincount(result.labels[result.fit_index]).tolist() == [200, 100, 67, 33]
    data = result.dataset("x", 4, SPECS)
    assert data.is_split
    np.testing.assert_array_equal(data.fit_index, result.fit_index)


def test_the_same_seed_gives_the_same_and_another_another(table):
    for options in ({"data_setting": "mixed"}, {"missing_rate": 0.3}, {"sample": 100}):
        first, second = (derived(table, **options, seed=1) for _ in range(2))
        np.testing.assert_array_equal(first.rows, second.rows)
        other = derived(table, **options, seed=2)
        assert not np.array_equal(first.rows, other.rows)


def test_another_option_does_not_change_the_other_choices(table):
    alone = derived(table, data_setting="mixed")
    split = derived(table, data_setting="mixed", split={"train": 0.5})
    np.testing.assert_array_equal(alone.rows, split.rows)


def test_choices_do_not_look_at_labels_unless_they_must(table):
    blind = replace(table, labels=np.zeros(N, int))
    for options in (
        {"data_setting": "mixed"},
        {"missing_rate": 0.5},
        {"unpaired_rate": 0.5},
        {"shuffled_rate": 0.5},
    ):
        np.testing.assert_array_equal(
            derived(table, **options).rows, derived(blind, **options).rows
        )


def test_the_rows_show_what_was_changed(table):
    assert altered(derived(table, sample=100)) == {}
    changed = altered(derived(table, missing_rate=0.5))
    assert list(changed) == ["a", "b", "c"]
    np.testing.assert_array_equal(changed["b"], derived(table, missing_rate=0.5).rows[:, 1])


def test_samples_drawn_by_class_have_views_of_their_class_from_different_pools():
    images = np.arange(80, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2), np.uint8)
    labels = np.tile([0, 1], 40)
    table = Table.of({"image": images}, labels).take(np.random.default_rng(0).permutation(80))
    options = {"views": ["x", "y"], "samples": 20, "first_rows": 60}
    result = derived(table, drawn_by_class=options)
    assert np.bincount(result.labels).tolist() == [10, 10]
    assert list(result.values) == ["x", "y"]
    assert result.rows.max() < 60
    for column, low, high in ((0, 0, 30), (1, 30, 60)):
        rows = result.rows[:, column]
        np.testing.assert_array_equal(rows % 2, result.labels)
        assert low <= rows.min() <= rows.max() < high
    spec = ViewSpec(modality="image", dims=(1, 2, 2), scaling="as-stored")
    data = result.dataset("x", 2, {"x": spec, "y": spec})
    assert data.views[0].values.shape == (20, 4)
    assert data.views[1].image_shape == (1, 2, 2)
    np.testing.assert_allclose(data.views[1].values[:, 0], result.rows[:, 1] / 255, rtol=1e-6)


def test_samples_drawn_by_class_are_as_many_of_each():
    table = Table.of({"image": np.ones((8, 2), np.float32)}, np.tile([0, 1], 4))
    with pytest.raises(InputError, match="samples: expected a multiple of 2, got 3"):
        derived(table, drawn_by_class={"views": ["x", "y"], "samples": 3})
    with pytest.raises(InputError, match="class 0 has too few rows for its pools"):
        derived(table, drawn_by_class={"views": ["x", "y"], "samples": 2, "first_rows": 2})


def test_nothing_of_the_base_is_changed(table):
    rows, labels = table.rows.copy(), table.labels.copy()
    derived(table, missing_rate=0.5, shuffled_rate=0.5, unpaired_rate=0.5, split={"train": 0.5})
    np.testing.assert_array_equal(table.rows, rows)
    np.testing.assert_array_equal(table.labels, labels)
