"""Time the training of `mib-clustering` on 20 000 samples of two views with 100 features.

    python perf/mib_clustering_speed.py [--epochs 100] [--samples 20000] [--rounds 1] [--threads 2]

The script prints, for float32 and bfloat16 in turns, the seconds of a run and of an epoch, the time
of 100 epochs by extrapolation (the goal is 300 s on two cores), the GFLOP/s of the matrix products
of training, and ACC, which must not change. The data are synthetic: ten clusters that both views
share, a part of each view that is independent of the other, and noise.
"""

import argparse
import os
import time
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from mmbench.data import Dataset
from mmbench.methods.mib_clustering import MIBClustering

N_CLUSTERS = 10
GOAL = 300  # seconds of 100 epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    data, y_true = synthetic(args.samples)
    method = MIBClustering(epochs=args.epochs, min_steps=0)
    print(f"{args.samples} x 2 x 100, {args.epochs} epochs, {args.threads} threads")
    for seed in range(args.rounds):
        for precision in ("float32", "bfloat16"):
            start = time.perf_counter()
            # a cache of weights in bfloat16 would keep those of the first step
            with torch.autocast(
                "cpu", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False
            ):
                y_pred = method.fit_predict(data, seed=seed)
            seconds = time.perf_counter() - start
            total = 100 * seconds / args.epochs
            rate = operations(method, args.samples) * args.epochs / seconds / 1e9
            print(
                f"{precision:9} seed {seed}: {seconds:6.1f} s, {seconds / args.epochs:.2f} s an"
                f" epoch, 100 epochs {total:.0f} s ({'within' if total <= GOAL else 'over'} the"
                f" goal), {rate:.0f} GFLOP/s, ACC {accuracy(y_true, y_pred):.3f}",
                flush=True,
            )


def synthetic(n_samples: int) -> tuple[Dataset, np.ndarray]:
    rng = np.random.default_rng(0)
    y_true = rng.integers(N_CLUSTERS, size=n_samples)
    views = []
    for _ in range(2):
        shared = rng.normal(size=(N_CLUSTERS, 100))[y_true]
        private = rng.normal(size=(5, 100))[rng.integers(5, size=n_samples)]
        views.append(shared + private + rng.normal(size=(n_samples, 100)))
    return Dataset.paired(views, n_clusters=N_CLUSTERS, name="synthetic"), y_true


def operations(method: MIBClustering, n_samples: int) -> float:
    """Return the floating point operations of the encoder in an epoch of training."""
    widths = (100, *method.hidden)
    weights = sum(a * b for a, b in pairwise(widths))
    full = n_samples - n_samples % method.batch_size
    return (
        2 * full * 6 * weights
    )  # two views, one pass forward and one backward that costs twice as much


def accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    counts = np.zeros((N_CLUSTERS, N_CLUSTERS))
    np.add.at(counts, (y_pred, y_true), 1)
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / len(y_true))


if __name__ == "__main__":
    main()
