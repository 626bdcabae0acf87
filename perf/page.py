"""Measure the time, size and filter speed of the page of a large benchmark.

    python perf/page.py [--folder DIR]

The script stores the results of 50 data sets, 40 methods and 10 seeds as `score` writes them: eight
metrics under both selections, two losses of 200 epochs a run, and one failed run in fifty, with a
log. Then it reads them, writes the page, and opens it in headless Chromium if that is installed.
The time to make the results is not included. The goals are 60 s, an index.html of 15 MB, a folder
of 60 MB, and 200 ms from a key press in the filter to the table.
"""

import argparse
import csv
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from mmbench.files import write_json
from mmbench.reporting import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.context import open_report
from mmbench.reporting.page import write_page

N_DATASETS, N_METHODS, N_SEEDS, N_EPOCHS = 50, 40, 10, 200
METRICS = ("acc", "nmi", "ari", "ami", "purity", "pairwise_f", "clusters_used", "size_entropy")
VERSIONS = "; ".join(f"library-{i} {i}.{i}.0" for i in range(12))
SPEC = ReportSpec(
    name="large",
    seeds=tuple(range(N_SEEDS)),
    datasets=tuple(
        DatasetSpec(
            name=f"set-{i}",
            title=f"Data set {i}",
            pairing="by-label" if i % 10 == 9 else "same-object",
            data_setting=("paired", "mixed", "incomplete", "images")[i % 4],
        )
        for i in range(N_DATASETS)
    ),
    methods=tuple(
        MethodSpec(
            name=f"method-{i}", title=f"Method {i}", fidelity="baseline", citation="Somebody, 2020"
        )
        for i in range(N_METHODS)
    ),
)


def make(folder: Path) -> None:
    """Store scores, records, details and cards."""
    rng = np.random.default_rng(0)
    for dataset in SPEC.datasets:
        card = {"n_samples": 2000, "n_classes": 10, "n_clusters": 10, "licence": "CC BY 4.0"}
        write_json(folder / "cards" / dataset.name / "card.json", card)
        scores, records, arrays = [], [], {"classes": np.array(["one"])}
        for method in SPEC.methods:
            for seed in SPEC.seeds:
                ok = rng.random() > 0.02
                records.append(record(method.name, seed, ok, rng))
                if not ok:
                    continue
                for selection in ("last", "oracle"):
                    for metric, value in zip(METRICS, rng.random(len(METRICS)), strict=True):
                        scores.append(
                            [method.name, seed, selection, "all", metric, round(value, 6)]
                        )
                epochs = np.arange(N_EPOCHS, dtype=np.float32)
                for term in ("loss", "reconstruction"):
                    noise = rng.random(N_EPOCHS, dtype=np.float32)
                    arrays[f"loss/{method.name}/{seed}/{term}"] = np.stack([epochs, noise])
                arrays[f"acc/{method.name}/{seed}"] = np.stack([epochs[::10], noise[::10]])
        head = ["method", "seed", "selection", "subset", "metric", "value"]
        write_rows(folder / "results" / "scores" / f"{dataset.name}.csv", head, scores)
        path = folder / "results" / "records" / f"{dataset.name}.csv"
        write_rows(path, list(records[0]), [list(r.values()) for r in records])
        path = folder / "results" / "details" / f"{dataset.name}.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, **arrays)


def record(method: str, seed: int, ok: bool, rng: np.random.Generator) -> dict[str, object]:
    """Return the record of a run, as long as a real one."""
    log = "\n".join(f"epoch {i} loss {x:.6f} and more text" for i, x in enumerate(rng.random(40)))
    return {
        "method": method,
        "params_hash": "0123abcd",
        "seed": seed,
        "status": "ok" if ok else "crashed",
        "reason": "" if ok else "ValueError: expected something else",
        **{f"seconds_{part}": rng.random() * 100 for part in ("setup", "training", "total")},
        "memory_host": rng.integers(2**30),
        "device": "cpu",
        "threads": 1,
        "precision": "float32",
        "started": f"2026-01-01T00:00:{seed:02d}+00:00",
        "git_commit": "0" * 40,
        "git_clean": True,
        "fingerprint": "0" * 16,
        "data_checksum": "0" * 64,
        "versions": VERSIONS,
        "params": '{"epochs": 200, "hidden": [500, 500, 2000]}',
        "log_tail": "" if ok else log,
    }


def write_rows(path: Path, head: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def measure(folder: Path) -> Path:
    """Read the results, write the page, print time and size, and return its index.html."""
    results = folder / "results"
    begin, begin_cpu = time.perf_counter(), time.process_time()
    with open_report(SPEC, results=results, cards=folder / "cards", published=None) as report:
        read = time.perf_counter()
        write_page(report, results / "report")
    written, cpu = time.perf_counter(), time.process_time() - begin_cpu
    files = [path for path in (results / "report").rglob("*") if path.is_file()]
    index = results / "report" / "index.html"
    total = sum(path.stat().st_size for path in files)
    print(f"runs           {N_DATASETS * N_METHODS * N_SEEDS}")
    print(f"read           {read - begin:.1f} s")
    print(f"page           {written - read:.1f} s (goal: 60 s)")
    print(f"of the CPU     {cpu:.1f} s for both, the time on an otherwise idle machine")
    print(f"index.html     {index.stat().st_size / 1e6:.2f} MB (goal: 15 MB)")
    print(f"folder         {total / 1e6:.1f} MB (goal: 60 MB), {len(files)} files")
    return index


def browse(index: Path) -> None:
    """Open the page, use its filters and its metric, and print the times."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        print("browser        none found")
        return
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        begin = time.perf_counter()
        browser.get(index.as_uri())
        while browser.execute_script("return document.getElementById('controls').hidden"):
            time.sleep(0.02)
        print(f"open           {time.perf_counter() - begin:.2f} s until it is usable")
        for name, field, event, values in (
            ("methods", "filter-methods", "input", ["1", "12", "1", ""]),
            ("data sets", "filter-datasets", "input", ["4", "42", "4", ""]),
            ("data_setting", "data_setting", "change", ["mixed", "", "paired", ""]),
            ("metric", "metric", "change", ["nmi", "ari", "nmi", "acc"]),
        ):
            took = [milliseconds(browser, field, event, value) for value in values]
            print(
                f"{name:14} median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms"
                " (goal: 200 ms)"
            )
    finally:
        browser.quit()


def milliseconds(browser, field: str, event: str, value: str) -> float:
    """Return the time from a change of a field to the end of the layout that follows."""
    return browser.execute_script(
        "const field = document.getElementById(arguments[0]); const begin = performance.now();"
        "field.value = arguments[2]; field.dispatchEvent(new Event(arguments[1]));"
        "document.body.getBoundingClientRect(); return performance.now() - begin",
        field,
        event,
        value,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the results here, or use those here")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        if not (folder / "results" / "scores").exists():
            make(folder)
        browse(measure(folder))


if __name__ == "__main__":
    main()
