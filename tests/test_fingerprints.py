"""A fingerprint changes with what a result depends on, and with nothing else."""

import itertools

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
    """Give a function that writes a package with changed modules and fingerprints it."""
    sources = {"__init__": "", "method": METHOD, "shared": SHARED, "deep": DEEP}
    versions = itertools.count()

    def edited(**changes: str) -> str:
        root = tmp_path / str(next(versions))
        folder = root / "pack"
        folder.mkdir(parents=True)
        for name, text in {**sources, **changes}.items():
            (folder / f"{name}.py").write_text(text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(root)
            return fingerprint(folder / "method.py")

    return edited


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


def test_what_is_imported_from_a_library_counts_where_it_is_used(package):
    method = METHOD.replace("import numpy as np", "from scipy.linalg import svd as solve")
    method = method.replace("return used(x)", "return used(solve(x))")
    assert package(method=method.replace("svd", "eigh")) != package(method=method)
    assert package(method=method.replace("scipy", "numpy")) != package(method=method)
    shared = SHARED.replace("return root(x)", "return root(sqrt(x))")
    by_math, by_numpy = (f"from {m} import sqrt\n{shared}" for m in ("math", "numpy"))
    assert package(shared=by_math) != package(shared=by_numpy)
    # nothing that the method reaches uses these
    assert package(shared=f"import os\n{SHARED}") == package()
    unused = SHARED.replace("return x\n", "return sqrt(x)\n")
    assert package(shared=f"from math import sqrt\n{unused}") == package(shared=unused)


def test_definitions_that_reach_the_module_through_others_are_followed(package):
    halved = DEEP.replace("0.5", "0.25")
    for way in ("from pack.deep import root", "from pack.deep import *"):
        between = f"{way}\n\ndef other(x):\n    return x\n"
        for line in ("from pack.between import root", "from pack.between import *"):
            method = METHOD.replace("from pack.shared import used", line).replace("used(", "root(")
            before = package(method=method, between=between)
            assert package(method=method, between=between, deep=halved) != before, (way, line)
            more = between.replace("return x", "return -x")
            assert package(method=method, between=more) == before, (way, line)


def test_definitions_inside_a_top_level_statement_are_followed(package):
    for opening, closing in [
        ("if LARGE:", "else:"),
        ("try:", "except ImportError:"),
        ("with context():", ""),
        ("for LARGE in (1, 2):", ""),
        ("match LARGE:\n  case 1:", ""),
    ]:
        rest = f"{closing}\n        root = None\n" if closing else ""
        deep = f"{opening}\n        def root(x):\n            return x ** 0.5\n{rest}"
        before = package(deep=deep)
        assert package(deep=deep.replace("0.5", "0.25")) != before, opening
        assert package(deep=f"LARGE = 3\n{deep}") != before or "LARGE" not in deep, opening


def test_what_a_module_does_when_it_is_imported_counts(package):
    assert package(deep=f"prepare()\n{DEEP}") != package()
    for_people = 'if __name__ == "__main__":\n    print(root(2))\n'
    assert package(deep=f"{DEEP}\n{for_people}") == package()


def test_an_edit_of_a_module_that_is_given_beside_the_first_counts(tmp_path):
    source, other = tmp_path / "source.py", tmp_path / "other.py"
    source.write_text("x = 1\n")
    other.write_text("y = 1\n")
    (tmp_path / "edited").mkdir()
    edited = tmp_path / "edited" / "other.py"
    edited.write_text("y = 2\n")
    assert fingerprint(source, other) != fingerprint(source, edited)
    assert fingerprint(source, other) != fingerprint(source)


def test_every_shipped_method_has_its_own_fingerprint():
    from mmbench.methods import locate, shipped

    prints = [fingerprint(locate(name)) for name in shipped()]
    assert len(set(prints)) == len(prints)


def test_a_syntax_error_is_reported_in_one_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n")
    with pytest.raises(InputError, match=r"broken\.py, line 1: invalid syntax"):
        fingerprint(path)
