"""Batches cover the rows, whatever their number; checkpoints end where training ends."""

import pytest
import torch

from mmbench.nn.batches import checkpoints, chunks, epoch_means, in_chunks, shuffled_batches


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
    generator = torch.Generator().manual_seed(0)
    first, second = (
        torch.cat(list(shuffled_batches(50, 8, generator=generator))) for _ in range(2)
    )
    assert not torch.equal(first, second)


def test_the_order_follows_from_the_seed():
    def order() -> torch.Tensor:
        return torch.cat(list(shuffled_batches(50, 8)))

    torch.manual_seed(1)
    first = order()
    torch.manual_seed(1)
    torch.testing.assert_close(order(), first)


def test_chunks_cover_all_rows_in_order():
    assert [list(range(10))[rows] for rows in chunks(10, 4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


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
