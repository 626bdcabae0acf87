"""Literal types that configs, data, runs and reports share."""

from typing import Literal

# How the views of a data set describe its samples, see `mmbench.data.Dataset`.
DataSetting = Literal["paired", "mixed", "incomplete", "images"]

# Why the views of a sample belong together: they show the same object, or different objects
# of the same class; "none" for a single view.
Pairing = Literal["same-object", "by-label", "none"]

# What an implementation was checked against: the released code, the paper, or nothing published;
# classical baselines and controls have no such claim.
Fidelity = Literal["reference", "paper", "ours", "baseline", "control"]

# The floating-point precision of training.
Precision = Literal["float32", "bfloat16"]

# Which checkpoint of a training is its result: the last epoch, or the one of lowest loss.
Checkpoint = Literal["last", "lowest_loss"]

# How the run of one seed ended.
Status = Literal[
    "ok",
    "not_applicable",
    "diverged",
    "out_of_memory",
    "timed_out",
    "crashed",
    "data_unavailable",
]
