r"""Score the runs of one data set against its labels.

Example:
    mmbench score handwritten --samples data/processed/handwritten/samples.csv \
        --select '{"kmeans-concat": ["3f2a9c10/0-4"]}' --seeds 0-4 \
        --scores /tmp/scores.csv --details /tmp/details.npz --records /tmp/records.csv
"""

import argparse
from pathlib import Path

from mmbench.cli.common import json_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="its name under results/runs")
    parser.add_argument("--samples", type=Path, required=True, metavar="FILE", help="the labels")
    parser.add_argument("--runs", type=Path, default=Path("results/runs"), metavar="DIR")
    parser.add_argument("--select", required=True, metavar="JSON", help="blocks by method")
    parser.add_argument("--seeds", required=True, help="the seeds to score, such as 0-4")
    parser.add_argument("--fingerprint", default="", help="of the scoring source, to record")
    for name in ("scores", "details", "records"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help="to write")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.evaluation.scoring import score
    from mmbench.runs import RunStore, parse_seeds

    score(
        arguments.dataset,
        arguments.samples,
        RunStore(arguments.runs),
        json_argument(arguments.select, "score: --select"),
        parse_seeds(arguments.seeds),
        fingerprint=arguments.fingerprint,
        scores=arguments.scores,
        details=arguments.details,
        records=arguments.records,
    )
