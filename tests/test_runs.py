"""Stored runs come back as they were, and nothing half-written passes for a run."""

from contextlib import suppress

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.files import read_json, replacing, write_text
from mmbench.runs import Record, Run, read_records, read_runs, write_runs

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
    files = tmp_path / "assignments.npz", tmp_path / "runs.json"
    write_runs(RUNS, *files)
    back = read_runs(*files)
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
    files = tmp_path / "assignments.npz", tmp_path / "runs.json"
    write_runs(RUNS, *files)
    files[0].write_bytes(files[0].read_bytes()[:100])
    with pytest.raises(InputError, match=r"assignments\.npz: expected an \.npz of assignments"):
        read_runs(*files)


def test_a_damaged_archive_and_an_array_under_its_name_are_one_line(tmp_path):
    files = tmp_path / "assignments.npz", tmp_path / "runs.json"
    write_runs(RUNS, *files)
    whole = files[0].read_bytes()
    for place in range(0, len(whole), 3):  # NumPy raises errors of half a dozen types
        files[0].write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(InputError, OSError):  # both are one line; not every byte matters
            read_runs(*files)
    with files[0].open("wb") as file:
        np.save(file, np.zeros(3, dtype=np.int32))
    with pytest.raises(InputError, match=r"assignments\.npz: expected an \.npz of assignments"):
        read_runs(*files)


def test_records_of_another_form_are_one_line(tmp_path):
    path = tmp_path / "runs.json"
    write_text(path, '[{"sead": 1}]')
    with pytest.raises(InputError, match=r"runs\.json: expected the records of runs, but"):
        read_records(path)
    write_text(path, "[{")
    with pytest.raises(InputError, match="expected JSON, but"):
        read_records(path)


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
