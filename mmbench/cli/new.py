"""Write a new method: its file, its test, and its entry in config/methods.yaml.

The file is a complete method: `mmbench run NAME DATASET` and the tests pass before it is edited.

Example:
    mmbench new method my-method
"""

import argparse
import keyword
import re
from importlib.resources import files
from pathlib import Path

from mmbench.cli.common import add_options, print_json
from mmbench.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["method"])
    parser.add_argument("name", metavar="NAME", help="lower case, words joined by -")
    add_options(parser, "json")


def run(arguments: argparse.Namespace) -> None:
    from mmbench.checks import read_yaml
    from mmbench.files import write_text

    name = arguments.name
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name):
        raise InputError(f"new: expected a name such as my-method, got {name!r}")
    if keyword.iskeyword(module):
        raise InputError(f"new: expected a name that is not a Python keyword, got {name!r}")
    words = name.split("-")
    fields = {"name": name, "module": module, "title": " ".join(words).capitalize()}
    fields["class_name"] = "".join(word.capitalize() for word in words)
    catalogue = Path("config/methods.yaml")
    templates = {
        Path(f"mmbench/methods/{module}.py"): "method.py.txt",
        Path(f"tests/methods/test_{module}.py"): "test_method.py.txt",
    }
    if name in read_yaml(catalogue):
        raise InputError(f"{catalogue}: {name!r} exists already")
    for path in templates:
        if path.exists():
            raise InputError(f"{path}: exists already")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent}: expected this folder; run in the project's root")

    def filled(template: str) -> str:
        text = (files("mmbench.cli") / "templates" / template).read_text(encoding="utf-8")
        return text.format(**fields)

    for path, template in templates.items():
        write_text(path, filled(template))
    entries = catalogue.read_text(encoding="utf-8").rstrip("\n")
    write_text(catalogue, f"{entries}\n{filled('entry.yaml.txt')}")
    written = [str(path) for path in (*templates, catalogue)]
    if arguments.json:
        print_json(written)
    else:
        print(*(f"wrote {path}" for path in written), sep="\n")
        print(f"try it: mmbench run {name} handwritten")
