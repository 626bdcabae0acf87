"""Measure the time and memory of `score` and `report` for 5 000 stored runs.

    python perf/score_report.py [--folder DIR]

The script makes 10 data sets of 200 to 10 000 samples with 7 to 40 classes, each with 25 methods,
20 seeds and 20 checkpoints a run, in blocks of 5 seeds as `fit` stores them. Then it scores every
data set and writes the report, in one process. The time to make the runs is not included. The
goals are 60 s and 2 GB.
"""

import argparse
import csv
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from mmbench.evaluation.scoring import score
from mmbench.files import write_json
from mmbench.reporting import DatasetSpec, MethodSpec, ReportSpec, report
from mmbench.runs import Record, Run, RunStore, write_runs

# samples and classes, as those of public multi-view data
SIZES = [
    (200, 7),
    (544, 5),
    (1200, 6),
    (2000, 10),
    (2000, 10),
    (2100, 21),
    (2708, 7),
    (4485, 15),
    (5000, 10),
    (10000, 40),
]
N_METHODS, N_SEEDS, PER_BLOCK, N_CHECKPOINTS, N_EPOCHS = 25, 20, 5, 20, 200


def make(folder: Path) -> None:
    """Store the runs, samples and cards of the benchmark."""
    rng = np.random.default_rng(0)
    for number, (n_samples, n_classes) in enumerate(SIZES):
        name = f"set-{number}"
        y_true = rng.integers(n_classes, size=n_samples)
        card = {"n_samples": n_samples, "n_classes": n_classes, "n_clusters": n_classes}
        write_json(folder / "data" / name / "card.json", card)
        with (folder / "data" / name / "samples.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sample", "label", "class", "split", "modality", "source_row"])
            writer.writerows(
                [i, y, f"class {y}", "train", "", i] for i, y in enumerate(y_true.tolist())
            )
        for method in range(N_METHODS):
            for start in range(0, N_SEEDS, PER_BLOCK):
                seeds = range(start, start + PER_BLOCK)
                runs = [make_run(seed, y_true, n_classes, rng) for seed in seeds]
                block = f"0123abcd/{seeds[0]}-{seeds[-1]}"
                write_runs(runs, folder / "runs" / name / f"method-{method}" / block)


def make_run(seed: int, y_true: np.ndarray, n_classes: int, rng: np.random.Generator) -> Run:
    """Return a run whose accuracy grows from checkpoint to checkpoint."""
    right = np.linspace(0.2, rng.uniform(0.4, 0.9), N_CHECKPOINTS)[:, None]
    noise = rng.integers(n_classes, size=(N_CHECKPOINTS, len(y_true)))
    history = np.where(rng.random(noise.shape) < right, y_true, noise).astype(np.int16)
    losses = {
        term: [(epoch, float(x)) for epoch, x in enumerate(rng.random(N_EPOCHS))]
        for term in ("loss", "reconstruction")
    }
    record = Record(seed, "ok", losses=losses, seconds={"training": 1.0, "total": 1.5})
    epochs = np.linspace(0, N_EPOCHS - 1, N_CHECKPOINTS).astype(np.int32)
    embedding = rng.normal(size=(len(y_true), 10)).astype(np.float16) if seed == 0 else None
    return Run(record, history[-1].astype(np.int32), history, epochs, embedding)


def measure(folder: Path) -> None:
    """Score and report, and print the time and memory."""
    names = [f"set-{number}" for number in range(len(SIZES))]
    methods = [f"method-{number}" for number in range(N_METHODS)]
    results = folder / "results"
    starts = range(0, N_SEEDS, PER_BLOCK)
    blocks = [f"0123abcd/{start}-{start + PER_BLOCK - 1}" for start in starts]
    begin, begin_cpu = time.perf_counter(), time.process_time()
    for name in names:
        score(
            name,
            folder / "data" / name / "samples.csv",
            RunStore(folder / "runs"),
            dict.fromkeys(methods, blocks),
            range(N_SEEDS),
            scores=results / "scores" / f"{name}.csv",
            details=results / "details" / f"{name}.npz",
            records=results / "records" / f"{name}.csv",
        )
    scored = time.perf_counter()
    spec = ReportSpec(
        name="benchmark",
        seeds=tuple(range(N_SEEDS)),
        datasets=tuple(
            DatasetSpec(name=n, title=n, pairing="same-object", data_setting="paired")
            for n in names
        ),
        methods=tuple(MethodSpec(name=n, title=n, fidelity="baseline") for n in methods),
    )
    report(spec, results=results, cards=folder / "data")
    reported = time.perf_counter()

    n_runs = len(names) * len(methods) * N_SEEDS
    seconds, cpu = reported - begin, time.process_time() - begin_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"runs           {n_runs}")
    print(f"score          {scored - begin:.1f} s, {1e3 * (scored - begin) / n_runs:.1f} ms a run")
    print(f"report         {reported - scored:.1f} s")
    print(f"total          {seconds:.1f} s, {seconds / 60:.2f} of the goal of 60 s")
    print(f"of the CPU     {cpu:.1f} s, the time on an otherwise idle machine")
    print(f"peak memory    {peak / 1e9:.2f} GB, {peak / 2e9:.2f} of the goal of 2 GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the runs here, or use those here")
    folder = parser.parse_args().folder
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            make(Path(temporary))
            measure(Path(temporary))
        return
    if not (folder / "runs").exists():
        make(folder)
    measure(folder)


if __name__ == "__main__":
    main()
