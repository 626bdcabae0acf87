"""Try one method on one data set; nothing is left in results/.

Fetches and prepares the data set if necessary, trains every seed with a progress bar, scores the
last epoch and prints the scores.

Example:
    mmbench run kmeans-concat handwritten --seeds 5 --set n_init=5
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmbench.cli.common import add_options, dataset_arguments, print_rows
from mmbench.errors import InputError, unknown
from mmbench.files import PROCESSED, RAW

if TYPE_CHECKING:
    from mmbench.config import MethodEntry

_TRIED = Path("data/tried")
_METRICS = ("acc", "nmi", "ari")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="an entry, a module, or a path to a .py")
    parser.add_argument("dataset", metavar="DATASET", help="a name from the catalogue")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0..n-1 (default: 1)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assigned")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--gpus", type=int, help="GPUs to take (default: as the entry says)")
    parser.add_argument("--threads", type=int, default=1, help="threads to use (default: 1)")
    parser.add_argument(
        "--show-augmentations",
        type=Path,
        metavar="FILE.png",
        help="write a sheet of augmented images instead of training",
    )
    add_options(parser, "mirror", "catalogue", "methods", "json")


def run(arguments: argparse.Namespace) -> int:
    from mmbench.checks import checked
    from mmbench.cli.progress import progress_bar
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
    processed = _prepared(arguments)
    options = {
        "method": name,
        "uses": entry.uses,
        "params": params,
        "precision": arguments.precision,
        "fingerprint": "",
        "views": processed / "views.safetensors",
        "seeds": tuple(range(arguments.seeds)),
        "threads": arguments.threads,
        "gpus": int(entry.gpu) if arguments.gpus is None else arguments.gpus,
        "timeout_minutes": entry.timeout_minutes,
        "restarts": entry.restarts,
        "checkpoint": entry.checkpoint,
    }
    job = checked(Job, options, where="run")
    # a method with several phases has several numbers of epochs
    epochs = [v for key, v in params.items() if key.endswith("epochs") and isinstance(v, int)]
    with tempfile.TemporaryDirectory(prefix="mmbench-run-") as scratch:
        folder = Path(scratch, "block")
        with progress_bar(sum(epochs) or None, n_seeds=arguments.seeds) as on_event:
            fit(job, folder, on_event=on_event)
        rows = _scores(folder, processed / "samples.csv")
    scored = [row for row in rows if row["acc"] is not None]
    failed = not scored and any(row["status"] != "not_applicable" for row in rows)
    if len(scored) > 1 and not arguments.json:
        for label, summary in (("mean", statistics.mean), ("sd", statistics.stdev)):
            values = {metric: summary(row[metric] for row in scored) for metric in _METRICS}
            rows.append({"seed": label, "status": "", **values, "seconds": None, "reason": ""})
    print_rows(rows, as_json=arguments.json)
    return int(failed)


def _method(name: str, catalogues: list[Path]) -> "tuple[str, MethodEntry]":
    """Return the entry of a method; a module or a file without one gets a minimal entry."""
    from mmbench.config import MethodEntry, read_methods

    entries = read_methods(catalogues)
    if name in entries:
        return name, entries[name]
    if name.endswith(".py") or "." in name:
        return Path(name).stem.replace(".", "-"), MethodEntry(uses=name)
    raise unknown("method", name, entries, where=", ".join(map(str, catalogues)))


def _assigned(pairs: list[str]) -> dict[str, Any]:
    """Return the parameters of `--set key=value`, values read as YAML."""
    import yaml

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


def _prepared(arguments: argparse.Namespace) -> Path:
    """Return the folder of the prepared data set, which is fetched and prepared if necessary.

    Data that the workflow prepared are used if they are of the same entry. Data that are prepared
    here have a folder of their own, named by a digest of the entry: an edited entry is prepared
    again, and the workflow never uses data whose entry it does not know.
    """
    from mmbench.datasets import fetch, is_prepared, prepare, recipe

    (entry,) = dataset_arguments([arguments.dataset], arguments.catalogue)
    raw = RAW / entry.root
    processed: Path = PROCESSED / entry.name
    if not is_prepared(entry, processed):
        processed = _TRIED / entry.name / recipe(entry)
    if not is_prepared(entry, processed):
        for other in processed.parent.glob("*"):
            if other != processed:  # of an earlier entry; another `run` may be writing this one
                shutil.rmtree(other, ignore_errors=True)
        status = fetch(entry, raw, mirror=arguments.mirror)
        if status.status != "ok":
            raise InputError(f"{entry.name}: {status.reason}; see {raw / 'status.json'}")
        prepare(entry, raw, processed)
    return processed


def _show_augmentations(
    arguments: argparse.Namespace, name: str, uses: str, params: dict[str, Any]
) -> None:
    from mmbench.cli.augmentation_sheet import Augmenting, augmentation_sheet
    from mmbench.data import Dataset, IncompatibleDataError
    from mmbench.methods import build

    path, option = arguments.show_augmentations, "run: --show-augmentations"
    if path.suffix.lower() != ".png":
        raise InputError(f"{option}: expected a file that ends in .png, got {str(path)!r}")
    method = build(uses, params, where=name)
    if not isinstance(method, Augmenting):
        raise InputError(f"{option}: expected a method that augments images, got {name!r}")
    data = Dataset.load(_prepared(arguments) / "views.safetensors")
    try:
        augmentation_sheet(method, data.images(held_out=True), path)
    except IncompatibleDataError as error:
        raise InputError(f"{option}: {arguments.dataset}: {error}") from None
    print(path)


def _scores(folder: Path, samples: Path) -> list[dict[str, Any]]:
    """Return a row for each run of a block: seed, status, scores, seconds and reason."""
    from mmbench.evaluation.samples import read_samples
    from mmbench.evaluation.scoring import check_assignments, score_run
    from mmbench.runs import read_runs

    known = read_samples(samples)
    rows = []
    for run in read_runs(folder):
        record = run.record
        row: dict[str, Any] = {"seed": str(record.seed), "status": record.status}
        row |= dict.fromkeys(_METRICS)
        if record.status == "ok":
            check_assignments(run, len(known.y_true), folder)
            for score in score_run(run, known):
                if score.metric in row and (score.selection, score.subset) == ("last", "all"):
                    row[score.metric] = round(score.value, 6)
        row["seconds"] = round(record.seconds.get("total", float("nan")), 6)
        rows.append({**row, "reason": " ".join(record.reason.split())})
    return rows
