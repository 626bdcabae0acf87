"""Files are written completely or not at all; tables are read by their columns."""

import errno
import os

import pytest

from mmbench.errors import InputError
from mmbench.files import read_csv, replacing


def _write_until_the_disk_is_full(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        # what a write raises: it names no file
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left") as caught:
        _write_until_the_disk_is_full(path)
    assert caught.value.filename == str(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "old"


def test_a_file_is_replaced_and_has_the_permissions_of_a_new_file(tmp_path):
    path, plain = tmp_path / "a.csv", tmp_path / "plain.csv"
    for content in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(content)
            temporary.chmod(0o600)  # as some libraries do
    plain.write_text("new")
    assert path.read_text() == "new"
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,"x, y"\n2,\n')
    assert read_csv(path, ["b"]) == [{"a": "1", "b": "x, y"}, {"a": "2", "b": ""}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a.csv: expected a table, found none"),
        ("", "a.csv: expected a column 'a', got none"),
        ("a,c\n1,2\n", "a.csv: expected a column 'b', got a, c"),
        ("a,b\n1,2\n3\n", "a.csv, line 3: expected 2 values, got fewer"),
        ("a,b\n1,2,3\n", "a.csv, line 2: expected 2 values, got more"),
        ('a,b\n1,"2\n', "a.csv: expected a table, but unexpected end of data"),
        (b"a,b\n\xff,2\n", "a.csv: expected a table, but 'utf-8' codec"),
    ],
)
def test_an_invalid_table_is_reported_in_one_line(tmp_path, text, message):
    path = tmp_path / "a.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        read_csv(path, ["a", "b"], what="a table")
