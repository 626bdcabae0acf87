"""Time an epoch of `sacc-small` on 5 000 images in bfloat16, and its parts.

The goal is 10 s on two cores. The share of the peak compares the arithmetic of the whole epoch with
the speed of large convolutions of the same precision, measured right after it. Times are processor
times of all threads, so other work on the machine has little effect:

    OMP_NUM_THREADS=1 python perf/sacc_speed.py
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from mmbench.methods.sacc import SACC, ContrastiveNetwork

N = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--steps", type=int, default=6, help="timed, of which the best counts")
    args = parser.parse_args()
    torch.manual_seed(0)
    method = SACC(backbone="narrow", side=args.side, strong="plain", jitter=0.5, weak_blur=False)
    network = ContrastiveNetwork("narrow", args.channels, args.side, n_clusters=10).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=method.learning_rate, fused=True)
    shape = (method.batch_size, args.channels, args.side, args.side)
    batch = torch.randint(0, 256, shape, dtype=torch.uint8)
    half = args.precision == "bfloat16"

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half, cache_enabled=False):
            loss, *_ = method.losses(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def augment() -> None:
        for name in ("weak", "weak", "strong"):
            method.augmentations()[name](batch, None)

    n_steps = N // method.batch_size
    seconds, augmenting = best(step, args.steps), best(augment, args.steps)
    # forward once and backward twice, for three augmentations
    flops = 9 * forward_flops(network, args.channels, args.side) * method.batch_size
    peak = peak_flops(torch.bfloat16 if half else torch.float32, args.steps)
    print(f"{args.precision}, {args.channels} x {args.side} x {args.side}, {method.batch_size}")
    print(f"{n_steps * seconds:8.2f} s      an epoch of {N} images (goal 10)")
    print(f"{1000 * seconds:8.1f} ms     a step, of which")
    print(f"{1000 * augmenting:8.1f} ms     augmentation: {100 * augmenting / seconds:.0f} %")
    print(f"{flops / seconds / 1e9:8.1f} GFLOP/s of the step")
    print(f"{peak / 1e9:8.1f} GFLOP/s of large convolutions")
    print(f"{100 * flops / seconds / peak:8.1f} %      of their peak")


def best(function: Callable[[], None], repeats: int) -> float:
    """Return the least processor seconds of a call."""
    function()
    seconds = []
    for _ in range(repeats):
        begins = time.process_time()
        function()
        seconds.append(time.process_time() - begins)
    return min(seconds)


def forward_flops(network: ContrastiveNetwork, channels: int, side: int) -> float:
    """Return the additions and multiplications of convolutions for one image, forward."""
    total = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += 2 * output[0].numel() * module.weight[0].numel()

    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks = [m.register_forward_hook(count) for m in convolutions]
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, channels, side, side))
    network.train()
    for hook in hooks:
        hook.remove()
    return total


def peak_flops(dtype: torch.dtype, repeats: int) -> float:
    """Return additions and multiplications per processor second of a large convolution."""
    n, width, side = 64, 256, 14
    layer = nn.Conv2d(width, width, 3, padding=1, bias=False, dtype=dtype)
    layer.to(memory_format=torch.channels_last)
    x = torch.rand(n, width, side, side, dtype=dtype).contiguous(memory_format=torch.channels_last)

    def convolve() -> None:
        with torch.no_grad():
            layer(x)

    return 2 * n * width * width * 9 * side * side / best(convolve, repeats)


if __name__ == "__main__":
    main()
