"""The runs of a data set, as its script file tells them: one entry for each method.

Figures are rounded and curves thinned, so that the folder stays small: the scores in full are
in `scores/{dataset}.csv`, the curves in `details/{dataset}.npz`.
"""

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmbench.reporting.details import Curve, Details
from mmbench.reporting.scores import BEST_VIEW, DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

MAX_POINTS = 80  # of a curve
ORACLE_CURVE = "ACC of the checkpoints (oracle)"

# of a record, what the page shows as a figure; the rest is shown as it stands
_FIGURES = re.compile(r"seconds_\w+|memory_\w+")
_ENTRY = frozenset({"dataset", "method", "seed"})
_OUTCOME = frozenset({"status", "reason", "log_tail"})


def runs_of(spec: ReportSpec, stored: DatasetScores, details: Details) -> dict[str, Any]:
    """Return what the script file of a data set says.

    Returns:
        `axes`, the epochs that curves share, and `methods`: for each method its `command`,
        `common` (what is the same in all runs), `runs`, `scores` (by selection, subset and
        metric, a value for each run or None) and `curves` (by term and seed, an index into
        `axes` and the values).
    """
    axes: dict[tuple[int, ...], int] = {}
    scores = _scores(stored)
    methods = {
        method.name: {
            "command": command(spec, stored, method),
            **_records(stored.records[method.name]),
            "scores": scores.get(method.name, {}),
            "curves": {
                term or ORACLE_CURVE: {
                    str(seed): _thinned(curve, axes) for seed, curve in by_seed.items()
                }
                for term in [*details.terms(method.name), ""]
                if (by_seed := _curves(details, method.name, term))
            },
        }
        for method in spec.methods
    }
    return {"axes": [list(axis) for axis in axes], "methods": methods}


def command(spec: ReportSpec, stored: DatasetScores, method: MethodSpec) -> str:
    """Return the command line that trains a cell again, with every seed of the benchmark.

    Nothing is returned for what was imported. A row of a sweep is no entry of the catalogue: it
    is the entry that is swept, with the parameters that set the row apart.
    """
    if method.uses == "imported":
        return ""
    records = list(stored.records[method.name].values())
    is_swept = method.varied and all(
        key in method.params and method.params[key] == value for key, value in method.varied.items()
    )
    name = method.base if is_swept else method.name
    words = ["mmbench", "run", name, stored.dataset.name]
    words += ["--seeds", str(max(spec.seeds) + 1)]
    for key, value in method.params.items():  # the catalogue's own go with the name
        words += ["--set", f"{key}={json.dumps(value)}"]
    words += ["--precision", records[0].get("precision") or "float32"]
    if (records[0].get("threads") or "1") != "1":
        words += ["--threads", records[0]["threads"]]
    return shlex.join(words)


def _records(records: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    """Return the runs of a method, and apart from them what is the same in all."""
    first, *others = records.values()
    common = {
        key: _figure(key, value)
        for key, value in first.items()
        if key not in _ENTRY | _OUTCOME and value and all(o.get(key) == value for o in others)
    }
    runs = [
        {"seed": seed}
        | {k: _figure(k, x) for k, x in record.items() if x and k not in _ENTRY | common.keys()}
        for seed, record in records.items()
    ]
    return {"common": common, "runs": runs}


def _figure(key: str, value: str) -> str | float:
    """Return seconds with four significant digits, memory in whole bytes, else the text."""
    return float(f"{float(value):.4g}") if _FIGURES.fullmatch(key) else value


def _scores(stored: DatasetScores) -> dict[str, Any]:
    """Return by method, selection, subset and metric the value of each run, or None."""
    told: dict[str, Any] = {}
    for (method, selection, subset, metric), by_seed in stored.scores.items():
        if method not in stored.records:
            continue
        values = [
            round(by_seed[seed], 4) if seed in by_seed else None for seed in stored.records[method]
        ]
        name = "best view" if subset == BEST_VIEW else subset
        by_subset = told.setdefault(method, {}).setdefault(selection, {})
        by_subset.setdefault(name, {})[metric] = values
    return told


def _curves(details: Details, method: str, term: str) -> dict[int, Curve]:
    """Return the curves of a term by seed; one point is none."""
    return {s: c for s, c in details.by_seed(method, term).items() if c.shape[1] > 1}


def _thinned(curve: Curve, axes: dict[tuple[int, ...], int]) -> tuple[int, Sequence[float | None]]:
    """Return the number of a curve's epochs among `axes`, and its values.

    At most `MAX_POINTS`, evenly spaced, with both ends; what is not finite becomes None.
    """
    n_points = curve.shape[1]
    chosen = np.linspace(0, n_points - 1, min(n_points, MAX_POINTS)).round().astype(int)
    axis = tuple(curve[0, chosen].astype(int).tolist())
    values = [float(f"{y:.4g}") if math.isfinite(y) else None for y in curve[1, chosen].tolist()]
    return axes.setdefault(axis, len(axes)), values
