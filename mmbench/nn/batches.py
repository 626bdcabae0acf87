"""Batches, evaluation in chunks, and the epochs at which methods log assignments.

The data stay on the device and a batch is a selection of rows, so no loader is needed.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn


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
        n_samples: number of rows.
        batch_size: rows per batch; at most `n_samples` are taken.
        device: of the row numbers.
        generator: of the order, on the CPU, so that the order is the same on every device; by
            default the global generator.
        drop_last: leave out a last batch that is not full. There is always at least one batch.
    """
    size = min(batch_size, n_samples)
    order = torch.randperm(n_samples, generator=generator).to(device)
    if drop_last:
        order = order[: n_samples - n_samples % size]
    yield from torch.split(order, size)


def chunks(n_samples: int, size: int) -> Iterator[slice]:
    """Yield slices of `size` rows (the last may have fewer) that cover 0..n_samples-1."""
    for start in range(0, n_samples, size):
        yield slice(start, min(start + size, n_samples))


def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor, size: int = 4096) -> Tensor:
    """Return function(x) in float32 without a gradient, computed `size` rows at a time.

    Hidden layers need memory for one chunk only. The function must map every row independently
    of the others, as a network in eval mode does.
    """
    with torch.no_grad():
        return torch.cat([function(x[rows]).float() for rows in chunks(len(x), size)])


def eval_outputs(
    network: nn.Module,
    x: Tensor,
    function: Callable[[Tensor], Tensor] | None = None,
    size: int = 4096,
) -> Tensor:
    """Return the outputs of a network in eval mode, as `in_chunks` does; restore its mode.

    Args:
        network: whose mode is set.
        x: any number of rows.
        function: of rows of x, which calls the network; the network itself by default.
        size: rows at a time.
    """
    was_training = network.training
    network.eval()
    outputs = in_chunks(function or network, x, size)
    network.train(was_training)
    return outputs


def epoch_means(steps: Sequence[Tensor]) -> list[float]:
    """Return the means over the steps of an epoch of several losses.

    Methods read losses once an epoch, since reading a number makes the host wait for the device.

    Args:
        steps: (n_losses,) without a gradient, for each step.
    """
    means: list[float] = torch.stack(list(steps)).mean(dim=0).tolist()
    return means


def checkpoints(n_epochs: int, count: int = 20) -> frozenset[int]:
    """Return min(count, n_epochs) epochs, evenly spread over 0..n_epochs-1, with the last.

    Methods log assignments at these epochs.
    """
    count = min(count, n_epochs)
    return frozenset(n_epochs * i // count - 1 for i in range(1, count + 1))
