"""A benchmark as a Workflow Run RO-Crate: a folder that says, for machines, what it holds.

The crate has the workflow, the config, every file of the manifest, and `ro-crate-metadata.json`
(JSON-LD), which tells which file is what, and what the workflow made from what and when.

Source: RO-Crate 1.1, https://w3id.org/ro/crate/1.1; Workflow Run Crate 0.5,
https://w3id.org/ro/wfrun/workflow/0.5.
"""

import mimetypes
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmbench.catalogue import DatasetEntry
from mmbench.errors import InputError
from mmbench.files import read_json, write_json, write_text
from mmbench.plan import Plan
from mmbench.runs import Record, read_records
from mmbench.travel.manifest import NAME, check_manifest

METADATA = "ro-crate-metadata.json"

_WORKFLOW = "Snakefile"
_README = "README.md"
_BIOSCHEMAS = "https://bioschemas.org/profiles"
_TIME = "%Y-%m-%dT%H:%M:%S+00:00"
_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
_TYPES = {".npz": "application/zip", ".md": "text/markdown", ".tex": "application/x-tex"}

Entity = dict[str, Any]


def export_crate(plan: Plan, config: Path, folder: Path) -> int:
    """Write a crate of a benchmark that has a manifest.

    Args:
        plan: of the benchmark.
        config: its file.
        folder: to make; it must not be there.

    Returns:
        How many files it holds.

    Raises:
        InputError: the folder is there, there is no manifest, or a file is not as the manifest
            says; then nothing is written.
    """
    if folder.exists():
        raise InputError(f"{folder}: is there already; name a new folder")
    manifest = Path("results", plan.benchmark.name, NAME)
    for fault in check_manifest(manifest):
        raise InputError(f"{fault.file}: is {fault.fault}, says {manifest}; `mmbench manifest`")
    told = read_json(manifest)
    results = [*map(Path, told["files"]), manifest]
    sources = [path for path in _sources(plan, config) if path.is_file()]
    files = list(dict.fromkeys([*sources, *results]))
    records = [r for block in plan.jobs for r in read_records(block.records)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        crate = Path(scratch, "crate")
        for path in files:
            target = crate / _inside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        write_text(crate / _README, _readme(plan, told, _inside(config)))
        write_json(crate / METADATA, _metadata(plan, config, told, files, results, records))
        crate.rename(folder)
    return len(files) + 2


def _readme(plan: Plan, manifest: Entity, config: Path) -> str:
    benchmark = plan.benchmark
    commit = f", commit {manifest['git_commit']}" if manifest["git_commit"] else ""
    return (
        f"# mmbench: {benchmark.name}\n\n"
        f"{len(plan.method_names)} methods on {len(plan.dataset_names)} data sets, with"
        f" {benchmark.seeds} seeds each, by mmbench {manifest['mmbench']}{commit}. The tables are"
        f" in `results/{benchmark.name}/tables/`, the runs in `results/runs/`.\n\n"
        f"In a checkout of mmbench of that version, `snakemake --cores 8 --configfile {config}`"
        " makes them again.\n"
    )


def _sources(plan: Plan, config: Path) -> list[Path]:
    """Return what the workflow consists of, its code aside, which git has."""
    benchmark = plan.benchmark
    catalogues = [*benchmark.dataset_catalogues, *benchmark.method_catalogues]
    rules = sorted(Path("workflow").rglob("*.smk"))
    return [Path(_WORKFLOW), *rules, config, *map(Path, catalogues)]


def _inside(path: Path) -> Path:
    """Return where a file lies in the crate: as in the project, or under its name alone."""
    if path.is_absolute() or ".." in path.parts:
        return Path(path.name)
    return path


def _metadata(
    plan: Plan,
    config: Path,
    manifest: Entity,
    files: Sequence[Path],
    results: Sequence[Path],
    records: Sequence[Record],
) -> Entity:
    name = plan.benchmark.name
    started, ended = _period(records)
    versions = manifest["versions"]
    config_id = str(_inside(config))
    data = [_data_entity(d, plan.dataset(d), manifest["data"][d]) for d in plan.dataset_names]
    inputs = [{"@id": config_id}, *_references(data)]
    commit = manifest["git_commit"]
    action: Entity = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"The benchmark {name}, run by Snakemake {versions['snakemake']}",
        "description": f"mmbench {manifest['mmbench']}" + (f", commit {commit}" if commit else ""),
        "instrument": {"@id": _WORKFLOW},
        "object": inputs,
        "result": [{"@id": str(path)} for path in results],
        "agent": {"@id": "#mmbench"},
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    if started:
        action |= {"startTime": started, "endTime": ended}
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"mmbench: {name}",
        "description": (
            f"Multi-modal clustering: {len(plan.method_names)} methods on"
            f" {len(plan.dataset_names)} data sets, {plan.benchmark.seeds} seeds each."
        ),
        "datePublished": ended or datetime.now(UTC).strftime(_TIME),
        "license": {"@id": _LICENCE},
        "author": {"@id": "#mmbench"},
        "publisher": {"@id": "#mmbench"},
        "conformsTo": [{"@id": uri} for uri in _PROFILES],
        "mainEntity": {"@id": _WORKFLOW},
        "mentions": {"@id": action["@id"]},
        "hasPart": [{"@id": str(_inside(path))} for path in files] + [{"@id": _README}],
    }
    descriptor: Entity = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [
            {"@id": _CRATE},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ],
    }
    graph = [descriptor, root, action, *data, *_context(versions["snakemake"])]
    graph += [_file_entity(path, manifest, config_id) for path in files]
    return {"@context": f"{_CRATE}/context", "@graph": graph}


