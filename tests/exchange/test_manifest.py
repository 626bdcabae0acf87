"""A manifest lists every file of a result, and tells which of them is not as it was."""

import json
from pathlib import Path

import pytest
from exchange_lab import CONFIG, MANIFEST, PROCESSED, stored_files

from mmbench.cli import main
from mmbench.errors import InputError
from mmbench.exchange.manifest import check_manifest, write_manifest
from mmbench.files import sha256, write_json


def test_every_file_is_listed_with_its_checksum_and_size(finished):
    assert write_manifest(finished.plan, processed=PROCESSED) == MANIFEST
    told = json.loads(MANIFEST.read_text())
    assert told["files"] == {
        str(path): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in stored_files()
        if path != MANIFEST
    }
    assert len(told["files"]) == 7
    assert told["data"] == {"toy-3view": finished.metadata["checksum"]}
    assert told["config"]["seeds"] == 2
    assert "mirror" not in told["config"]
    assert {"python", "numpy", "snakemake", "torch"} <= set(told["versions"])
    assert told["fingerprints"]["majority"] == finished.plan.fingerprint("majority")
    assert check_manifest(MANIFEST) == []


def test_equal_results_have_equal_manifests(finished):
    write_manifest(finished.plan, processed=PROCESSED)
    before = MANIFEST.read_bytes()
    write_manifest(finished.plan, processed=PROCESSED)
    assert MANIFEST.read_bytes() == before


def test_missing_changed_and_extra_files_are_told(finished, capsys):
    assert main(["manifest"]) == 0
    capsys.readouterr()
    assert main(["verify", "--files"]) == 0
    assert "default: every file is as listed" in capsys.readouterr().out
    Path("results/default/figures/a.png").write_text("of another sizE")
    same_size = Path("results/default/scores/toy-3view.csv")
    same_size.write_text("scores/toy-3view.csV")
    Path("results/default/tables/leaderboard.csv").unlink()
    Path("results/default/tables/more.csv").write_text("")
    Path("results/default/.hidden").write_text("")
    assert main(["verify", "--files", "--benchmark", "default", "--json"]) == 1
    faults = {row["file"]: row["fault"] for row in json.loads(capsys.readouterr().out)}
    assert faults == {
        "results/default/figures/a.png": "changed",
        "results/default/scores/toy-3view.csv": "changed",
        "results/default/tables/leaderboard.csv": "missing",
        "results/default/tables/more.csv": "extra",
    }
    assert main(["verify", "--files", "--config", str(CONFIG)]) == 1
    assert "2 changed, 1 missing, 1 extra" in capsys.readouterr().out


def test_a_benchmark_that_is_not_complete_has_no_manifest(finished):
    Path("results/default/tables/leaderboard.csv").unlink()
    with pytest.raises(InputError, match=r"leaderboard\.csv: not there yet; run the benchmark"):
        write_manifest(finished.plan, processed=PROCESSED)
    assert not MANIFEST.exists()


def test_another_file_in_place_of_a_manifest_is_one_line(lab, capsys):
    assert main(["verify", "--files"]) == 2
    assert "expected a manifest.json of a benchmark, found none" in capsys.readouterr().err
    write_json(MANIFEST, {"benchmark": "default", "files": {"a": 3}})
    Path("a").touch()
    with pytest.raises(InputError, match="expected a manifest with the keys benchmark and files"):
        check_manifest(MANIFEST)
