"""A fingerprint changes with what a result depends on, and with nothing else."""

import importlib
import sys

import pytest

from mmbench.errors import InputError
from mmbench.fingerprints import fingerprint

METHOD = '''
"""Docstring."""
from pack.shared import used
import numpy as np

LIMIT = 3

def fit(x):
    """Say what it does."""
    return used(x) + LIMIT
'''
SHARED = """
from pack.deep import root

def used(x):
    return helper(x)

def helper(x):
    return root(x)

def unused(x):
    return x
"""
DEEP = """
def root(x):
    return x ** 0.5
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a package of three modules, and a function that writes one and fingerprints it."""
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    sources = {"method": METHOD, "shared": SHARED, "deep": DEEP}

    def edited(**changes: str) -> str:
        from mmbench import fingerprints

        fingerprints._read.cache_clear()
        importlib.invalidate_caches()
        for name, text in {**sources, **changes}.items():
            (folder / f"{name}.py").write_text(text)
        return fingerprint(folder / "method.py")

    yield edited
    sys.modules.pop("pack", None)


def test_comments_docstrings_and_layout_do_not_count(package):
    quiet = METHOD.replace("LIMIT = 3", "# why three\nLIMIT = (\n    3\n)")
    quiet = quiet.replace("Say what it does.", "Say it in other words.")
    assert package(method=quiet) == package()


def test_an_edit_of_the_method_counts(package):
    assert package(method=METHOD.replace("LIMIT = 3", "LIMIT = 4")) != package()
    assert package(method=METHOD.replace("used(x) +", "used(x) -")) != package()


def test_an_edit_of_a_shared_function_counts_where_it_is_used(package):
    assert package(shared=SHARED.replace("helper(x)\n\ndef h", "-helper(x)\n\ndef h")) != package()


def test_an_edit_of_what_a_shared_function_calls_counts(package):
    assert package(shared=SHARED.replace("return root(x)", "return root(2 * x)")) != package()
    assert package(deep=DEEP.replace("0.5", "0.25")) != package()


def test_an_edit_of_a_function_that_is_not_used_does_not_count(package):
    assert package(shared=SHARED.replace("return x\n", "return -x\n")) == package()
    assert package(shared=SHARED + "\ndef another():\n    return 1\n") == package()


def test_other_ways_to_import_are_followed(package):
    for line, call in [
        ("from pack import shared", "shared.used(x)"),
        ("import pack.shared", "pack.shared.used(x)"),
        ("import pack.shared as s", "s.used(x)"),
        ("from .shared import used as u", "u(x)"),
        ("from . import shared as s", "s.used(x)"),
    ]:
        method = METHOD.replace("from pack.shared import used", line).replace("used(x)", call)
        before = package(method=method)
        assert package(method=method, deep=DEEP.replace("0.5", "0.25")) != before, line


def test_an_import_inside_a_function_is_followed(package):
    method = METHOD.replace("from pack.shared import used\n", "").replace(
        "    return used(x)", "    from pack.shared import used\n    return used(x)"
    )
    assert package(method=method, deep=DEEP.replace("0.5", "0.25")) != package(method=method)


def test_every_shipped_method_has_its_own_fingerprint():
    from mmbench.methods import locate, shipped

    prints = [fingerprint(locate(name)) for name in shipped()]
    assert len(set(prints)) == len(prints)


def test_source_that_does_not_parse_is_one_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n")
    with pytest.raises(InputError, match=r"broken\.py, line 1: invalid syntax"):
        fingerprint(path)
