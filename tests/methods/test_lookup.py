"""A method is found by the name of a module, a dotted name, a path or an entry point."""

import dataclasses
from importlib.metadata import EntryPoint

import pytest

from mmbench import methods
from mmbench.errors import InputError
from mmbench.methods import build, load, locate, shipped

SOURCE = """
from dataclasses import dataclass
import numpy as np
from pydantic import PositiveInt

@dataclass(frozen=True)
class Mine:
    epochs: PositiveInt = 3

    def fit_predict(self, data, *, seed, device="cpu", log=None):
        return np.zeros(data.n_samples, int)

METHOD = Mine
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    package = tmp_path / "their_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return package / "mine.py"


def test_a_module_of_this_package_goes_by_its_bare_name():
    assert "kmeans_concat" in shipped()
    assert dataclasses.is_dataclass(load("kmeans_concat"))


def test_a_module_of_their_package_goes_by_its_dotted_name(mine):
    assert build("their_package.mine", {"epochs": 5}).epochs == 5
    assert locate("their_package.mine") == mine


def test_a_file_goes_by_its_path(mine):
    assert build(str(mine), {}).epochs == 3
    assert locate(str(mine)) == mine


def test_an_entry_point_goes_by_its_name(mine, monkeypatch):
    point = EntryPoint("theirs", "their_package.mine:METHOD", "mmbench.methods")
    monkeypatch.setattr(methods, "entry_points", lambda group: [point])
    assert build("theirs", {}).epochs == 3


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ("kmeans_conat", r"uses: unknown method 'kmeans_conat'; did you mean 'kmeans_concat'\?"),
        ("no.such.module", "cannot find 'no.such.module'"),
        ("none/here.py", "expected a Python file at 'none/here.py', found none"),
    ],
)
def test_an_unknown_method_is_reported_in_one_line(uses, message):
    with pytest.raises(InputError, match=message):
        load(uses)


def test_a_module_without_a_method_is_reported_in_one_line(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(InputError, match=r"expected .*empty\.py to end in METHOD = a dataclass"):
        load(str(path))


def test_a_syntax_error_is_reported_in_one_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n")
    with pytest.raises(InputError, match=r"broken\.py, line 1: invalid syntax"):
        load(str(path))


def test_a_missing_library_is_named(tmp_path):
    path = tmp_path / "needy.py"
    path.write_text("import no_such_library\n")
    with pytest.raises(InputError, match="No module named 'no_such_library'"):
        load(str(path))


def test_a_misspelt_parameter_comes_with_the_nearest_known(mine):
    with pytest.raises(InputError, match=r"unknown key 'epoch'; did you mean 'epochs'\?"):
        build(str(mine), {"epoch": 1}, where="method mine")


def test_a_parameter_of_the_wrong_type_is_reported_in_one_line(mine):
    with pytest.raises(InputError, match="epochs: expected greater than 0, got 0"):
        build(str(mine), {"epochs": 0})
