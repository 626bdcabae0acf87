"""Convert the original files of a data set to views and, in a separate file, labels.

Example:
    mmbench prepare handwritten
"""

import argparse
from pathlib import Path

from mmbench.cli.common import add_options, dataset_arguments
from mmbench.files import PROCESSED, RAW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="name, or entry as JSON")
    parser.add_argument("--status", type=Path, metavar="FILE", help="status file of the fetch")
    parser.add_argument("--views", type=Path, metavar="FILE", help="views file to write")
    add_options(parser, "catalogue")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.datasets import prepare

    (entry,) = dataset_arguments([arguments.dataset], arguments.catalogue)
    raw = arguments.status.parent if arguments.status else RAW / entry.root
    out = arguments.views.parent if arguments.views else PROCESSED / entry.name
    prepare(entry, raw, out)
