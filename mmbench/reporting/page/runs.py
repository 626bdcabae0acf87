"""The runs of a data set, as its script file contains them: one entry for each method.

Numbers are rounded and curves thinned, so that the folder stays small. The full scores are in
`scores/{dataset}.csv`, the full curves in `details/{dataset}.npz`.
"""

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Curve
from mmbench.reporting.scores import BEST_VIEW, DatasetScores
from mmbench.reporting.spec import MethodSpec, ReportSpec

MAX_POINTS = 80  # of a curve
ORACLE_CURVE = "ACC of the checkpoints (oracle)"

# the columns of a record that are numbers
_NUMBERS = re.compile(r"seconds_\w+|memory_\w+")
_ENTRY = {"dataset", "method", "seed"}
_OUTCOME = {"status", "reason", "log_tail"}


def runs_of(report: ReportContext, scores: DatasetScores) -> dict[str, Any]:
    """Return the content of the script file of a data set.

    Returns:
        `axes`, the epochs that curves share, and `methods`: for each method its `command`,
        `common` (the part of the record that is the same in all runs), `runs`, `scores` (by
        selection, subset and metric, a value for each run or None) and `curves` (by term and
        seed, an index into `axes` and the values).
    """
    details = report.details_of(scores.name)
    axes: dict[tuple[int, ...], int] = {}
    values = _scores(scores)
    methods = {}
    for method in report.spec.methods:
        curves: dict[str, dict[str, Any]] = {}
        for term in [*details.terms(method.name), ""]:
            for seed, curve in details.by_seed(method.name, term).items():
                if curve.shape[1] > 1:
                    by_seed = curves.setdefault(term or ORACLE_CURVE, {})
                    by_seed[str(seed)] = _thinned(curve, axes)
        methods[method.name] = {
            "command": command(report.spec, scores, method),
            **_records(scores.records[method.name]),
            "scores": values.get(method.name, {}),
            "curves": curves,
        }
    return {"axes": [list(axis) for axis in axes], "methods": methods}


def command(spec: ReportSpec, scores: DatasetScores, method: MethodSpec) -> str:
    """Return the command line that trains a cell again, with every seed of the benchmark.

    It is empty for imported runs. A row of a sweep has no entry in the catalogue, so its command
    names the entry that is swept, with the parameters of the row.
    """
    if method.uses == "imported":
        return ""
    record = next(iter(scores.records[method.name].values()))
    is_swept = method.varied and method.varied.items() <= method.params.items()
    name = method.base if is_swept else method.name
    arguments = ["mmbench", "run", name, scores.name, "--seeds", str(max(spec.seeds) + 1)]
    for key, value in method.params.items():  # those of the catalogue belong to the name
        arguments += ["--set", f"{key}={json.dumps(value)}"]
    arguments += ["--precision", record.get("precision") or "float32"]
    if (record.get("threads") or "1") != "1":
        arguments += ["--threads", record["threads"]]
    return shlex.join(arguments)


def _records(records: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    """Return the runs of a method and, apart from them, what is the same in all."""
    first, *others = records.values()
    common = {
        key: _value(key, text)
        for key, text in first.items()
        if key not in _ENTRY | _OUTCOME and text and all(o.get(key) == text for o in others)
    }
    runs = [
        {"seed": seed}
        | {k: _value(k, x) for k, x in record.items() if x and k not in _ENTRY | common.keys()}
        for seed, record in records.items()
    ]
    return {"common": common, "runs": runs}


def _value(key: str, text: str) -> str | float:
    """Return seconds and memory with four significant digits, other columns as text."""
    return float(f"{float(text):.4g}") if _NUMBERS.fullmatch(key) else text


def _scores(scores: DatasetScores) -> dict[str, Any]:
    """Return by method, selection, subset and metric the value of each run, or None."""
    found: dict[str, Any] = {}
    for (method, selection, subset, metric), by_seed in scores.scores.items():
        if method not in scores.records:
            continue
        values = [
            round(by_seed[seed], 4) if seed in by_seed else None for seed in scores.records[method]
        ]
        name = "best view" if subset == BEST_VIEW else subset
        by_subset = found.setdefault(method, {}).setdefault(selection, {})
        by_subset.setdefault(name, {})[metric] = values
    return found


def _thinned(curve: Curve, axes: dict[tuple[int, ...], int]) -> tuple[int, Sequence[float | None]]:
    """Return the number of a curve's epochs among `axes`, and its values.

    At most `MAX_POINTS` are kept, evenly spaced, with both ends. Values that are not finite
    become None.
    """
    n_points = curve.shape[1]
    chosen = np.linspace(0, n_points - 1, min(n_points, MAX_POINTS)).round().astype(int)
    axis = tuple(curve[0, chosen].astype(int).tolist())
    values = [float(f"{y:.4g}") if math.isfinite(y) else None for y in curve[1, chosen].tolist()]
    return axes.setdefault(axis, len(axes)), values
