"""Fingerprints of source code: what a method's result depends on, without running it.

A fingerprint covers the parsed source of a method's module and of the definitions that it
imports from mmbench (or from its own package), and what those use in turn, name by name; of a
library, which of its names they import. So an edit of one method touches its own runs, a new
function in a shared module touches nobody's, and comments, docstrings and formatting never count.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mmbench.errors import InputError

_EVERYTHING = "*"
_EFFECTS = "!"  # what a module does when it is imported, beside defining names

# no result can depend on these: how errors read, and how files are written
_PLUMBING = ("mmbench.errors.", "mmbench.files.", "mmbench.checks.")

# a place in source: a file, and a name that it defines at its top level (or all of it)
_Place = tuple[Path, str]


def fingerprint(source: Path, *others: Path) -> str:
    """Return sixteen hex digits for a module and for what it uses of the packages it is near.

    Args:
        source: the file of the method's module.
        others: more files that belong to it, such as modules that it imports by name.

    Raises:
        InputError: a file cannot be parsed.
    """
    digest = hashlib.sha256()
    reached = _reached([path.resolve() for path in (source, *others)])
    for path, name in sorted(reached, key=lambda place: (place[0].stem, place[1])):
        digest.update(f"{path.stem}:{name}\n".encode())
        for node in _read(path).nodes(name):
            digest.update(_canonical(node).encode())
        for imported in sorted(reached[path, name]):
            digest.update(f"{imported}\n".encode())
    return digest.hexdigest()[:16]


def _reached(sources: list[Path]) -> dict[_Place, set[str]]:
    """Return every place that the modules at `sources` depend on, themselves included.

    Each comes with what it uses of libraries, such as `KMeans=sklearn.cluster.KMeans`.
    """
    packages = {"mmbench", *_parents(sources[0])[:1]}
    found: dict[_Place, set[str]] = {}
    waiting: list[_Place] = [(source, _EVERYTHING) for source in sources]
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        of_libraries = found[place] = set()
        path, name = place
        module = _read(path)
        for used in module.names_used_by(name):
            for target in module.imported(used):
                if target.startswith(_PLUMBING):
                    continue
                is_near = target.partition(".")[0] in packages
                places = list(_resolved(target)) if is_near else []
                waiting.extend(places)
                if not places:
                    of_libraries.add(f"{used}={target}")
            if used in module.definitions and name != _EVERYTHING:
                waiting.append((path, used))
        if name != _EVERYTHING and module.nodes(_EFFECTS):
            waiting.append((path, _EFFECTS))
    return found


def _resolved(target: str) -> Iterator[_Place]:
    """Yield the place of a dotted name: a whole module, or a definition in one."""
    module, _, name = target.rpartition(".")
    if (path := _find(target)) is not None:
        yield path, _EVERYTHING
    elif (path := _find(module)) is not None:
        yield path, name


def _find(module: str) -> Path | None:
    """Return the source file of a module, without running it (nor its parents' code)."""
    if not module:
        return None
    parts = module.split(".")
    spec = importlib.util.find_spec(parts[0])
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent.joinpath(*parts[1:])
    if len(parts) == 1:
        return Path(spec.origin)
    for path in (folder.with_suffix(".py"), folder / "__init__.py"):
        if path.is_file():
            return path
    return None


class _Module:
    """The parsed source of one file: what it imports, what it defines, and with which code."""

    def __init__(self, path: Path) -> None:
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        except SyntaxError as error:
            raise InputError(f"{path}, line {error.lineno}: {error.msg}") from None
        self._imports: dict[str, set[str]] = {}
        for node in ast.walk(tree):  # functions may import too
            for name, target in _imported(node, path):
                self._imports.setdefault(name, set()).add(target)
        self._body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node))
        ]
        self.definitions: dict[str, list[ast.stmt]] = {}
        self._effects: list[ast.stmt] = []
        for node in self._body:
            names = _defined(node)
            for name in names:
                self.definitions.setdefault(name, []).append(node)
            if not names and not _is_guard(node):
                self._effects.append(node)

    def imported(self, name: str) -> set[str]:
        """Return the dotted names that a name stands for; by `import *` it may be of any module."""
        if name in self._imports or name in self.definitions:
            return self._imports.get(name, set())
        return {f"{target[:-1]}{name}" for target in self._imports.get("*", ())}

    def nodes(self, name: str) -> list[ast.stmt]:
        """Return the code behind a name, or all of the file's, imports aside."""
        if name == _EVERYTHING:
            return self._body
        return self._effects if name == _EFFECTS else self.definitions.get(name, [])

    def names_used_by(self, name: str) -> set[str]:
        """Return every plain name that this code mentions, and the name: it may be imported."""
        used = {name} - {_EVERYTHING, _EFFECTS}
        for node in self.nodes(name):
            for child in ast.walk(node):
                if isinstance(child, ast.Name):
                    used.add(child.id)
                elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                    used.add(child.value)  # a quoted annotation
        return used


@cache
def _read(path: Path) -> _Module:
    return _Module(path)


def _imported(node: ast.AST, path: Path) -> Iterator[tuple[str, str]]:
    """Yield the names that a statement imports, each with the dotted name it stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], alias.name
    elif isinstance(node, ast.ImportFrom):
        origin = node.module or ""
        if node.level:
            origin = ".".join([*_parents(path)[: -node.level + 1 or None], *origin.split(".")])
        for alias in node.names:
            yield alias.asname or alias.name, f"{origin.strip('.')}.{alias.name}"


def _parents(path: Path) -> list[str]:
    """Return the packages that a file is in, the outermost first."""
    names: list[str] = []
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def _defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a module's top level defines, or one inside it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets: list[ast.AST] = []
    if isinstance(node, ast.Assign):
        targets = [*node.targets]
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
        targets = [node.target]
    elif isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    names = [
        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
    ]
    # `if`, `try` and their like hold statements, also inside handlers and cases
    inside = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
    for child in inside:
        statements = [child] if isinstance(child, ast.stmt) else ast.iter_child_nodes(child)
        for statement in statements:
            if isinstance(statement, ast.stmt):
                names += _defined(statement)
    return names


def _is_guard(node: ast.stmt) -> bool:
    """Tell whether a statement is for type checkers, or for those who run the file."""
    return isinstance(node, ast.If) and any(
        isinstance(name, ast.Name) and name.id in ("TYPE_CHECKING", "__name__")
        for name in ast.walk(node.test)
    )


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _canonical(node: ast.AST) -> str:
    """Return the tree as text that is the same for every version of Python.

    `ast.dump` would do, but newer versions add fields to old nodes; those are empty where the
    source does not use them, so empty fields are left out.
    """
    fields = []
    for name, value in ast.iter_fields(node):
        if name in ("kind", "type_comment", "ctx"):
            continue
        if isinstance(value, list):
            parts = [
                _canonical(item) if isinstance(item, ast.AST) else repr(item)
                for item in value
                if not (isinstance(item, ast.stmt) and _is_docstring(item))
            ]
            if parts:
                fields.append(f"{name}=[{','.join(parts)}]")
        elif isinstance(value, ast.AST):
            fields.append(f"{name}={_canonical(value)}")
        elif value is not None:
            fields.append(f"{name}={value!r}")
    return f"{type(node).__name__}({','.join(fields)})"
