"""Train one block of seeds: device lease, child process, time limit, records. Reads no labels."""

from mmbench.training.block import fit, reset_block
from mmbench.training.job import Event, Job

__all__ = ["Event", "Job", "fit", "reset_block"]
