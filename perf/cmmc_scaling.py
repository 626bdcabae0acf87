"""Measure how the time and memory of `cmmc` grow with samples and views.

    python perf/cmmc_scaling.py [--precision float32] [--max-samples 100000]

The data are random and the widths as published. The script prints

- per phase, the seconds of an epoch at 1 000, 10 000 and 100 000 samples of two views with 784
  features, and the microseconds for each row of a view, which should not grow;
- the same for 4 and 8 views of 10 000 samples: only the joint phase depends on pairs of views, of
  which there are more than views;
- the time of one checkpoint as a share of an epoch, and of twenty as a share of the published
  schedule of 200 + 50 epochs without fine-tuning;
- the peak memory of a whole training on 10 000 samples of 3 views with 784 features, beside the
  size of the data, and of fine-tuning on the largest set.

The time of an epoch is the difference between two runs that differ in the number of epochs of one
phase, which excludes set-up and k-means. Times are processor times, so other work on the machine
has little effect. Each run is a process of its own with one thread.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from unittest import mock

import numpy as np
import torch

from mmbench.data import Dataset
from mmbench.methods import cmmc
from mmbench.methods.ae_kmeans import reconstruction_epoch

PHASES = ("pretrain", "joint", "finetune")
N_FEATURES = 784
N_CLUSTERS = 10
BATCH_SIZE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--max-samples", type=int, default=100_000)
    parser.add_argument("--one", metavar="JSON", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one_run(**json.loads(args.one))))
        return
    print(f"{'samples':>8}{'views':>6}  " + "".join(f"{p + ' s':>12}{'us/row':>8}" for p in PHASES))
    sizes = [n for n in (1_000, 10_000, 100_000) if n <= args.max_samples]
    for n_samples, n_views in [*((n, 2) for n in sizes), (10_000, 4), (10_000, 8)]:
        seconds = epochs_of(n_samples, n_views, args.precision)
        # the first two phases leave out a last batch that is not full
        in_batches = n_samples - n_samples % BATCH_SIZE
        rows = [n * n_views for n in (in_batches, in_batches, n_samples)]
        cells = "".join(f"{s:12.2f}{1e6 * s / n:8.1f}" for s, n in zip(seconds, rows, strict=True))
        print(f"{n_samples:8}{n_views:6}  {cells}", flush=True)
    epoch, joint, checkpoint = checkpoint_of(args.precision)
    print(
        f"checkpoint: {checkpoint / epoch:.2f} of an epoch;"
        f" 20 of them {20 * checkpoint / (200 * epoch + 50 * joint):.1%} of training",
        flush=True,
    )
    for n_samples, n_views in [(10_000, 3), (sizes[-1], 2)]:
        schedule = dict.fromkeys(PHASES, 1)
        run = started(n_samples, n_views, args.precision, schedule)
        data = n_samples * n_views * N_FEATURES * 4 / 2**20
        print(
            f"memory, {n_samples} x {n_views} x {N_FEATURES}: data {data:.0f} MiB, libraries"
            f" {run['before'] - data:.0f} MiB, peak {run['peak']:.0f} MiB,"
            f" peak - data {run['peak'] - data:.0f} MiB",
            flush=True,
        )


def epochs_of(n_samples: int, n_views: int, precision: str) -> list[float]:
    """Return the seconds of an epoch of each phase."""
    # about as much work for each size
    extra = max(1, 20_000 // n_samples)
    base = dict.fromkeys(PHASES, 1)
    least = started(n_samples, n_views, precision, base)["seconds"]
    seconds = []
    for phase in PHASES:
        more = started(n_samples, n_views, precision, {**base, phase: 1 + extra})["seconds"]
        seconds.append((more - least) / extra)
    return seconds


def checkpoint_of(precision: str) -> tuple[float, float, float]:
    """Return the seconds of an epoch of two phases, and of a checkpoint, on 2 500 x 2 x 784."""
    torch.set_num_threads(1)
    views = [torch.rand(2_500, N_FEATURES) for _ in range(2)]
    network = cmmc.Network([N_FEATURES] * 2, (500, 500, 2000), 512, 128, N_CLUSTERS)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-4, fused=True)
    calls = (
        lambda: reconstruction_epoch(network.autoencoders, views, optimiser, BATCH_SIZE),
        lambda: cmmc.CMMC().joint_epoch(network, views, optimiser),
        lambda: cmmc.mean_assignment(network.soft(views)),
    )
    medians = []
    with autocast(precision):
        for call in calls:
            call()
            seconds = []
            for _ in range(5):
                begins = time.process_time()
                call()
                seconds.append(time.process_time() - begins)
            medians.append(median(seconds))
    return tuple(medians)


def autocast(precision: str) -> AbstractContextManager:
    if precision == "float32":
        return nullcontext()
    return torch.autocast("cpu", torch.bfloat16, cache_enabled=False)


def started(n_samples: int, n_views: int, precision: str, schedule: dict[str, int]) -> dict:
    """Return the seconds and the MiB of a run in a process of its own."""
    options = {"n_samples": n_samples, "n_views": n_views, "precision": precision} | schedule
    limits = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    output = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(options)],
        env={**os.environ, **limits},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return json.loads(output)


def one_run(n_samples: int, n_views: int, precision: str, **schedule: int) -> dict[str, float]:
    """Return the seconds of a training, and the resident MiB before it and at its peak."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    # blobs, and one start of k-means below, since k-means is not measured
    centres = rng.random((N_CLUSTERS, N_FEATURES), dtype=np.float32)
    y = rng.integers(N_CLUSTERS, size=n_samples)
    views = []
    for _ in range(n_views):
        x = rng.random((n_samples, N_FEATURES), dtype=np.float32)
        x += centres[y]
        views.append(x)
    data = Dataset.paired(views, n_clusters=N_CLUSTERS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    epochs = {f"{phase}_epochs": n for phase, n in schedule.items()}
    # a schedule as short as this would have a checkpoint at every epoch
    few = mock.patch.object(cmmc, "checkpoints", lambda n: frozenset({n - 1}))
    begins = time.process_time()
    one_start = mock.patch.object(cmmc, "STARTS", 1)
    with few, one_start, autocast(precision):
        cmmc.CMMC(**epochs, batch_size=BATCH_SIZE).fit_predict(data, seed=0)
    return {
        "seconds": time.process_time() - begins,
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
    }


if __name__ == "__main__":
    main()
