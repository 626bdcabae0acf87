"""The five verbs, as the rules of the workflow call them: read files, call, write files."""

import argparse
from pathlib import Path

from mmbench.checks import checked
from mmbench.cli.common import (
    PROCESSED,
    RAW,
    Commands,
    add_catalogues,
    add_command,
    add_json,
    add_mirror,
    dataset_arguments,
    json_argument,
    print_rows,
)
from mmbench.config import read_datasets
from mmbench.errors import InputError
from mmbench.files import write_json


def add_commands(commands: Commands) -> None:
    """Declare fetch, prepare, fit, score and report."""
    fetch_ = add_command(commands, fetch, name="fetch", example="mmbench fetch handwritten")
    fetch_.add_argument("datasets", nargs="*", metavar="DATASET", help="name, or entry as JSON")
    fetch_.add_argument("--all", action="store_true", help="every data set of the catalogue")
    fetch_.add_argument("--status", type=Path, metavar="FILE", help="status file to write")
    add_mirror(fetch_)
    add_catalogues(fetch_, datasets=True, methods=False)
    add_json(fetch_)

    prepare_ = add_command(commands, prepare, name="prepare", example="mmbench prepare handwritten")
    prepare_.add_argument("dataset", metavar="DATASET", help="name, or entry as JSON")
    prepare_.add_argument("--status", type=Path, metavar="FILE", help="status file of the fetch")
    prepare_.add_argument("--views", type=Path, metavar="FILE", help="views file to write")
    add_catalogues(prepare_, datasets=True, methods=False)

    fit_ = add_command(
        commands,
        fit,
        name="fit",
        example=(
            'mmbench fit \'{"method": "kmeans-concat", "uses": "kmeans_concat"}\''
            " --views data/processed/handwritten/views.safetensors --seeds 0-4"
            " --folder /tmp/0-4"
        ),
    )
    fit_.add_argument("method", metavar="JSON", help="keys method, uses, params, precision")
    fit_.add_argument("--views", type=Path, required=True, metavar="FILE", help="what to cluster")
    fit_.add_argument("--seeds", required=True, help="a block of seeds, such as 0-4")
    fit_.add_argument("--gpus", type=int, default=0, help="GPUs to take (default: 0)")
    fit_.add_argument("--threads", type=int, default=1, help="threads to use (default: 1)")
    fit_.add_argument("--timeout", type=float, default=60, help="minutes a seed (default: 60)")
    fit_.add_argument("--slots-per-gpu", type=int, default=1, help="trainings that share a GPU")
    fit_.add_argument("--fingerprint", default="", help="of the source, kept with the run")
    fit_.add_argument("--folder", type=Path, required=True, metavar="DIR", help="of the block")

    score_ = add_command(
        commands,
        score,
        name="score",
        example=(
            "mmbench score handwritten --samples data/processed/handwritten/samples.csv"
            ' --select \'{"kmeans-concat": ["3f2a9c10/0-4"]}\' --seeds 0-4 --scores /tmp/scores.csv'
            " --details /tmp/details.npz --records /tmp/records.csv"
        ),
    )
    score_.add_argument("dataset", metavar="DATASET", help="its name under results/runs")
    score_.add_argument("--samples", type=Path, required=True, metavar="FILE", help="the labels")
    score_.add_argument("--runs", type=Path, default=Path("results/runs"), metavar="DIR")
    score_.add_argument("--select", required=True, metavar="JSON", help="blocks by method")
    score_.add_argument("--seeds", required=True, help="the seeds that count, such as 0-4")
    score_.add_argument("--fingerprint", default="", help="of the source that scores, to record")
    score_.add_argument("--scores", type=Path, required=True, metavar="FILE", help="to write")
    score_.add_argument("--details", type=Path, required=True, metavar="FILE", help="to write")
    score_.add_argument("--records", type=Path, required=True, metavar="FILE", help="to write")

    report_ = add_command(
        commands,
        report,
        name="report",
        example='mmbench report "$(mmbench plan --spec --config config/smoke.yaml)"',
    )
    report_.add_argument("spec", metavar="JSON", help="the benchmark: data sets, methods, seeds")
    report_.add_argument("--results", type=Path, metavar="DIR", help="default: results/{name}")
    report_.add_argument("--cards", type=Path, default=Path("data/processed"), metavar="DIR")


def fetch(arguments: argparse.Namespace) -> None:
    """Bring the original files of data sets, their checksums verified.

    A source that cannot be reached is not a failure: the status file and the printed table
    report it. The mirror is a folder in which files are found by checksum, whatever their names.
    """
    from mmbench.datasets import fetch as fetch_files
    from mmbench.datasets import verdict_rows

    if arguments.all:
        datasets = read_datasets([Path(path) for path in arguments.catalogue])
        entries = [entry for entry in datasets.values() if not entry.is_derived]
    else:
        entries = dataset_arguments(arguments.datasets, arguments.catalogue)
    if not entries:
        raise InputError("fetch: expected the name of a data set, or --all")
    statuses = []
    for entry in entries:
        folder = arguments.status.parent if arguments.status else RAW / entry.root
        statuses.append(fetch_files(entry, folder, mirror=arguments.mirror))
    print_rows(verdict_rows(statuses), as_json=arguments.json)


def prepare(arguments: argparse.Namespace) -> None:
    """Turn the original files of a data set into views and, apart from them, labels."""
    from mmbench.datasets import prepare as prepare_files

    (entry,) = dataset_arguments([arguments.dataset], arguments.catalogue)
    raw = arguments.status.parent if arguments.status else RAW / entry.root
    out = arguments.views.parent if arguments.views else PROCESSED / entry.name
    prepare_files(entry, raw, out)


def fit(arguments: argparse.Namespace) -> None:
    """Cluster one data set with one method, for one block of seeds."""
    from mmbench.runs import parse_seeds
    from mmbench.training import Job
    from mmbench.training import fit as fit_block

    told = {
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
    job = checked(Job, told, where="fit")
    for record in fit_block(job, arguments.folder):
        print(f"seed {record.seed}: {record.status} {record.reason}".rstrip())


def score(arguments: argparse.Namespace) -> None:
    """Score the runs of one data set against its labels."""
    from mmbench.evaluation.scoring import score as score_runs
    from mmbench.runs import RunStore, parse_seeds

    score_runs(
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


def report(arguments: argparse.Namespace) -> None:
    """Make the tables and figures of a benchmark from its scores."""
    from mmbench.reporting import ReportSpec
    from mmbench.reporting import report as make_report

    told = json_argument(arguments.spec, "report")
    spec = checked(ReportSpec, told, where="report")
    results = arguments.results or Path("results", spec.name)
    make_report(spec, results=results, cards=arguments.cards)
    write_json(results / "benchmark.json", told)  # what `mmbench show` reads the tables by
