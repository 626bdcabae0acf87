"""Data sets in the workflow: their entries reach the commands by value."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_a_corrected_title_or_url_runs_nothing_again_but_another_seed_does(project):
    project.configure(datasets=["toy-3view", "toy-unavailable"])
    project.snakemake("prepared")
    catalogue = project.folder / "config/datasets.yaml"
    written = catalogue.read_text()

    corrected = written.replace("manual:there is no such file", "manual:nobody has such a file")
    corrected = corrected.replace("title: Toy, never there", "title: Toy, not available")
    assert corrected != written
    catalogue.write_text(corrected)
    assert "Nothing to be done" in project.snakemake("-n", "prepared")

    catalogue.write_text(re.sub(r"(?m)^toy-3view:\n", "toy-3view:\n  seed: 7\n", written))
    planned = set(re.findall(r"(?m)^rule (\w+):", project.snakemake("-n", "prepared")))
    assert planned - {"prepared"} == {"prepare"}


def test_a_command_that_snakemake_prints_runs_where_there_is_no_catalogue(project, tmp_path):
    printed = project.snakemake("-n", "-p", "prepared")
    commands = re.findall(r"mmbench (?:fetch|prepare) .*?(?= > logs/)", printed)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    for command in commands:
        subprocess.run(command, shell=True, cwd=elsewhere, check=True, env=environment)
    assert len(commands) == 2
    assert (elsewhere / "data/processed/toy-3view/views.safetensors").is_file()
