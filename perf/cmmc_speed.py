"""Compare the speed of `cmmc` with that of a plain implementation of the published loop.

    python perf/cmmc_speed.py FOLDER [--dataset bdgp] [--epochs 10] [--seeds 2]

FOLDER holds `bdgp/BDGP.mat` and `mnist-usps/MNIST_USPS.mat`. For each data set it prints

- one seed at a time with a thread for each core (or `--threads`): plain, cmmc in float32 and in
  bfloat16, in turns;
- a block: as many seeds of cmmc at once as there are cores, with one thread each, compared with
  plain one seed after another as above;
- for each the seconds of a run, the number of seeds in the time of one plain seed, the
  milliseconds of a pre-training step, the GFLOP/s of its matrix products, their peak on this
  machine at the same precision and thread count (measured in the same process), the share of the
  peak, and ACC, which must not change.

The schedule is short, with `--epochs` for each phase. cmmc keeps 2 checkpoints instead of 20, the
same share of its epochs as in the published schedule. Each run is a process of its own, and its
time excludes the imports.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from unittest import mock

import numpy as np
import scipy.io
import torch
from cmmc_plain import BATCH_SIZE
from cmmc_plain import train as train_plainly
from scipy.optimize import linear_sum_assignment

from mmbench.data import Dataset
from mmbench.methods import cmmc

FILES = {"bdgp": "bdgp/BDGP.mat", "mnist-usps": "mnist-usps/MNIST_USPS.mat"}
KINDS = ("plain", "float32", "bfloat16")
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dataset", choices=FILES, action="append", help="default: both")
    parser.add_argument("--epochs", type=int, default=10, help="of each phase")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=CORES, help="of a run alone")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "SEED"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, seed = args.one
        print(json.dumps(one_run(args.folder, args.dataset[0], kind, int(seed), args.epochs)))
        return
    for dataset in args.dataset or FILES:
        compare(args.folder, dataset, args.epochs, args.seeds, args.threads)


def compare(folder: Path, dataset: str, epochs: int, n_seeds: int, threads: int) -> None:
    def start(kind: str, seed: int, threads: int) -> subprocess.Popen:
        options = ["--dataset", dataset, "--epochs", str(epochs), "--one", kind, str(seed)]
        limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        return subprocess.Popen(
            [sys.executable, __file__, str(folder), *options],
            env={**os.environ, **limits},
            stdout=subprocess.PIPE,
            text=True,
        )

    print(f"\n{dataset}, {epochs} epochs of each phase")
    header = ("seconds", "times", "ms/step", "GFLOP/s", "peak", "share", "ACC")
    print(f"{'':<34}" + "".join(f"{name:>9}" for name in header))
    alone: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    for seed in range(n_seeds):
        for kind in KINDS:
            alone[kind].append(result(start(kind, seed, threads)))
            faster = alone["plain"][seed]["seconds"] / alone[kind][seed]["seconds"]
            print_row(f"{kind}, seed {seed}, {threads} threads", alone[kind][seed:], faster)
    plain_seconds = mean(run["seconds"] for run in alone["plain"])
    for kind in KINDS[1:]:
        runs = [result(process) for process in [start(kind, seed, 1) for seed in range(CORES)]]
        seconds = max(run["seconds"] for run in runs) / CORES
        print_row(f"{kind}, block of {CORES} x 1 thread", runs, plain_seconds / seconds)


def result(process: subprocess.Popen) -> dict:
    """Wait for a run and return its printed result."""
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    return json.loads(output)


def print_row(title: str, runs: list[dict], faster: float) -> None:
    seconds, step, flop, peak, acc = (
        mean(run[key] for run in runs) for key in ("seconds", "step", "flop", "peak", "acc")
    )
    rate = flop / step
    print(
        f"{title:<34}{seconds:9.1f}{faster:9.2f}{1e3 * step:9.1f}{rate / 1e9:9.0f}"
        f"{peak / 1e9:9.0f}{rate / peak:9.2f}{acc:9.4f}",
        flush=True,
    )


def one_run(folder: Path, dataset: str, kind: str, seed: int, epochs: int) -> dict[str, float]:
    """Return the seconds of a run and of a step, its operations, the peak, and ACC."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    views, y_true = read(folder / FILES[dataset])
    n_clusters = len(np.unique(y_true))
    schedule = {f"{phase}_epochs": epochs for phase in ("pretrain", "joint", "finetune")}
    peak = matmul_peak(kind)
    start = time.perf_counter()
    if kind == "plain":
        y_pred, seconds_by_phase = train_plainly(views, n_clusters, seed=seed, **schedule)
        pretraining = seconds_by_phase["pretrain"]
    else:
        data = Dataset.paired(views, n_clusters=n_clusters)
        y_pred, pretraining = train(data, kind, seed, schedule)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "step": median(pretraining) / (len(y_true) // BATCH_SIZE),
        "flop": flop_of_a_step([x.shape[1] for x in views]),
        "peak": max(peak, matmul_peak(kind)),
        "acc": accuracy(y_true, y_pred),
    }


def train(
    data: Dataset, precision: str, seed: int, schedule: dict[str, int]
) -> tuple[np.ndarray, list[float]]:
    """Return the assignments of cmmc, and the seconds of each epoch of pre-training."""
    ends = [time.perf_counter()]

    def log(epoch: int, *, loss: float | None = None, **_: object) -> None:
        if loss is not None and epoch < schedule["pretrain_epochs"]:
            ends.append(time.perf_counter())

    two = mock.patch.object(cmmc, "checkpoints", lambda n: frozenset({n // 2, n - 1}))
    autocast = torch.autocast("cpu", torch.bfloat16, cache_enabled=False)
    with two, autocast if precision == "bfloat16" else nullcontext():
        y_pred = cmmc.CMMC(**schedule).fit_predict(data, seed=seed, log=log)
    return y_pred, [end - begin for begin, end in pairwise(ends)]


def flop_of_a_step(n_features: list[int]) -> float:
    """Return the operations of the matrix products of a pre-training step."""
    total = 0
    for n in n_features:
        layers = list(pairwise((n, 500, 500, 2000, 512, 2000, 500, 500, n)))
        products = [a * b for a, b in layers]
        # forward, gradient of the weights, gradient of the input: the data need none
        total += 3 * sum(products) - products[0]
    return 2.0 * BATCH_SIZE * total


def matmul_peak(kind: str) -> float:
    """Return the highest rate of a large matrix product, in operations a second."""
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
    n = 2048
    a, b = torch.randn(2, n, n).to(dtype)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds)


def read(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Return views and labels in a random order, since the file is sorted by class."""
    content = scipy.io.loadmat(path)
    if "data" in content:  # BDGP holds samples in columns
        views = [x.T for x in content["data"].ravel()]
        y_true = content["truth"].ravel()
    else:
        views, y_true = [content["X1"], content["X2"]], content["Y"].ravel()
    order = np.random.default_rng(0).permutation(len(y_true))
    return [np.ascontiguousarray(x[order], dtype=np.float32) for x in views], y_true[order]


def accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    classes, y_true = np.unique(y_true, return_inverse=True)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (y_pred, y_true), 1)
    return counts[linear_sum_assignment(counts, maximize=True)].sum() / len(y_true)


if __name__ == "__main__":
    main()
