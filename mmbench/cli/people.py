"""Commands for people: look around, try one cell, see what a benchmark would do."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from mmbench.catalogue import load_datasets
from mmbench.checks import checked
from mmbench.cli.common import (
    PROCESSED,
    Commands,
    add_catalogues,
    add_command,
    add_json,
    print_json,
    print_rows,
)
from mmbench.config import MethodEntry, read_benchmark, read_methods
from mmbench.errors import InputError, unknown
from mmbench.files import read_csv, read_json

RAW = Path("data/raw")
_TRIED = Path("data/tried")
_DEFAULT_CONFIG = Path("config/config.yaml")


def add_commands(commands: Commands) -> None:
    """Declare run, list, show, plan, retry and doctor."""
    run_ = add_command(
        commands,
        run,
        name="run",
        example="mmbench run kmeans-concat handwritten --seeds 5 --set n_init=5",
    )
    run_.add_argument("method", metavar="METHOD", help="an entry, a module, or a path to a .py")
    run_.add_argument("dataset", metavar="DATASET", help="a name from the catalogue")
    run_.add_argument("--seeds", type=int, default=1, help="seeds 0..n-1 (default: 1)")
    run_.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assigned")
    run_.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    run_.add_argument("--gpus", type=int, help="GPUs to take (default: as the entry says)")
    run_.add_argument("--threads", type=int, default=1, help="threads to use (default: 1)")
    run_.add_argument("--mirror", metavar="DIR", help="folder to look for data files in first")
    run_.add_argument(
        "--show-augmentations",
        type=Path,
        metavar="FILE.png",
        help="write a sheet of augmented pictures instead of training",
    )
    add_catalogues(run_, datasets=True, methods=True)
    add_json(run_)

    list_ = add_command(commands, list_entries, name="list", example="mmbench list datasets")
    list_.add_argument("what", choices=["datasets", "methods"])
    add_catalogues(list_, datasets=True, methods=True)
    add_json(list_)

    show_ = add_command(commands, show, name="show", example="mmbench show default")
    show_.add_argument(
        "benchmark", nargs="?", default="default", help="its name (default: default)"
    )
    show_.add_argument(
        "--check", action="store_true", help="exit with 1 if a seed failed or a row is missing"
    )
    add_json(show_)

    plan_ = add_command(
        commands, plan, name="plan", example="mmbench plan --config config/smoke.yaml"
    )
    plan_.add_argument("--config", type=Path, default=_DEFAULT_CONFIG, metavar="FILE")
    plan_.add_argument("--spec", action="store_true", help="print what `mmbench report` is told")
    add_json(plan_)

    retry_ = add_command(commands, retry, name="retry", example="mmbench retry --status timed_out")
    retry_.add_argument("--status", required=True, help="which runs to clear")
    add_json(retry_)

    doctor_ = add_command(commands, doctor, name="doctor", example="mmbench doctor")
    doctor_.add_argument("--count-gpus", action="store_true", help="print that number alone")
    add_catalogues(doctor_, datasets=True, methods=False)
    add_json(doctor_)


def run(arguments: argparse.Namespace) -> int:
    """Try one method on one data set; nothing is left in results/.

    Fetches and prepares the data set if it is not here, trains every seed with a progress
    bar, scores the last epoch and prints the scores.
    """
    from mmbench.cli.progress import Progress
    from mmbench.plan import format_seeds, resolved, settings_of
    from mmbench.training import Job, fit

    if arguments.seeds < 1:
        raise InputError(f"run: --seeds: expected at least 1, got {arguments.seeds}")
    name, entry = _method(arguments.method, arguments.methods)
    params = {**entry.params, **entry.params_by_dataset.get(arguments.dataset, {})}
    params = resolved(name, entry, {**params, **_assigned(arguments.assigned)})
    if arguments.show_augmentations:
        _show_augmentations(arguments, name, entry.uses, params)
        return 0
    processed = _data_at_hand(arguments)
    seeds = tuple(range(arguments.seeds))
    with tempfile.TemporaryDirectory(prefix="mmbench-run-") as scratch:
        settings = settings_of(params, arguments.precision, restarts=entry.restarts)
        cell = Path(scratch, arguments.dataset, name, settings)
        block = cell / format_seeds(seeds)
        told = {
            "method": name,
            "uses": entry.uses,
            "params": params,
            "precision": arguments.precision,
            "fingerprint": "",
            "views": processed / "views.safetensors",
            "seeds": seeds,
            "threads": arguments.threads,
            "gpus": int(entry.gpu) if arguments.gpus is None else arguments.gpus,
            "timeout_minutes": entry.timeout_minutes,
            "restarts": entry.restarts,
        }
        job = checked(Job, told, where="run")
        with Progress(epochs=_schedule(params), n_seeds=len(seeds)) as progress:
            fit(
                job,
                assignments=block / "assignments.npz",
                records=block / "runs.json",
                parts=cell / ".parts",
                on_event=progress,
            )
        return _print_scores(arguments, name, settings, processed, Path(scratch), seeds)


def list_entries(arguments: argparse.Namespace) -> None:
    """List the data sets or the methods of the catalogues."""
    if arguments.what == "methods":
        rows = [
            {
                "method": name,
                "title": entry.title or name,
                "uses": entry.uses,
                "fidelity": entry.fidelity,
                "gpu": entry.gpu,
                "citation": entry.citation,
            }
            for name, entry in read_methods([Path(p) for p in arguments.methods]).items()
        ]
    else:
        from mmbench.datasets import catalogue_rows

        rows = catalogue_rows(load_datasets([Path(p) for p in arguments.catalogue]), RAW)
    print_rows(rows, as_json=arguments.json)


def show(arguments: argparse.Namespace) -> int:
    """Print the leaderboard of a benchmark that has been run.

    Where its runs are not, as in a fresh clone, that is the leaderboard as it was recorded.
    """
    from mmbench.reporting import ReportSpec, leaderboard_text

    results = Path("results", arguments.benchmark)
    tables = results / "tables"
    spec = checked(ReportSpec, read_json(results / "benchmark.json"), where=str(results))
    records = [results / "records" / f"{dataset.name}.csv" for dataset in spec.datasets]
    recorded = tables / "leaderboard.md"
    if any(record.is_file() for record in records) or not recorded.is_file():
        # reading it checks that every configured method has its runs
        text = leaderboard_text(spec, results=results, cards=PROCESSED)
    elif arguments.check:
        raise InputError(f"show: --check: {results / 'records'}: expected the runs, found none")
    else:
        text = (
            "The runs are not here; this is the leaderboard as it was recorded with them.\n\n"
            + recorded.read_text(encoding="utf-8")
        )
    if arguments.json:
        print_json(read_csv(tables / "leaderboard.csv"))
    else:
        print(text)
        print(f"tables: {tables}   figures: {results / 'figures'}")
        page = results / "report" / "index.html"
        if page.is_file():
            print(f"page, to open in a browser: {page}")
    if not arguments.check:
        return 0
    failed = [
        "{dataset}, {method}, seed {seed}: {status} {reason}".format(**row)
        for record in records
        for row in read_csv(record)
        if row["status"] not in ("ok", "not_applicable", "data_unavailable")
    ]
    if failed:
        told = "; ".join(failed[:3])
        print(f"mmbench: {results}: {len(failed)} seeds failed: {told}", file=sys.stderr)
    return bool(failed)


def plan(arguments: argparse.Namespace) -> None:
    """Show what a benchmark would run, and about how long from runs measured before."""
    from mmbench.plan import Plan, outlook

    planned = Plan(read_benchmark(arguments.config), where=str(arguments.config))
    if arguments.spec:
        print(planned.report_json())
        return
    rows = [asdict(cell) for cell in outlook(planned)]
    if arguments.json:
        print_json(rows)
        return
    print_rows(rows)
    seeds = sum(row["seeds_to_run"] for row in rows)
    known = sum(row["minutes"] or 0 for row in rows)
    unmeasured = sum(row["seeds_to_run"] for row in rows if row["minutes"] is None)
    print(f"\n{seeds} seeds to train, about {known:.1f} minutes on one core or device", end="")
    print(f", and {unmeasured} seeds whose method was never measured here" if unmeasured else "")


def retry(arguments: argparse.Namespace) -> None:
    """Clear runs that ended in a status, so that Snakemake plans them again.

    Seeds of the same block that ended well are kept and not trained again. For
    data_unavailable the data set's own status is cleared as well.
    """
    from mmbench.plan import all_stored_blocks
    from mmbench.runs import STATUSES, read_records
    from mmbench.training import release

    failures = [status for status in STATUSES if status != "ok"]
    if arguments.status not in failures:
        raise unknown("status", arguments.status, failures, where="retry: --status")
    rows = []
    for block in all_stored_blocks():
        statuses = Counter(record.status for record in read_records(block.records))
        if not statuses[arguments.status]:
            continue
        release(block.assignments, block.records, parts=block.folder.parent / ".parts")
        rows.append(
            {
                "dataset": block.dataset,
                "method": block.method,
                "seeds": block.folder.name,
                "cleared": statuses[arguments.status],
                "kept": statuses["ok"],
            }
        )
    if arguments.status == "data_unavailable":
        from mmbench.datasets import clear_unavailable

        for name in clear_unavailable(RAW, PROCESSED):
            rows.append({"dataset": name, "method": "", "seeds": "", "cleared": 0, "kept": 0})
    print_rows(rows, as_json=arguments.json)


def doctor(arguments: argparse.Namespace) -> None:
    """Check this machine: versions, devices, threads, free disk, and which sources answer."""
    from mmbench.training import devices

    if arguments.count_gpus:
        print(len(devices.available()))
        return
    from importlib.metadata import version

    from mmbench.datasets import probe_sources
    from mmbench.snapshots import cache_advice

    packages = ["mmbench", "snakemake", "torch", "numpy", "scipy", "scikit-learn", "pandas", "dvc"]
    free = shutil.disk_usage(Path.cwd()).free
    report = {
        "python": sys.version.split()[0],
        **{package: version(package) for package in packages},
        "cores": len(os.sched_getaffinity(0)),
        "devices": devices.available() or ["cpu only"],
        "threads set by the environment": os.environ.get("OMP_NUM_THREADS", "no"),
        "free disk (GB)": round(free / 1e9, 1),
        "mirror": os.environ.get("MMBENCH_MIRROR", "none"),
        "DVC cache": cache_advice(),
    }
    sources = probe_sources(load_datasets([Path(p) for p in arguments.catalogue]))
    if arguments.json:
        print_json({**report, "sources": sources})
        return
    print_rows([{"what": key, "found": value} for key, value in report.items()])
    print()
    print_rows(sources)


def _method(name: str, catalogues: list[str]) -> tuple[str, MethodEntry]:
    """Return the entry of a method; a module or a file that has none gets a bare one."""
    entries = read_methods([Path(p) for p in catalogues])
    if name in entries:
        return name, entries[name]
    if name.endswith(".py") or "." in name:
        return Path(name).stem.replace(".", "-"), MethodEntry(uses=name)
    raise unknown("method", name, entries, where=", ".join(catalogues))


def _assigned(pairs: list[str]) -> dict[str, Any]:
    """Return the parameters of `--set key=value`, values read as YAML."""
    params = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"run: --set: expected key=value, got {pair!r}")
        try:
            params[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"run: --set: expected {key} as YAML, got {value!r}") from None
    return params


def _data_at_hand(arguments: argparse.Namespace) -> Path:
    """Return the folder of the prepared data set, which is fetched and made if need be.

    What the workflow has prepared is used where it is of the same entry. What is made here lies
    apart from it, under a name that tells the entry: one that is mended is prepared again, and
    the workflow never takes data whose entry it does not know.
    """
    from mmbench.datasets import fetch, is_prepared, prepare, recipe

    catalogue = load_datasets([Path(p) for p in arguments.catalogue])
    if arguments.dataset not in catalogue:
        raise unknown(
            "data set", arguments.dataset, catalogue, where=", ".join(arguments.catalogue)
        )
    entry = catalogue[arguments.dataset]
    raw = RAW / entry.base
    processed: Path = PROCESSED / arguments.dataset
    if not is_prepared(entry, processed):
        processed = _TRIED / arguments.dataset / recipe(entry)
    if not is_prepared(entry, processed):
        for other in processed.parent.glob("*"):  # of the entry as it was
            if other != processed:  # which another `run` may be writing now
                shutil.rmtree(other, ignore_errors=True)
        mirror = arguments.mirror or os.environ.get("MMBENCH_MIRROR")
        status = fetch(
            entry.base, catalogue[entry.base], raw, mirror=Path(mirror) if mirror else None
        )
        if status.status != "ok":
            raise InputError(f"{arguments.dataset}: {status.reason}; see {raw / 'status.json'}")
        prepare(arguments.dataset, entry, raw, processed)
    return processed


def _show_augmentations(
    arguments: argparse.Namespace, name: str, uses: str, params: dict[str, Any]
) -> None:
    """Write a sheet of the pictures that a method would see."""
    from mmbench.data import Dataset, IncompatibleDataError
    from mmbench.methods import build
    from mmbench.nn.augment import Augmenting, augmentation_sheet

    path, option = arguments.show_augmentations, "run: --show-augmentations"
    if path.suffix.lower() != ".png":
        raise InputError(f"{option}: expected a file that ends in .png, got {str(path)!r}")
    method = build(uses, params, where=name)
    if not isinstance(method, Augmenting):
        raise InputError(f"{option}: expected a method that augments pictures, got {name!r}")
    data = Dataset.load(_data_at_hand(arguments) / "views.safetensors")
    try:
        augmentation_sheet(method, data.images(held_out=True), path)
    except IncompatibleDataError as error:
        raise InputError(f"{option}: {arguments.dataset}: {error}") from None
    print(path)


def _schedule(params: dict[str, Any]) -> int | None:
    """Return how many epochs a method's parameters ask for, all phases together, if they say."""
    epochs = [v for k, v in params.items() if k.endswith("epochs") and isinstance(v, int)]
    return sum(epochs) or None


