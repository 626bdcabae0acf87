"""A copy of the workflow in a folder of its own, and real calls of Snakemake in it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

METHOD = '''
"""A method of a test: the sign of the first feature, after a pause."""
import time
from dataclasses import dataclass
import numpy as np
from pydantic import ConfigDict

@dataclass(frozen=True)
class Mine:
    __pydantic_config__ = ConfigDict(extra="forbid")
    pause: float = 0.0
    shift: int = 0

    def fit_predict(self, data, *, seed, device="cpu", log=None):
        time.sleep(self.pause)
        first = data.paired_features()[0][:, 0]
        return (first > np.median(first)).astype(int) + self.shift

METHOD = Mine
'''


@dataclass
class WorkflowFolder:
    """A folder with a copy of the workflow, and calls of Snakemake in it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def configure(self, **keys: object) -> None:
        """Make a benchmark on toy data the default one."""
        config = {
            "name": "default",
            "datasets": ["toy-3view"],
            "methods": ["mine", "majority"],
            "method_catalogues": ["config/methods.yaml", "config/mine.yaml"],
            "seeds": 2,
            **keys,
        }
        self.write("config/config.yaml", yaml.safe_dump(config))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        # the commands of the rules are those of this environment
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env={**os.environ, "PATH": path, **self.environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # a shell starts background processes with Ctrl-C ignored, and children inherit it
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def snakemake(self, *arguments: str, cores: int = 2, ok: bool = True) -> str:
        process = self.start("snakemake", "--cores", str(cores), *arguments)
        output, _ = process.communicate(timeout=300)
        assert (process.returncode == 0) == ok, output + self.logs()
        return output

    def planned(self, *arguments: str) -> list[str]:
        """Return the blocks that a dry run would fit, as method/seeds."""
        output = self.snakemake("-n", *arguments)
        return sorted(
            f"{method}/{seeds}"
            for method, seeds in re.findall(
                r"output: results/runs/[^/]+/([^/]+)/[^/]+/([^/]+)/assignments\.npz", output
            )
        )

    def logs(self) -> str:
        paths = [*self.folder.glob("logs/**/*.log"), *self.folder.glob("results/runs/**/fit.log")]
        return "".join(f"\n== {path}\n{path.read_text()}" for path in paths)

    def records(self, method: str) -> list[dict[str, object]]:
        found = sorted(self.folder.glob(f"results/runs/*/{method}/*/*/runs.json"))
        return [record for path in found for record in json.loads(path.read_text())]


@pytest.fixture
def project(tmp_path) -> WorkflowFolder:
    """Give a copy of the workflow with one more method, `mine`, in a file outside mmbench."""
    for name in ("Snakefile", "workflow", "config", "profiles"):
        source, target = ROOT / name, tmp_path / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    made = WorkflowFolder(tmp_path)
    made.write("mine.py", METHOD)
    made.write("config/mine.yaml", "mine: {uses: mine.py, seeds_per_job: 5}\n")
    made.configure()
    return made
