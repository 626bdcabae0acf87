"""Validation of YAML files and values: each error is one helpful line."""

import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from mmbench.checks import checked, read_yaml
from mmbench.errors import InputError, unknown


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: dict[str, Inner] = {}


@dataclasses.dataclass(frozen=True)
class Params:
    __pydantic_config__ = ConfigDict(extra="forbid")
    epochs: int = 10


def test_an_unknown_name_comes_with_the_nearest_known_one():
    error = unknown("method", "kmeans-conat", ["kmeans-concat", "majority"], where="a.yaml")
    assert str(error) == "a.yaml: unknown method 'kmeans-conat'; did you mean 'kmeans-concat'?"


def test_an_unknown_name_that_resembles_none_comes_with_all_known_ones():
    error = unknown("method", "qqq", ["b", "a"], where="a.yaml")
    assert str(error) == "a.yaml: unknown method 'qqq'; known: a, b"


def test_an_unknown_key_is_reported_rather_than_the_missing_one():
    with pytest.raises(InputError, match=r"^f: unknown key 'nam'; did you mean 'name'\?$"):
        checked(Outer, {"nam": "x"}, where="f")


def test_an_unknown_nested_key_is_compared_with_the_keys_at_its_level():
    with pytest.raises(InputError, match=r"inner: a: unknown key 'color'; did you mean 'colour'\?"):
        checked(Outer, {"name": "x", "inner": {"a": {"color": "red"}}}, where="f")


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match=r"^f: expected a key 'name', found none$"):
        checked(Outer, {}, where="f")


def test_a_wrong_type_is_reported_with_the_expected_type_and_the_value():
    with pytest.raises(InputError, match=r"^m: epochs: expected a valid integer.*, got 'many'$"):
        checked(Params, {"epochs": "many"}, where="m")


def test_an_unknown_parameter_of_a_dataclass_comes_with_the_nearest_field():
    with pytest.raises(InputError, match=r"^m: unknown key 'epoch'; did you mean 'epochs'\?$"):
        checked(Params, {"epoch": 3}, where="m")


def write(folder: Path, text: str) -> Path:
    path = folder / "a.yaml"
    path.write_text(text)
    return path


def test_a_repeated_key_is_refused_with_its_line(tmp_path):
    with pytest.raises(InputError, match=r"a\.yaml, line 2: the key 'a' occurs twice"):
        read_yaml(write(tmp_path, "a: 1\na: 2\n"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: \xff", "expected UTF-8, but invalid start byte at byte 3"),
        (b"a: \x01", "expected YAML, but"),
        (b"a: 2024-13-45", "expected YAML, but month must be in 1..12"),
        (b"[1, 2]: 3", "expected YAML, but"),
    ],
)
def test_text_that_is_not_yaml_is_reported_in_one_line(tmp_path, content, reason):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="a.yaml: " + re.escape(reason)) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_broken_yaml_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"a\.yaml, line 2: ") as caught:
        read_yaml(write(tmp_path, "a: [1\nb: 2\n"))
    assert "\n" not in str(caught.value)


def test_a_list_instead_of_a_mapping_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a mapping of keys, got list"):
        read_yaml(write(tmp_path, "- a\n- b\n"))


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: expected a YAML file, found none"):
        read_yaml(tmp_path / "none.yaml")


def test_an_empty_file_has_no_keys(tmp_path):
    assert read_yaml(write(tmp_path, "# nothing\n")) == {}


def test_a_mapping_may_be_merged_into_another_and_own_keys_win(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("base: &base {a: 1, b: 2}\nnext: {<<: *base, b: 3}\n")
    assert read_yaml(path)["next"] == {"a": 1, "b": 3}