def _print_scores(
    arguments: argparse.Namespace,
    method: str,
    settings: str,
    processed: Path,
    runs: Path,
    seeds: tuple[int, ...],
) -> int:
    """Score the runs in the scratch folder and print every seed, their mean and deviation.

    Returns:
        1 where no seed has a score though the method could be applied, else 0.
    """
    from mmbench.evaluation.scoring import score

    files = {kind: runs / f"{kind}.csv" for kind in ("scores", "records")}
    score(
        arguments.dataset,
        processed / "samples.csv",
        runs,
        {method: settings},
        seeds,
        scores=files["scores"],
        records=files["records"],
        details=runs / "details.npz",
    )
    shown = ("acc", "nmi", "ari")
    values = {
        (row["seed"], row["metric"]): float(row["value"])
        for row in read_csv(files["scores"])
        if row["protocol"] == "last" and row["subset"] == "all" and row["metric"] in shown
    }
    rows: list[dict[str, Any]] = []
    for record in read_csv(files["records"]):
        scores = {metric: values.get((record["seed"], metric)) for metric in shown}
        seconds = float(record["seconds_total"] or "nan")
        rows.append(
            {"seed": record["seed"], "status": record["status"], **scores}
            | {"seconds": seconds, "reason": record["reason"]}
        )
    scored = [row for row in rows if row["acc"] is not None]
    if len(scored) > 1 and not arguments.json:
        for label, summary in (("mean", statistics.mean), ("sd", statistics.stdev)):
            figures = {metric: summary(row[metric] for row in scored) for metric in shown}
            rows.append({"seed": label, "status": "", **figures, "seconds": None, "reason": ""})
    print_rows(rows, as_json=arguments.json)
    return int(not scored and any(row["status"] != "not_applicable" for row in rows))
