r"""Cluster one data set with one method, for one block of seeds.

Example:
    mmbench fit '{"method": "kmeans-concat", "uses": "kmeans_concat"}' \
        --views data/processed/handwritten/views.safetensors --seeds 0-4 --folder /tmp/0-4
"""

import argparse
from pathlib import Path

from mmbench.cli.common import json_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="JSON", help="keys method, uses, params, precision")
    parser.add_argument("--views", type=Path, required=True, metavar="FILE", help="data to cluster")
    parser.add_argument("--seeds", required=True, help="a block of seeds, such as 0-4")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to take (default: 0)")
    parser.add_argument("--threads", type=int, default=1, help="threads to use (default: 1)")
    parser.add_argument("--timeout", type=float, default=60, help="minutes a seed (default: 60)")
    parser.add_argument("--slots-per-gpu", type=int, default=1, help="trainings that share a GPU")
    parser.add_argument("--fingerprint", default="", help="of the source, kept with the run")
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR", help="of the block")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.checks import checked
    from mmbench.runs import parse_seeds
    from mmbench.training import Job, fit

    options = {
        "params": {},
        "precision": "float32",
        **json_argument(arguments.method, "fit: method"),
        "fingerprint": arguments.fingerprint,
        "views": arguments.views,
        "seeds": parse_seeds(arguments.seeds),
        "threads": arguments.threads,
        "gpus": arguments.gpus,
        "timeout_minutes": arguments.timeout,
        "slots_per_gpu": arguments.slots_per_gpu,
    }
    for record in fit(checked(Job, options, where="fit"), arguments.folder):
        print(f"seed {record.seed}: {record.status} {record.reason}".rstrip())
