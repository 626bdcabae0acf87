"""Time `dm2c` with the schedule of its paper on mixed-modal Wikipedia features.

    python perf/dm2c_speed.py FOLDER [--seeds 1] [--threads 2] [--epochs 220]

FOLDER holds `wikipedia/Wiki_fea.mat`. Each seed is a process of its own, and its time excludes the
imports. For each seed the script prints

- the seconds of the whole fit and of its two phases, and the milliseconds of a batch of each;
- the share of the fit that the history takes: all checkpoints except the last one, which gives the
  result;
- the label-free diagnostics at the end.

The goals are 3 minutes for a seed on two cores, and 3 % for the history.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch

from mmbench.data import Dataset, View
from mmbench.methods.dm2c import DM2C

PRETRAIN_SHARE = 150 / 220  # of the epochs of the joint phase
DIAGNOSTICS = ("foreign_neighbours", "modality_nmi", "translated_variance", "kept_clusters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--epochs", type=int, default=220, help="of the joint phase")
    parser.add_argument("--one", type=int, metavar="SEED", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(one_run(args.folder, args.one, args.epochs)))
        return

    header = ("fit s", "phase 1 s", "phase 2 s", "ms/batch 1", "ms/batch 2", "history %")
    print(f"{'seed':<6}" + "".join(f"{name:>12}" for name in header))
    for seed in range(args.seeds):
        limits = {"OMP_NUM_THREADS": str(args.threads), "MKL_NUM_THREADS": str(args.threads)}
        options = ["--epochs", str(args.epochs), "--one", str(seed)]
        done = subprocess.run(
            [sys.executable, __file__, str(args.folder), *options],
            env={**os.environ, **limits},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        result = json.loads(done.stdout)
        print(f"{seed:<6}" + "".join(f"{value:>12.1f}" for value in result["times"]))
        print(f"{'':<6}" + ", ".join(f"{k} {v:.3f}" for k, v in result["diagnostics"].items()))


def one_run(folder: Path, seed: int, epochs: int) -> dict[str, Any]:
    """Return the times of `header` and the label-free diagnostics of one fit."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    method = Timed(joint_epochs=epochs, pretrain_epochs=max(1, round(epochs * PRETRAIN_SHARE)))
    data = wikipedia_mixed(folder)
    began = time.perf_counter()
    ended_at: dict[int, float] = {}
    diagnostics: dict[str, float] = {}

    def log(epoch: int, **values: Any) -> None:
        ended_at[epoch] = time.perf_counter()
        diagnostics.update({name: values[name] for name in DIAGNOSTICS if name in values})

    method.fit_predict(data, seed=seed, log=log)
    total = time.perf_counter() - began
    first = ended_at[method.pretrain_epochs - 1] - began
    history = sum(CHECKPOINTS[:-1])
    second = total - first - sum(CHECKPOINTS)

    rows = [len(view.values) for view in data.views]
    batches_1 = sum(-(-n // method.batch_size) for n in rows) * method.pretrain_epochs
    batches_2 = -(-sum(rows) // method.batch_size) * epochs
    per_batch = (1e3 * first / batches_1, 1e3 * second / batches_2)
    return {
        "times": [total, first, second, *per_batch, 100 * history / total],
        "diagnostics": diagnostics,
    }


CHECKPOINTS: list[float] = []  # the seconds of each checkpoint


class Timed(DM2C):
    """DM2C that measures the time of its checkpoints."""

    def cluster(self, *args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = super().cluster(*args, **options)
        CHECKPOINTS.append(time.perf_counter() - began)
        return result


def wikipedia_mixed(folder: Path) -> Dataset:
    """Return the features, min-max scaled by column, each sample with one modality."""
    file = scipy.io.loadmat(folder / "wikipedia" / "Wiki_fea.mat")
    rng = np.random.default_rng(0)
    order = rng.permutation(2866)  # the file is sorted by class
    coin = rng.integers(2, size=2866)
    views = []
    for side, (name, values) in enumerate(zip(("image", "text"), file["X"].ravel(), strict=True)):
        rows = np.flatnonzero(coin == side)
        low, high = values.min(axis=0), values.max(axis=0)
        scaled = (values[order] - low) / (high - low)
        views.append(View(scaled[rows].astype(np.float32), rows, name, name))
    return Dataset(tuple(views), 10, 2866, "wikipedia-mixed")


if __name__ == "__main__":
    main()
