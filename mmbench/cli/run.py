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
from mmbench.files import read_csv

_TRIED = Path("data/tried")


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
    from mmbench.plan import format_seeds, params_hash_of, resolved
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
        params_hash = params_hash_of(params, arguments.precision, restarts=entry.restarts)
        cell = Path(scratch, arguments.dataset, name, params_hash)
        block = cell / format_seeds(seeds)
        told = {
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
        job = checked(Job, told, where="run")
        with Progress(epochs=_schedule(params), n_seeds=len(seeds)) as progress:
            fit(
                job,
                assignments=block / "assignments.npz",
                records=block / "runs.json",
                finished_seeds=cell / ".finished_seeds",
                on_event=progress,
            )
        return _print_scores(arguments, name, params_hash, processed, Path(scratch), seeds)


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
    from mmbench.data import Dataset, IncompatibleDataError
    from mmbench.methods import build
    from mmbench.nn.augment import Augmenting, augmentation_sheet

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


def _print_scores(
    arguments: argparse.Namespace,
    method: str,
    params_hash: str,
    processed: Path,
    runs: Path,
    seeds: tuple[int, ...],
) -> int:
    """Score the runs in the scratch folder and print every seed, their mean and deviation.

    Returns:
        1 where no seed has a score though the method could be applied, else 0.
    """
    from mmbench.evaluation.scoring import score

    files = {kind: runs / f"{kind}.csv" for kind in ("scores", "records")}
    score(
        arguments.dataset,
        processed / "samples.csv",
        runs,
        {method: params_hash},
        seeds,
        scores=files["scores"],
        records=files["records"],
        details=runs / "details.npz",
    )
    shown = ("acc", "nmi", "ari")
    values = {
        (row["seed"], row["metric"]): float(row["value"])
        for row in read_csv(files["scores"])
        if row["selection"] == "last" and row["subset"] == "all" and row["metric"] in shown
    }
    rows: list[dict[str, Any]] = []
    for record in read_csv(files["records"]):
        scores = {metric: values.get((record["seed"], metric)) for metric in shown}
        seconds = float(record["seconds_total"] or "nan")
        rows.append(
            {"seed": record["seed"], "status": record["status"], **scores}
            | {"seconds": seconds, "reason": record["reason"]}
        )
    scored = [row for row in rows if row["acc"] is not None]
    if len(scored) > 1 and not arguments.json:
        for label, summary in (("mean", statistics.mean), ("sd", statistics.stdev)):
            figures = {metric: summary(row[metric] for row in scored) for metric in shown}
            rows.append({"seed": label, "status": "", **figures, "seconds": None, "reason": ""})
    print_rows(rows, as_json=arguments.json)
    return int(not scored and any(row["status"] != "not_applicable" for row in rows))
