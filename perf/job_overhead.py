"""Time what a job costs beyond its training.

    python perf/job_overhead.py [--repeat 5]

Each row runs `mmbench fit` as the workflow does, on 2 000 samples, with a trivial method. The
overhead is the time of the whole command without the training and inference of its records. A
block of seeds pays it once, as the rows with five seeds show. The goals are 2.5 s for a method
without torch and 5 s for one with torch. The last column is the processor time of all processes,
that is, the time on an otherwise idle machine.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmbench.data import Dataset
from mmbench.runs import read_records

NUMPY = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Trivial:
    def fit_predict(self, data, *, seed, device="cpu", log=None):
        log(0, loss=1.0)
        return np.random.default_rng(seed).integers(data.n_clusters, size=data.n_samples)

METHOD = Trivial
"""
TORCH = """
from dataclasses import dataclass
import torch

@dataclass(frozen=True)
class Trivial:
    def fit_predict(self, data, *, seed, device="cpu", log=None):
        log(0, loss=1.0)
        return torch.randint(data.n_clusters, (data.n_samples,)).numpy()

METHOD = Trivial
"""
SCIKIT_LEARN = NUMPY.replace("import numpy as np", "import numpy as np\nimport sklearn.cluster")
METHODS = {"numpy": (NUMPY, 2.5), "scikit-learn": (SCIKIT_LEARN, 2.5), "torch": (TORCH, 5.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="times to run each (default: 5)")
    repeat = parser.parse_args().repeat
    rng = np.random.default_rng(0)
    data = Dataset.paired([rng.random((2000, 240)), rng.random((2000, 76))], n_clusters=10)
    columns = ("median", "least", "most", "goal", "cpu")
    print(f"{'method':<14}{'seeds':>6}" + "".join(f"{column:>9}" for column in columns), "seconds")
    with tempfile.TemporaryDirectory() as folder:
        views = Path(folder, "views.safetensors")
        data.save(views)
        for name, (source, goal) in METHODS.items():
            method = Path(folder, "trivial.py")
            method.write_text(source)
            for seeds in ("0", "0-4"):
                costs = [overhead(method, views, seeds) for _ in range(repeat)]
                cost = [wall for wall, _ in costs]
                cpu = statistics.median(cpu for _, cpu in costs)
                values = [statistics.median(cost), min(cost), max(cost), goal, cpu]
                print(f"{name:<14}{seeds:>6}" + "".join(f"{seconds:9.2f}" for seconds in values))


def overhead(method: Path, views: Path, seeds: str) -> tuple[float, float]:
    """Return the seconds of a job outside training and inference, and its processor time."""
    block = views.parent / "cell" / seeds
    program = Path(sys.executable).with_name("mmbench")
    command = [program, "fit", json.dumps({"method": "trivial", "uses": str(method)})]
    command += ["--views", views, "--seeds", seeds, "--folder", block]
    begins, used = time.monotonic(), processor_time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    total, used = time.monotonic() - begins, processor_time() - used
    records = read_records(block)
    assert all(record.status == "ok" for record in records), records
    trained = sum(r.seconds["training"] + r.seconds["inference"] for r in records)
    return total - trained, used


def processor_time() -> float:
    """Return the processor seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
