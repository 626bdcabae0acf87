"""Commands for people: look around, see what a benchmark would do."""

import argparse
import os
import shutil
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from mmbench.checks import checked
from mmbench.cli.common import (
    PROCESSED,
    RAW,
    Commands,
    add_catalogues,
    add_command,
    add_json,
    print_json,
    print_rows,
)
from mmbench.config import read_benchmark, read_datasets, read_methods
from mmbench.errors import InputError, unknown
from mmbench.files import read_csv, read_json

_DEFAULT_CONFIG = Path("config/config.yaml")


def add_commands(commands: Commands) -> None:
    """Declare list, show, plan, retry and doctor."""
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

        rows = catalogue_rows(read_datasets([Path(p) for p in arguments.catalogue]), RAW)
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
    from mmbench.plan import Jobs, Plan, forecast, report_spec

    planned = Plan(read_benchmark(arguments.config), where=str(arguments.config))
    if arguments.spec:
        print_json(report_spec(planned))
        return
    rows = [asdict(cell) for cell in forecast(Jobs(planned))]
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
    from mmbench.runs import STATUSES, RunStore, format_seeds, read_records
    from mmbench.training import reset_block

    failures = [status for status in STATUSES if status != "ok"]
    if arguments.status not in failures:
        raise unknown("status", arguments.status, failures, where="retry: --status")
    rows = []
    store = RunStore()
    for block in store.blocks():
        statuses = Counter(record.status for record in read_records(store.folder(block)))
        if not statuses[arguments.status]:
            continue
        reset_block(store.folder(block))
        rows.append(
            {
                "dataset": block.dataset,
                "method": block.method,
                "seeds": format_seeds(block.seeds),
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
    from mmbench.exchange.snapshots import cache_advice

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
    sources = probe_sources(read_datasets([Path(p) for p in arguments.catalogue]))
    if arguments.json:
        print_json({**report, "sources": sources})
        return
    print_rows([{"what": key, "found": value} for key, value in report.items()])
    print()
    print_rows(sources)
