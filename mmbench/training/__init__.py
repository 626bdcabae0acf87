"""Train one block of seeds: device lease, child process, clock, records. Reads no labels.

`fit(job, assignments=…, records=…, finished_seeds=…)` trains; `release` undoes a stored block,
but for the seeds that ended well.
"""

from mmbench.training.block import fit, release
from mmbench.training.job import Event, Job

__all__ = ["Event", "Job", "fit", "release"]