def _file_entity(path: Path, manifest: Entity, config_id: str) -> Entity:
    inside = str(_inside(path))
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    entity: Entity = {
        "@id": inside,
        "@type": "File",
        "name": inside,
        "encodingFormat": kind,
        "contentSize": str(path.stat().st_size),
    }
    if inside in manifest["files"]:
        entity["sha256"] = manifest["files"][inside]["sha256"]
    if inside == config_id:
        entity["exampleOfWork"] = {"@id": "#config"}
    if inside == _WORKFLOW:
        entity |= {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "fetch, prepare, fit, score, report",
            "programmingLanguage": {"@id": "#snakemake"},
            "license": {"@id": _LICENCE},
            "version": manifest["mmbench"],
            "conformsTo": {"@id": f"{_BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"},
            "input": {"@id": "#config"},
        }
    return entity


def _data_entity(name: str, entry: DatasetEntry, checksum: str | None) -> Entity:
    """Return a data set as something outside of the crate: its licence may forbid to copy it."""
    return {
        "@id": f"#data-{name}",
        "@type": "CreativeWork",
        "name": entry.title or name,
        "description": f"{entry.citation}. Licence: {entry.licence}",
        "identifier": checksum or "data unavailable",
    }


def _context(snakemake: str) -> list[Entity]:
    """Return what the other entities speak of."""
    profiles = [
        {"@id": uri, "@type": "CreativeWork", "name": name, "version": version}
        for uri, (name, version) in _PROFILES.items()
    ]
    return [
        *profiles,
        {
            "@id": "#config",
            "@type": "FormalParameter",
            "additionalType": "File",
            "conformsTo": {"@id": f"{_BIOSCHEMAS}/FormalParameter/1.0-RELEASE"},
            "name": "config",
            "description": "The benchmark: data sets, methods, seeds and parameters.",
            "valueRequired": True,
        },
        {
            "@id": "#snakemake",
            "@type": ["ComputerLanguage", "SoftwareApplication"],
            "name": "Snakemake",
            "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
            "url": {"@id": "https://snakemake.readthedocs.io"},
            "version": snakemake,
        },
        {"@id": "#mmbench", "@type": "Organization", "name": "The mmbench authors"},
        {
            "@id": _README,
            "@type": "File",
            "name": "What this crate is",
            "encodingFormat": "text/markdown",
            "about": {"@id": "./"},
        },
        {
            "@id": _LICENCE,
            "@type": "CreativeWork",
            "name": "BSD 3-Clause",
            "description": "Of the workflow and the results; data sets have licences of their own.",
        },
    ]


def _references(entities: Iterable[Entity]) -> list[Entity]:
    return [{"@id": entity["@id"]} for entity in entities]


def _period(records: Sequence[Record]) -> tuple[str, str]:
    """Return when the first run began and the last one ended, as far as the records tell."""
    begun = [(datetime.fromisoformat(r.started), r) for r in records if r.started]
    if not begun:
        return "", ""
    ends = [at + timedelta(seconds=r.seconds.get("total", 0.0)) for at, r in begun]
    return min(at for at, _ in begun).strftime(_TIME), max(ends).strftime(_TIME)
