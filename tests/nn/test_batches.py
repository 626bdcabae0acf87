"""Batches cover the rows, whatever their number; checkpoints end where training ends."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmbench.data import IncompatibleDataError
from mmbench.nn.batches import (
    checkpoints,
    epoch_means,
    epochs_for_steps,
    in_chunks,
    paired_tensors,
    shuffled_batches,
)


def test_an_epoch_holds_every_row_once():
    batches = list(shuffled_batches(10, 4))
    assert [len(rows) for rows in batches] == [4, 4, 2]
    assert sorted(torch.cat(batches).tolist()) == list(range(10))


def test_a_last_batch_that_is_not_full_can_be_dropped():
    assert [len(rows) for rows in shuffled_batches(10, 4, drop_last=True)] == [4, 4]
    assert [len(rows) for rows in shuffled_batches(8, 4, drop_last=True)] == [4, 4]


@pytest.mark.parametrize("drop_last", [False, True])
def test_fewer_rows_than_a_batch_make_one_batch_of_all(drop_last):
    batches = list(shuffled_batches(3, 256, drop_last=drop_last))
    assert [sorted(rows.tolist()) for rows in batches] == [[0, 1, 2]]


def test_each_epoch_has_its_own_order():
    first, second = (torch.cat(list(shuffled_batches(50, 8))) for _ in range(2))
    assert not torch.equal(first, second)


def test_the_order_follows_from_the_seed():
    def order() -> torch.Tensor:
        return torch.cat(list(shuffled_batches(50, 8)))

    torch.manual_seed(1)
    first = order()
    torch.manual_seed(1)
    torch.testing.assert_close(order(), first)


@pytest.mark.parametrize(
    ("epochs", "min_steps", "n_samples", "batch_size"),
    [(3, 0, 10, 4), (3, 6, 10, 4), (3, 7, 10, 4), (1, 20, 9, 256), (2, 21, 100, 10)],
)
def test_epochs_are_added_until_there_are_enough_steps_and_no_more(
    epochs, min_steps, n_samples, batch_size
):
    n_epochs = epochs_for_steps(epochs, min_steps, n_samples, batch_size)
    steps = len(list(shuffled_batches(n_samples, batch_size, drop_last=True)))
    assert n_epochs * steps >= min_steps
    assert n_epochs == epochs or (n_epochs - 1) * steps < min_steps


def test_a_function_of_rows_is_the_same_in_chunks():
    x = torch.arange(12.0, requires_grad=True).reshape(6, 2)
    y = in_chunks(lambda rows: rows * 2, x, size=4)
    torch.testing.assert_close(y, x.detach() * 2)
    assert not y.requires_grad


def test_means_of_an_epoch_are_over_its_steps():
    assert epoch_means([torch.tensor([1.0, 4.0]), torch.tensor([2.0, 6.0])]) == [1.5, 5.0]


@pytest.mark.parametrize("n_epochs", [1, 7, 20, 21, 300])
def test_checkpoints_are_evenly_spread_and_end_with_the_last_epoch(n_epochs):
    epochs = sorted(checkpoints(n_epochs))
    assert len(epochs) == min(20, n_epochs)
    assert epochs[-1] == n_epochs - 1
    gaps = {b - a for a, b in zip([-1, *epochs], epochs, strict=False)}
    assert max(gaps) - min(gaps) <= 1


def test_no_epochs_have_no_checkpoints():
    assert checkpoints(0) == frozenset()


def test_tensors_of_a_split_are_those_of_its_training_samples(split_paired_blobs):
    data, _ = split_paired_blobs
    views, fitted = paired_tensors(data, "cpu")
    for view, x, mine in zip(data.views, views, fitted, strict=True):
        np.testing.assert_array_equal(x, view.values)
        np.testing.assert_array_equal(mine, view.values[data.fit_index])


def test_a_single_training_sample_is_refused(paired_blobs):
    data = replace(paired_blobs[0], fit_index=np.array([3]))
    with pytest.raises(IncompatibleDataError, match="needs 2 samples to train on, has 1"):
        paired_tensors(data, "cpu")
