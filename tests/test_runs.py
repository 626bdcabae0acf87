"""Stored runs come back as they were, and nothing half-written passes for a run."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.files import read_json, replacing, write_text
from mmbench.runs import (
    Record,
    Run,
    RunKey,
    RunStore,
    SeedBlock,
    read_records,
    read_runs,
    write_runs,
)

RUNS = [
    Run(
        Record(seed=0, status="ok", losses={"loss": [(0, 1.5), (1, 0.5)]}, params={"epochs": 2}),
        np.array([0, 1, 1], np.int32),
        np.array([[0, 0, 1], [0, 1, 1]], np.int16),
        np.array([0, 1], np.int32),
        np.ones((3, 2), np.float16),
        {"image": np.array([0, 0, 1], np.int32)},
    ),
    Run(Record(seed=1, status="diverged", reason="the loss is NaN")),
    Run(Record(seed=2, status="ok"), np.array([1, 1, 0], np.int32)),
]


def test_a_block_comes_back_as_it_was(tmp_path):
    write_runs(RUNS, tmp_path)
    back = read_runs(tmp_path)
    assert [run.record.status for run in back] == ["ok", "diverged", "ok"]
    assert back[1].record.reason == "the loss is NaN"
    assert back[1].y_pred is None
    np.testing.assert_array_equal(back[0].y_pred, RUNS[0].y_pred)
    np.testing.assert_array_equal(back[0].history, RUNS[0].history)
    np.testing.assert_array_equal(back[0].epochs, [0, 1])
    np.testing.assert_array_equal(back[0].view_assignments["image"], [0, 0, 1])
    assert back[0].embedding.shape == (3, 2)
    assert back[2].embedding is None
    assert [list(pair) for pair in back[0].record.losses["loss"]] == [[0, 1.5], [1, 0.5]]


def test_a_truncated_archive_is_one_line(tmp_path):
    write_runs(RUNS, tmp_path)
    path = tmp_path / "assignments.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"assignments\.npz: expected an \.npz of assignments"):
        read_runs(tmp_path)


def test_a_damaged_archive_and_an_array_under_its_name_are_one_line(tmp_path):
    write_runs(RUNS, tmp_path)
    path = tmp_path / "assignments.npz"
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):  # NumPy raises errors of half a dozen types
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(InputError, OSError):  # both are one line; not every byte matters
            read_runs(tmp_path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3, dtype=np.int32))
    with pytest.raises(InputError, match=r"assignments\.npz: expected an \.npz of assignments"):
        read_runs(tmp_path)


def test_records_of_another_form_are_one_line(tmp_path):
    path = tmp_path / "runs.json"
    write_text(path, '[{"sead": 1}]')
    with pytest.raises(InputError, match=r"runs\.json: expected the records of runs, but"):
        read_records(tmp_path)
    write_text(path, "[{")
    with pytest.raises(InputError, match="expected JSON, but"):
        read_records(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "[1]")

    def fill_the_disk():
        with replacing(path) as temporary:
            temporary.write_text("[2")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill_the_disk()
    assert read_json(path) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_names_what_differs_in_a_run():
    record = Record(seed=0, status="ok", params={"a": 1}, fingerprint="f", data_checksum="d")
    key = RunKey.of(record)
    assert key.mismatch(record) == ""
    assert key.mismatch(replace(record, fingerprint="g")) == "fingerprint: expected f, got g"
    assert key.mismatch(replace(record, data_checksum="")) == "data_checksum: expected d, got none"
    assert replace(key, data_checksum=None).mismatch(replace(record, data_checksum="e")) == ""
    assert key.mismatch(replace(record, seed=3, status="crashed", host="elsewhere")) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"params": {"a": 2}},
        {"precision": "bfloat16"},
        {"n_restarts": 2},
        {"checkpoint": "lowest_loss"},
        {"fingerprint": "g"},
        {"data_checksum": "e"},
        {"format_version": 3},
    ],
)
def test_the_digest_of_a_key_changes_with_each_of_its_fields(change):
    record = Record(seed=0, status="ok", params={"a": 1}, fingerprint="f", data_checksum="d")
    assert RunKey.of(replace(record, **change)).digest != RunKey.of(record).digest


def test_blocks_are_found_by_the_folders_that_hold_both_files(tmp_path):
    store = RunStore(tmp_path)
    blocks = [SeedBlock("toy", method, "0123abcd", seeds) for method in "ab" for seeds in [(0, 1)]]
    for block in blocks:
        write_runs(
            [Run(Record(seed=s, status="diverged")) for s in block.seeds], store.folder(block)
        )
    (tmp_path / "toy/a/0123abcd/.finished_seeds").mkdir()
    (tmp_path / "toy/a/0123abcd/2-3").mkdir()
    assert list(store.blocks()) == blocks
    assert list(store.blocks(method="b")) == blocks[1:]
    assert SeedBlock.named("toy", "a", blocks[0].name) == blocks[0]


def test_of_overlapping_blocks_the_run_that_started_last_counts(tmp_path):
    store = RunStore(tmp_path)
    old, new = (SeedBlock("toy", "a", "0123abcd", seeds) for seeds in [(0, 1), (0,)])
    for block, day in ((old, "2026-01-01"), (new, "2026-01-02")):
        runs = [Run(Record(seed=s, status="diverged", started=day)) for s in block.seeds]
        write_runs(runs, store.folder(block))
    found = store.runs([new, old])
    assert {seed: block for seed, (_, block) in found.items()} == {0: new, 1: old}
