"""Time `snakemake -n` on 20 data sets x 40 methods x 20 seeds (3 200 jobs).

Run it in an activated environment: python perf/dry_run.py
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--methods", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_project(folder, arguments.datasets, arguments.methods, arguments.seeds)
        start = time.perf_counter()
        code = (
            "from pathlib import Path; from mmbench.config import read_benchmark;"
            " from mmbench.plan import Jobs, Plan;"
            " plan = Plan(read_benchmark(Path('config/config.yaml')));"
            " print(len(Jobs(plan).all_blocks))"
        )
        jobs = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        planned = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--cores", "8"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        done = time.perf_counter()
    print(f"jobs of fit          {jobs}")
    print(f"mmbench's own plan   {planned - start:.1f} s")
    print(f"snakemake -n         {done - planned:.1f} s (goal: 20 s)")


def write_project(folder: Path, n_datasets: int, n_methods: int, n_seeds: int) -> None:
    """Copy the workflow and fill its catalogues with distinct entries."""
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "workflow", folder / "workflow")
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config/published.csv", folder / "config")
    view = {"modality": "a", "dims": 4}
    datasets = {
        f"toy-{i}": {
            "title": f"Toy {i}",
            "citation": "none",
            "licence": "none",
            "pairing": "same-object",
            "n_samples": 30,
            "n_clusters": 3,
            "seed": i,
            "views": {"a": view, "b": view},
            "generator": {"kind": "synthetic"},
        }
        for i in range(n_datasets)
    }
    methods = {
        f"kmeans-{i}": {"uses": "kmeans_concat", "params": {"n_init": i + 1}}
        for i in range(n_methods)
    }
    config = {
        "name": "large",
        "datasets": list(datasets),
        "methods": list(methods),
        "seeds": n_seeds,
    }
    for name, value in (("datasets", datasets), ("methods", methods), ("config", config)):
        (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(value))


if __name__ == "__main__":
    main()
