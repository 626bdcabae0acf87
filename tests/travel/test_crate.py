"""A crate holds what it describes, describes what it holds, and refers to nothing else."""

import json
from pathlib import Path

import pytest
from travel_lab import CONFIG, MANIFEST, PROCESSED

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.files import sha256
from mmbench.travel.crate import export_crate
from mmbench.travel.manifest import write_manifest

CRATE = Path("out/crate")


@pytest.fixture
def graph(finished):
    """Export the finished benchmark; give the entities of the crate by their names."""
    Path("Snakefile").write_text("rule all:")
    write_manifest(finished.plan, processed=PROCESSED)
    assert main(["export", "--ro-crate", str(CRATE)]) == 0
    told = json.loads((CRATE / "ro-crate-metadata.json").read_text())
    assert told["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in told["@graph"]}
    assert len(entities) == len(told["@graph"]), "each entity stands once"
    return entities


def references(value):
    """Yield every name that an entity refers to."""
    if isinstance(value, dict) and set(value) == {"@id"}:
        yield value["@id"]
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from references(part)


def test_every_file_is_described_and_every_described_file_is_there(graph):
    there = {str(p.relative_to(CRATE)) for p in CRATE.rglob("*") if p.is_file()}
    described = {name for name, entity in graph.items() if "File" in entity["@type"]}
    assert there == described | {"ro-crate-metadata.json"}
    assert {part["@id"] for part in graph["./"]["hasPart"]} == described
    assert {str(MANIFEST), "Snakefile", str(CONFIG), "README.md"} <= described
    for name in described & set(json.loads(MANIFEST.read_text())["files"]):
        assert graph[name]["sha256"] == sha256(CRATE / name)
        assert graph[name]["contentSize"] == str((CRATE / name).stat().st_size)


def test_references_are_to_entities_of_the_crate_or_to_addresses(graph):
    for entity in graph.values():
        for name in references({k: v for k, v in entity.items() if k != "@id"}):
            assert name in graph or name.startswith("https://"), name


def test_the_crate_says_what_ran_when_and_on_what(graph, finished):
    (action,) = [e for e in graph.values() if e["@type"] == "CreateAction"]
    assert action["instrument"] == {"@id": "Snakefile"}
    assert action["startTime"] == "2026-01-01T00:00:00+00:00"
    assert action["endTime"] == "2026-01-01T00:01:00+00:00"
    assert graph["./"]["mainEntity"] == {"@id": "Snakefile"}
    assert "ComputationalWorkflow" in graph["Snakefile"]["@type"]
    data = graph["#data-toy-3view"]
    assert data["identifier"] == finished.metadata["checksum"]
    assert {"@id": data["@id"]} in action["object"]


def test_a_crate_of_changed_files_or_over_another_folder_is_refused(finished):
    with pytest.raises(InputError, match=r"manifest\.json: expected a JSON file, found none"):
        export_crate(finished.plan, CONFIG, CRATE)
    write_manifest(finished.plan, processed=PROCESSED)
    Path("results/default/figures/a.png").write_text("another")
    with pytest.raises(InputError, match=r"a\.png: is changed, says .*manifest\.json"):
        export_crate(finished.plan, CONFIG, CRATE)
    assert not CRATE.exists()
    CRATE.mkdir(parents=True)
    with pytest.raises(InputError, match="is there already; name a new folder"):
        export_crate(finished.plan, CONFIG, CRATE)
