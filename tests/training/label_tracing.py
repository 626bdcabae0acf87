"""Trace the files that a command touches, to see whether it ever reaches for labels."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def label_accesses(command, *, stdin="", labels="samples.csv", cwd=None):
    """Run a command under strace and return the system calls that name the file of labels.

    Every process that it starts is followed. A call counts whether it succeeds or not, and
    under whatever name: strace adds the true path of the file that was opened. (Python's audit
    hooks would not see what a library written in C opens.) The calling test is skipped, and
    says so, where strace is missing or not allowed to trace.

    Args:
        command: what to run, as a list.
        stdin: its standard input.
        labels: the name of the file that must not be touched.
        cwd: where to run it.

    Raises:
        AssertionError: the command failed, or the trace shows not even its own data, so that
            an empty answer would mean nothing.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: the files that a training opens are not traced")
    if subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here: the files that a training opens are not traced")
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace")
        # -y: with the true path of what was opened; -s: paths are not cut short
        strace = ["strace", "-f", "-y", "-s", "4096", "-e", "trace=%file", "-o", trace]
        done = subprocess.run(
            [*strace, *command], input=stdin, text=True, capture_output=True, cwd=cwd, check=False
        )
        assert done.returncode == 0, done.stderr
        calls = trace.read_text(errors="replace").splitlines()
    assert any("views.safetensors" in call for call in calls), "the trace shows no training"
    name = re.compile(rf"[/\"<]{re.escape(labels)}[\">]")
    return [call for call in calls if name.search(call)]
