"""Which samples make a batch, and at which epochs a method shows what it has.

Data stay on the device and a batch is a selection of rows, so there is no loader to feed.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def shuffled_batches(
    n_samples: int,
    batch_size: int,
    device: str | torch.device = "cpu",
    *,
    generator: torch.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[Tensor]:
    """Yield the row numbers of each batch of one epoch, in a new random order.

    Args:
        n_samples: how many rows there are.
        batch_size: rows to a batch; more than `n_samples` means all of them.
        device: where the row numbers are to lie.
        generator: of the order, on the CPU, so that every device sees the same one; by
            default the one that `torch.manual_seed` seeds.
        drop_last: leave a last batch out that is not full. The first batch is always full,
            so an epoch is never empty.
    """
    size = min(batch_size, n_samples)
    order = torch.randperm(n_samples, generator=generator).to(device)
    if drop_last:
        order = order[: n_samples - n_samples % size]
    yield from torch.split(order, size)


def chunks(n_samples: int, size: int) -> Iterator[slice]:
    """Yield slices that cover 0..n_samples-1 in order, `size` rows each but the last."""
    for start in range(0, n_samples, size):
        yield slice(start, min(start + size, n_samples))


def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor, size: int = 4096) -> Tensor:
    """Return function(x) without a gradient, a chunk of rows at a time, in float32.

    Only the result is held whole, so hidden layers need memory for `size` rows alone. The
    function must treat rows apart: a network in eval mode does.
    """
    with torch.no_grad():
        return torch.cat([function(x[rows]).float() for rows in chunks(len(x), size)])


def checkpoints(n_epochs: int, count: int = 20) -> frozenset[int]:
    """Return the epochs, evenly spread over 0..n_epochs-1, at which to log assignments.

    The last epoch is always one of them; there are min(count, n_epochs).
    """
    count = min(count, n_epochs)
    return frozenset(n_epochs * i // count - 1 for i in range(1, count + 1))
