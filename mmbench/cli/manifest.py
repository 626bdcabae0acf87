"""Write results/{benchmark}/manifest.json: every file of a result, with its sha256.

It also holds the config, the versions, the commit, the checksums of the data and the selection.
`mmbench verify --files` checks the files against it.

Example:
    mmbench manifest
"""

import argparse

from mmbench.cli.common import PROCESSED, add_options, print_rows, read_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, "config", "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.exchange.manifest import write_manifest
    from mmbench.files import read_json

    path = write_manifest(read_jobs(arguments.config), processed=PROCESSED)
    files = read_json(path)["files"]
    n_bytes = sum(file["bytes"] for file in files.values())
    row = {"manifest": str(path), "files": len(files), "bytes": n_bytes}
    print_rows([row], as_json=arguments.json)
