"""`mmbench new method NAME`: start a method of one's own from a file that works."""

import argparse
import keyword
import re
from importlib.resources import files
from pathlib import Path

from mmbench.checks import read_yaml
from mmbench.cli.common import Commands, add_command, add_json, print_json
from mmbench.errors import InputError
from mmbench.files import write_text

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def add_commands(commands: Commands) -> None:
    """Declare new."""
    new_ = add_command(commands, new, name="new", example="mmbench new method my-method")
    new_.add_argument("what", choices=["method"])
    new_.add_argument("name", metavar="NAME", help="lower case, words joined by -")
    add_json(new_)


def new(arguments: argparse.Namespace) -> None:
    """Write a new method: its file, its test, and its entry in config/methods.yaml.

    The file works as it is, so that `mmbench run NAME DATASET` and the tests pass before you
    change the first line.
    """
    name = arguments.name
    if not _NAME.fullmatch(name):
        raise InputError(f"new: expected a name such as my-method, got {name!r}")
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise InputError(f"new: expected a name that Python has no use for, got {name!r}")
    words = name.split("-")
    names = {
        "name": name,
        "module": module,
        "class_name": "".join(word.capitalize() for word in words),
        "title": " ".join(words).capitalize(),
    }
    catalogue = Path("config/methods.yaml")
    targets = {
        Path(f"mmbench/methods/{module}.py"): "method.py.txt",
        Path(f"tests/methods/test_{module}.py"): "test_method.py.txt",
    }
    if name in read_yaml(catalogue):
        raise InputError(f"{catalogue}: {name!r} is there already")
    for path in targets:
        if path.exists():
            raise InputError(f"{path}: is there already")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent}: expected this folder; run in the project's root")
    templates = files("mmbench.cli") / "templates"
    for path, template in targets.items():
        write_text(path, (templates / template).read_text(encoding="utf-8").format(**names))
    entry = (templates / "entry.yaml.txt").read_text(encoding="utf-8").format(**names)
    write_text(catalogue, catalogue.read_text(encoding="utf-8").rstrip("\n") + "\n" + entry)
    written = [str(path) for path in (*targets, catalogue)]
    if arguments.json:
        print_json(written)
        return
    for name_written in written:
        print(f"wrote {name_written}")
    print(f"try it: mmbench run {name} handwritten")
