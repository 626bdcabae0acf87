"""List the data sets or the methods of the catalogues.

Example:
    mmbench list datasets
"""

import argparse

from mmbench.cli.common import add_options, print_rows
from mmbench.files import RAW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["datasets", "methods"])
    add_options(parser, "catalogue", "methods", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.config import read_datasets, read_methods
    from mmbench.datasets import catalogue_rows

    if arguments.what == "methods":
        keys = ("title", "uses", "fidelity", "gpu", "citation")
        rows = []
        for name, entry in read_methods(arguments.methods).items():
            row = {"method": name} | {key: getattr(entry, key) for key in keys}
            rows.append(row | {"title": entry.title or name})
    else:
        rows = catalogue_rows(read_datasets(arguments.catalogue), RAW)
    print_rows(rows, as_json=arguments.json)
