"""Fetch the original files of data sets and verify their checksums.

A source that cannot be reached is not an error: the status file and the printed table report it.
The mirror is a folder in which files are found by checksum, whatever their names.

Example:
    mmbench fetch handwritten
"""

import argparse
from pathlib import Path

from mmbench.cli.common import add_options, dataset_arguments, print_rows
from mmbench.errors import InputError
from mmbench.files import RAW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help="name, or entry as JSON")
    parser.add_argument("--all", action="store_true", help="every data set of the catalogue")
    parser.add_argument("--status", type=Path, metavar="FILE", help="status file to write")
    add_options(parser, "mirror", "catalogue", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.config import read_datasets
    from mmbench.datasets import fetch, verdict_rows

    if arguments.all:
        datasets = read_datasets(arguments.catalogue)
        entries = [entry for entry in datasets.values() if not entry.is_derived]
    else:
        entries = dataset_arguments(arguments.datasets, arguments.catalogue)
    if not entries:
        raise InputError("fetch: expected the name of a data set, or --all")
    statuses = []
    for entry in entries:
        folder = arguments.status.parent if arguments.status else RAW / entry.root
        statuses.append(fetch(entry, folder, mirror=arguments.mirror))
    print_rows(verdict_rows(statuses), as_json=arguments.json)
