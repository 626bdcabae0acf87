"""Time the training of `dmim` on data of the shape of the released NUS-WIDE features.

    python perf/dmim_speed.py [--epochs 20] [--samples 20000] [--threads 2]

The script prints for float32 and bfloat16 the seconds of an epoch, which is one step of all
samples, those of the 500 published epochs by extrapolation, and the peak memory of the process.
The data are the synthetic ones of `mib_clustering_speed.py`: two views of 100 features.
"""

import argparse
import os
import resource
import time

import torch
from mib_clustering_speed import synthetic

from mmbench.methods.dmim import DMIM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data, _ = synthetic(args.samples)
    for precision in ("float32", "bfloat16"):
        start = time.perf_counter()
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False
        ):
            DMIM(epochs=args.epochs).fit_predict(data, seed=0)
        epoch = (time.perf_counter() - start) / args.epochs
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{precision:9} {epoch:.3f} s an epoch, 500 epochs {500 * epoch:.0f} s, {memory:.2f} GB"
        )


if __name__ == "__main__":
    main()
