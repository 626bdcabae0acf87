"""What DVC reads of a benchmark: means by cell, and one row for each seed."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from mmbench.reporting import ReportSpec
from mmbench.reporting.context import ReportContext
from mmbench.reporting.metrics_file import metrics, write_metrics
from mmbench.reporting.scores import DatasetScores

SPEC = ReportSpec.model_validate(
    {
        "name": "two",
        "seeds": [0, 1, 2],
        "datasets": [
            {"name": name, "title": name, "pairing": "none", "data_setting": "paired"}
            for name in ("digits", "away")
        ],
        "methods": [
            {"name": name, "title": name, "fidelity": "baseline"} for name in ("one", "none")
        ],
    }
)
ACC = {0: 0.2, 2: 0.5}  # seed 1 failed
DIGITS = DatasetScores(
    SPEC.datasets[0],
    card={},
    records={},
    scores={
        ("one", "last", "all", "acc"): ACC,
        ("one", "last", "all", "nmi"): {0: 0.1, 2: 0.2},
        ("one", "last", "all", "ari"): {0: 1 / 3, 2: 1 / 3},
        ("one", "oracle", "all", "acc"): {0: 1.0, 2: 1.0},
        ("one", "last", "view:a", "acc"): {0: 0.9, 2: 0.9},
        ("none", "last", "view:a", "acc"): {0: 0.9, 2: 0.9},
    },
)
AWAY = replace(DIGITS, dataset=SPEC.datasets[1], scores={})
REPORT = ReportContext(SPEC, [DIGITS, AWAY])


def test_a_cell_is_the_mean_over_seeds_that_ended_ok_and_no_oracle():
    found = metrics(REPORT)
    assert found == {"digits": {"one": {"acc": 0.35, "nmi": 0.15, "ari": 0.333333}}}
    assert found["digits"]["one"]["acc"] == pytest.approx(np.mean(list(ACC.values())))


def test_both_files_are_written_and_have_the_same_means(tmp_path):
    write_metrics(REPORT, tmp_path)
    means = json.loads((tmp_path / "metrics.json").read_text())
    with (tmp_path / "seeds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["cell"], row["seed"]) for row in rows] == [
        ("digits/one", "0"),
        ("digits/one", "2"),
    ]
    for metric, mean in means["digits"]["one"].items():
        assert np.mean([float(row[metric]) for row in rows]) == pytest.approx(mean, abs=1e-6)
