"""The command for people that tries one method on one data set."""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import yaml

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
    print_rows,
)
from mmbench.config import MethodEntry, read_methods
from mmbench.errors import InputError, unknown

_TRIED = Path("data/tried")
_METRICS = ("acc", "nmi", "ari")


def add_commands(commands: Commands) -> None:
    """Declare run."""
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
    add_mirror(run_)
    run_.add_argument(
        "--show-augmentations",
        type=Path,
        metavar="FILE.png",
        help="write a sheet of augmented images instead of training",
    )
    add_catalogues(run_, datasets=True, methods=True)
    add_json(run_)


def run(arguments: argparse.Namespace) -> int:
    """Try one method on one data set; nothing is left in results/.

    Fetches and prepares the data set if it is not here, trains every seed with a progress
    bar, scores the last epoch and prints the scores.
    """
    from mmbench.cli.progress import Progress
    from mmbench.plan import resolved
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
        block = Path(scratch, "block")
        options = {
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
        job = checked(Job, options, where="run")
        with Progress(epochs=_schedule(params), n_seeds=len(seeds)) as progress:
            fit(job, block, on_event=progress)
        rows = _scores(block, processed / "samples.csv")
    return _print_scores(rows, as_json=arguments.json)


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

    (entry,) = dataset_arguments([arguments.dataset], arguments.catalogue)
    raw = RAW / entry.root
    processed: Path = PROCESSED / entry.name
    if not is_prepared(entry, processed):
        processed = _TRIED / entry.name / recipe(entry)
    if not is_prepared(entry, processed):
        for other in processed.parent.glob("*"):  # of the entry as it was
            if other != processed:  # which another `run` may be writing now
                shutil.rmtree(other, ignore_errors=True)
        status = fetch(entry, raw, mirror=arguments.mirror)
        if status.status != "ok":
            raise InputError(f"{entry.name}: {status.reason}; see {raw / 'status.json'}")
        prepare(entry, raw, processed)
    return processed


def _show_augmentations(
    arguments: argparse.Namespace, name: str, uses: str, params: dict[str, Any]
) -> None:
    """Write a sheet of the images that a method would see."""
    from mmbench.cli.augmentation_sheet import Augmenting, augmentation_sheet
    from mmbench.data import Dataset, IncompatibleDataError
    from mmbench.methods import build

    path, option = arguments.show_augmentations, "run: --show-augmentations"
    if path.suffix.lower() != ".png":
        raise InputError(f"{option}: expected a file that ends in .png, got {str(path)!r}")
    method = build(uses, params, where=name)
    if not isinstance(method, Augmenting):
        raise InputError(f"{option}: expected a method that augments images, got {name!r}")
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


def _scores(block: Path, samples: Path) -> list[dict[str, Any]]:
    """Return a row for each run of a block: seed, status, scores, seconds and reason."""
    from mmbench.evaluation.samples import read_samples
    from mmbench.evaluation.scoring import check_assignments, score_run
    from mmbench.runs import read_runs

    known = read_samples(samples)
    rows = []
    for run in read_runs(block):
        record = run.record
        scores: dict[str, float] = {}
        if record.status == "ok":
            check_assignments(run, len(known.y_true), block)
            scores = {
                score.metric: round(score.value, 6)
                for score in score_run(run, known)
                if (score.selection, score.subset) == ("last", "all")
            }
        rows.append(
            {
                "seed": str(record.seed),
                "status": record.status,
                **{metric: scores.get(metric) for metric in _METRICS},
                "seconds": round(record.seconds.get("total", float("nan")), 6),
                "reason": " ".join(record.reason.split()),
            }
        )
    return rows


def _print_scores(rows: list[dict[str, Any]], *, as_json: bool) -> int:
    """Print the scores of every seed, and of several their mean and standard deviation.

    Returns:
        1 if no seed has a score although the method could be applied, else 0.
    """
    scored = [row for row in rows if row["acc"] is not None]
    failed = not scored and any(row["status"] != "not_applicable" for row in rows)
    if len(scored) > 1 and not as_json:
        for label, summary in (("mean", statistics.mean), ("sd", statistics.stdev)):
            values = {metric: summary(row[metric] for row in scored) for metric in _METRICS}
            rows = [
                *rows,
                {"seed": label, "status": "", **values, "seconds": None, "reason": ""},
            ]
    print_rows(rows, as_json=as_json)
    return int(failed)
