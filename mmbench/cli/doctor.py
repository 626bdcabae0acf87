"""Check this machine: versions, devices, threads, free disk, and which sources answer.

Example:
    mmbench doctor
"""

import argparse
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from mmbench.cli.common import add_options, print_json, print_rows

_PACKAGES = ["mmbench", "snakemake", "torch", "numpy", "scipy", "scikit-learn", "pandas", "dvc"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count-gpus", action="store_true", help="print only their number")
    add_options(parser, "catalogue", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.training import devices

    if arguments.count_gpus:
        print(len(devices.available()))
        return
    from mmbench.config import read_datasets
    from mmbench.datasets import probe_sources
    from mmbench.exchange.dvc import cache_advice

    report = {
        "python": sys.version.split()[0],
        **{package: version(package) for package in _PACKAGES},
        "cores": len(os.sched_getaffinity(0)),
        "devices": devices.available() or ["cpu only"],
        "threads set by the environment": os.environ.get("OMP_NUM_THREADS", "no"),
        "free disk (GB)": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        "mirror": os.environ.get("MMBENCH_MIRROR", "none"),
        "DVC cache": cache_advice(),
    }
    sources = probe_sources(read_datasets(arguments.catalogue))
    if arguments.json:
        print_json({**report, "sources": sources})
        return
    print_rows([{"what": key, "found": value} for key, value in report.items()])
    print()
    print_rows(sources)
