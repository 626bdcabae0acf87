"""Tensors of a data set, their batches, evaluation in chunks, and epochs that are logged.

The data stay on the device and a batch is a selection of rows, so no loader is needed.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from mmbench.data import Dataset
from mmbench.nn.preprocessing import require_samples


def paired_tensors(
    data: Dataset, device: str, *, at_least: int = 2, min_fit: int = 2
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the paired views as tensors: of all samples, and of the samples to train on.

    Args:
        data: paired views; images are taken as pixels in [0, 1].
        device: of the tensors.
        at_least: smallest number of views.
        min_fit: smallest number of samples to train on; batch normalisation needs two.

    Raises:
        IncompatibleDataError: too few views, samples that lack a view, or too few samples to
            train on.
    """
    arrays = data.paired_features(at_least=at_least, pixels=True, held_out=True)
    require_samples(data, min_fit)
    views = [torch.as_tensor(x, device=device) for x in arrays]
    rows = torch.as_tensor(data.fit_index, device=device)
    return views, [x[rows] for x in views] if data.is_split else views


def shuffled_batches(
    n_samples: int, batch_size: int, device: str | torch.device = "cpu", *, drop_last: bool = False
) -> Iterator[Tensor]:
    """Yield the row numbers of each batch of one epoch, in a new random order.

    The order is drawn on the CPU, so that it is the same on every device. A batch has at most
    `n_samples` rows, and there is always at least one batch; `drop_last` leaves out a last batch
    that is not full.
    """
    size = min(batch_size, n_samples)
    order = torch.randperm(n_samples).to(device)
    if drop_last:
        order = order[: n_samples - n_samples % size]
    yield from torch.split(order, size)


def epochs_for_steps(epochs: int, min_steps: int, n_samples: int, batch_size: int) -> int:
    """Return `epochs`, or as many as it takes to have `min_steps` batches if those are more.

    The batches are those of `shuffled_batches` with `drop_last`.
    """
    n_batches = n_samples // min(batch_size, n_samples)
    return max(epochs, math.ceil(min_steps / n_batches))


def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor, size: int = 4096) -> Tensor:
    """Return function(x) in float32 without a gradient, computed `size` rows at a time.

    Hidden layers need memory for one chunk only. The function must map every row independently
    of the others, as a network in eval mode does.
    """
    with torch.no_grad():
        return torch.cat([function(rows).float() for rows in x.split(size)])


def eval_outputs(
    network: nn.Module,
    x: Tensor,
    function: Callable[[Tensor], Tensor] | None = None,
    size: int = 4096,
) -> Tensor:
    """Return the outputs of a network in eval mode, as `in_chunks` does, and restore its mode.

    The function maps rows of x by the network, and is the network itself by default.
    """
    was_training = network.training
    network.eval()
    outputs = in_chunks(function or network, x, size)
    network.train(was_training)
    return outputs


def epoch_means(steps: Sequence[Tensor]) -> list[float]:
    """Return the means over the steps of an epoch of several losses, (n_losses,) each.

    Methods read losses once an epoch, since reading a number makes the host wait for the device.
    """
    means: list[float] = torch.stack(list(steps)).mean(dim=0).tolist()
    return means


def checkpoints(n_epochs: int, count: int = 20) -> frozenset[int]:
    """Return min(count, n_epochs) epochs, evenly spread over 0..n_epochs-1, with the last.

    Methods log assignments at these epochs.
    """
    count = min(count, n_epochs)
    return frozenset(n_epochs * i // count - 1 for i in range(1, count + 1))
