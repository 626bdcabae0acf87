"""Benchmarks and the catalogue of methods, and what happens when they are wrong."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from mmbench.config import read_benchmark, read_methods, schema
from mmbench.errors import InputError

ROOT = Path(__file__).parents[1]


def write(folder: Path, text: str, name: str = "b.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/**/*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_benchmark_fits_the_model_and_the_schema(path):
    if path.stem in ("datasets", "methods") or path.stem.endswith("-tables"):
        return
    benchmark = read_benchmark(path)
    jsonschema.validate(benchmark.model_dump(mode="json"), json.loads(schema()))


def test_the_stored_schema_is_the_one_of_the_model():
    stored = ROOT / "workflow/schemas/config.schema.json"
    assert stored.read_text() == schema(), "run: python -m mmbench.config"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets: [x]\nmethods: [m]", "expected a key 'name', found none"),
        ("name: a\ndataset: [x]\nmethods: [m]", "unknown key 'dataset'; did you mean 'datasets'?"),
        ("name: a\ndatasets: [x]\nmethods: [m]\nseeds: 0", "seeds: expected greater than 0, got 0"),
        (
            "name: a\ndatasets: [x]\nmethods: [m]\nseeds: yes",
            "seeds: expected a valid integer, got True",
        ),
        ("name: a\ndatasets: []\nmethods: [m]", "datasets: expected at least one value, got []"),
        ("name: a\ndatasets: [x, x]\nmethods: [m]", "expected each value once, got 'x' twice"),
        ("name: ../a\ndatasets: [x]\nmethods: [m]", "name: expected text that matches"),
        (
            "name: a\ndatasets: [x]\nmethods: [m]\nprecision: float16",
            "precision: expected 'float32' or 'bfloat16', got 'float16'",
        ),
    ],
)
def test_a_wrong_benchmark_is_one_line_that_names_the_key(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_benchmark(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "b.yaml"))
    assert "\n" not in str(caught.value)


def test_a_variant_takes_the_keys_of_what_it_extends_and_merges_its_params(tmp_path):
    entries = read_methods(
        [
            write(
                tmp_path,
                "a: {uses: x, title: A, gpu: true, params: {p: 1, q: 2}}\n"
                "b: {extends: a, params: {q: 3}}\n"
                "c: {extends: b, gpu: false, params: {r: 4}}\n",
            )
        ]
    )
    assert entries["b"].params == {"p": 1, "q": 3}
    assert entries["c"].params == {"p": 1, "q": 3, "r": 4}
    assert (entries["c"].uses, entries["c"].gpu, entries["b"].gpu) == ("x", False, True)
    assert entries["b"].title == "", "a title names one entry, not its variants"


def test_entries_that_extend_each_other_are_refused(tmp_path):
    with pytest.raises(InputError, match="extends goes in a circle: a -> b -> a"):
        read_methods([write(tmp_path, "a: {extends: b}\nb: {extends: a}\n")])


def test_extending_an_unknown_entry_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"unknown method 'cmc'; did you mean 'cmmc'\?"):
        read_methods([write(tmp_path, "cmmc: {uses: cmmc}\na: {extends: cmc}\n")])


def test_a_misspelt_key_of_an_entry_names_file_and_entry(tmp_path):
    with pytest.raises(InputError, match=r"b\.yaml: a: unknown key 'param'; did you mean 'params'"):
        read_methods([write(tmp_path, "a: {uses: x, param: {}}\n")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3: {uses: x}", r"b\.yaml: 3: expected a valid string, got 3"),
        ("a.b: {uses: x}", r"b\.yaml: a\.b: expected text that matches .*, got 'a\.b'"),
        ("a: {extends: [x]}", r"b\.yaml: a: extends: expected a valid string, got \['x'\]"),
        ("a: {uses: x, params: [y]}", r"b\.yaml: a: params: expected a valid dictionary"),
        ("a: 3", r"b\.yaml: a: expected a mapping of keys, got 3"),
    ],
)
def test_an_entry_of_another_form_is_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_methods([write(tmp_path, text)])


def test_a_second_catalogue_may_extend_the_first_but_not_redefine_it(tmp_path):
    first = write(tmp_path, "a: {uses: x}\n", "first.yaml")
    second = write(tmp_path, "b: {extends: a}\n", "second.yaml")
    assert read_methods([first, second])["b"].uses == "x"
    again = write(tmp_path, "a: {uses: y}\n", "again.yaml")
    with pytest.raises(InputError, match=r"again\.yaml: 'a' is already in .*first\.yaml"):
        read_methods([first, again])


def test_every_shipped_entry_builds_its_method():
    from mmbench.methods import build

    for name, entry in read_methods([ROOT / "config/methods.yaml"]).items():
        build(entry.uses, entry.params, where=name)
        for params in entry.params_by_dataset.values():
            build(entry.uses, {**entry.params, **params}, where=name)
