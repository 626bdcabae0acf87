"""The files that reproduce the software: versions, checksums, the container."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# the build differs from machine to machine, see docs/exchange.md
NOT_LOCKED = {"torch"}


def pinned():
    """Return the versions of constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def locked():
    """Return the version and the checksums of each entry of the lock file."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    entries = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        requirement, *hashes = line.split()
        name, version = requirement.split("==")
        entries[canonicalize_name(name)] = (version, hashes)
    return entries


def test_the_lock_file_has_the_versions_of_the_constraints():
    versions = {name: version for name, (version, _) in locked().items()}
    expected = {name: v for name, v in pinned().items() if name not in NOT_LOCKED}
    assert versions == expected, "make it again as docs/exchange.md says"


def test_every_locked_package_has_checksums():
    for name, (_, hashes) in locked().items():
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", hash_) for hash_ in hashes), name
        assert len(set(hashes)) == len(hashes), name


def test_every_dependency_of_the_project_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    names = [*project["dependencies"], *(name for extra in extras for name in extra)]
    for name in map(Requirement, names):
        known = canonicalize_name(name.name)
        assert known in locked() or known in NOT_LOCKED, name
        assert name.specifier.contains(pinned()[known]), name


@pytest.mark.parametrize("file", ["requirements.lock", "constraints.txt", "Containerfile"])
def test_no_file_contains_the_address_of_a_registry(file):
    text = (ROOT / file).read_text()
    assert not re.search(r"https?://|\w\.(org|com|io)\b|--(extra-)?index-url[ =]\w", text)


def test_the_container_runs_the_main_job_and_not_as_root():
    lines = (ROOT / "Containerfile").read_text().splitlines()
    instructions = [line.split(maxsplit=1) for line in lines if re.match(r"[A-Z]+ ", line)]
    assert ["FROM", "python:${PYTHON}-slim"] in instructions
    assert ["ENTRYPOINT", '["snakemake"]'] in instructions
    users = [rest for instruction, rest in instructions if instruction == "USER"]
    assert users == ["1000"]
    names = [name for name, _ in instructions]
    assert names[names.index("USER") :] == ["USER", "ENTRYPOINT", "CMD"]
    for instruction, rest in instructions:
        if instruction == "COPY":
            *sources, _ = [word for word in rest.split() if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), rest


def test_a_linter_finds_nothing_in_the_container_file():
    linter = shutil.which("hadolint") or shutil.which("hadolint", path=ROOT / ".venv/bin")
    if linter is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [linter, "--no-color", ROOT / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
