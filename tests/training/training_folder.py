"""A data set, outputs and toy methods in a temporary folder, to train for real."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mmbench.runs import read_runs
from mmbench.training import Job, fit

METHOD = """\
import os, signal, sys, time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmbench.data import IncompatibleDataError
{imports}

@dataclass(frozen=True)
class Toy:
    __pydantic_config__ = {{"extra": "forbid"}}

    folder: str = "."
    factor: int = 1

    def fit_predict(self, data, *, seed, device="cpu", log=None):
        folder = Path(self.folder)
        y_pred = np.random.default_rng(seed).integers(data.n_clusters, size=data.n_samples)
{body}
        return y_pred


METHOD = Toy
"""

# `python -c DRIVER` reads a job from its standard input and trains it in a process of its own
DRIVER = """\
import json, sys
from pathlib import Path
from mmbench.training import Job, fit
request = json.load(sys.stdin)
folder = Path(request.pop("folder"))
job = Job(**request | {"views": Path(request["views"]), "seeds": tuple(request["seeds"])})
print([record.status for record in fit(job, folder)], flush=True)
"""


@dataclass(frozen=True)
class TrainingFolder:
    """A folder in which toy methods are trained on one data set."""

    folder: Path
    views: Path

    def method(self, body, *, imports="", name="toy"):
        """Write a method that first draws y_pred by its seed, then does what `body` says."""
        path = self.folder / f"{name}.py"
        indented = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
        path.write_text(METHOD.format(body=indented, imports=imports))
        return path

    def job(self, method, **changes):
        settings = {
            "method": "toy",
            "uses": str(method),
            "params": {"folder": str(self.folder), "factor": 1},
            "precision": "float32",
            "fingerprint": "f",
            "views": self.views,
            "seeds": (0,),
            "threads": 1,
            "gpus": 0,
            "timeout_minutes": 1.0,
        }
        return Job(**settings | changes)

    def block(self, name="block"):
        return self.folder / name

    @property
    def finished_seeds(self):
        return self.folder / ".finished_seeds"

    def fit(self, job, *, block="block", **options):
        return fit(job, self.block(block), **options)

    def runs(self, block="block"):
        return read_runs(self.block(block))

    def try_out(self, body, *, imports="", **changes):
        """Train one method as `body` says; return the run of its last seed."""
        self.fit(self.job(self.method(body, imports=imports), **changes))
        return self.runs()[-1]

    def command(self, job, *, block="block"):
        """Return a command that trains a job, and its standard input."""
        request = asdict(job) | {"folder": self.block(block)}
        return [sys.executable, "-c", DRIVER], json.dumps(request, default=str)

    def start(self, job, *, block="block"):
        command, request = self.command(job, block=block)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell starts background processes with Ctrl-C ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        process.stdin.write(request)
        process.stdin.close()
        process.stdin = None  # so that communicate() does not close it again
        return process


def wait_for(condition, *, seconds=30):
    """Return the value of `condition` as soon as it is true."""
    ends = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < ends, f"not within {seconds} s"
        time.sleep(0.02)
    return value


def is_alive(pid):
    """Return whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"
