"""Fingerprints of source code, which tell whether a stored result is up to date.

A fingerprint covers the parsed source of a module, of the definitions that it imports from mmbench
(or from its own package), and of those that these use in turn; of libraries, the names that are
imported. Code is never run. An edit of a method changes the fingerprint of that method, a new
function in a shared module changes none, and comments, docstrings and formatting do not count.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mmbench.errors import InputError

# beside the names that a module defines at its top level: all of its code, and what it executes
# when it is imported
_EVERYTHING = "<everything>"
_EFFECTS = "<effects>"

# the wording of errors and the writing of files do not affect results
_IGNORED = ("mmbench.errors.", "mmbench.files.", "mmbench.checks.")

# a file, and a name in it
_Place = tuple[Path, str]


def fingerprint(source: Path, *others: Path) -> str:
    """Return sixteen hex digits for a module and the definitions that it uses.

    Args:
        source: the file of the module.
        others: more files that belong to it, such as modules that it imports by name.

    Raises:
        InputError: a file cannot be parsed.
    """
    digest = hashlib.sha256()
    reached = _reached([path.resolve() for path in (source, *others)])
    for path, name in sorted(reached, key=lambda place: (place[0].stem, place[1])):
        digest.update(f"{path.stem}:{name}\n{_canonical(_read(path).code.get(name, []))}".encode())
        for imported in sorted(reached[path, name]):
            digest.update(f"{imported}\n".encode())
    return digest.hexdigest()[:16]


def _reached(sources: list[Path]) -> dict[_Place, set[str]]:
    """Return every place that modules depend on, themselves included.

    Each comes with the names that it uses of libraries, such as `KMeans=sklearn.cluster.KMeans`.
    """
    packages = {"mmbench", *_parents(sources[0])[:1]}
    found: dict[_Place, set[str]] = {}
    waiting: list[_Place] = [(source, _EVERYTHING) for source in sources]
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        libraries = found[place] = set()
        path, name = place
        module = _read(path)
        for used in module.names_used_by(name):
            for target in module.imported(used):
                if target.startswith(_IGNORED):
                    continue
                inside = _resolved(target) if target.partition(".")[0] in packages else None
                if inside is None:
                    libraries.add(f"{used}={target}")
                else:
                    waiting.append(inside)
            if used in module.code and name != _EVERYTHING:
                waiting.append((path, used))
        if name != _EVERYTHING and _EFFECTS in module.code:
            waiting.append((path, _EFFECTS))
    return found


def _resolved(target: str) -> _Place | None:
    """Return the place of a dotted name: a whole module, or a definition in one."""
    if (path := _find(target)) is not None:
        return path, _EVERYTHING
    module, _, name = target.rpartition(".")
    path = _find(module) if module else None
    return None if path is None else (path, name)


def _find(module: str) -> Path | None:
    """Return the source file of a module; unlike `find_spec`, without running its parents."""
    package, *below = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    if not below:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*below)
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


class _Module:
    """The parsed source of a file.

    Attributes:
        code: the statements behind each name that the module defines at its top level, and
            behind `_EVERYTHING` and `_EFFECTS`; without imports.
    """

    def __init__(self, path: Path) -> None:
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        except SyntaxError as error:
            raise InputError(f"{path}, line {error.lineno}: {error.msg}") from None
        self._imports: dict[str, set[str]] = {}
        for node in ast.walk(tree):  # functions may import too
            for name, target in _imported(node, path):
                self._imports.setdefault(name, set()).add(target)
        self.code: dict[str, list[ast.stmt]] = {}
        for statement in tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_docstring(statement):
                continue
            names = {_EVERYTHING, *_defined(statement)}
            if len(names) == 1 and not _is_guard(statement):
                names.add(_EFFECTS)
            for name in names:
                self.code.setdefault(name, []).append(statement)

    def imported(self, name: str) -> set[str]:
        """Return the dotted names that a name may stand for, also by `import *`."""
        if name in self._imports or name in self.code:
            return self._imports.get(name, set())
        return {f"{target[:-1]}{name}" for target in self._imports.get("*", ())}

    def names_used_by(self, name: str) -> set[str]:
        """Return the plain names in the code of a name, and the name: it may be imported."""
        used = {name} - {_EVERYTHING, _EFFECTS}
        for node in self.code.get(name, ()):
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


def _defined(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement defines, also inside `if`, `try` and the like."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif not isinstance(node, ast.comprehension):
        for child in ast.iter_child_nodes(node):
            yield from _defined(child)


def _is_guard(node: ast.stmt) -> bool:
    """Return whether a statement is for type checkers, or for running the file as a script."""
    return isinstance(node, ast.If) and any(
        isinstance(name, ast.Name) and name.id in ("TYPE_CHECKING", "__name__")
        for name in ast.walk(node.test)
    )


def _is_docstring(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _canonical(node: object) -> str:
    """Return a tree as text that is the same for every version of Python.

    Unlike `ast.dump`, it leaves out empty fields, since newer versions add fields to old nodes.
    """
    if isinstance(node, list):
        return f"[{','.join(_canonical(item) for item in node if not _is_docstring(item))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={_canonical(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("kind", "type_comment", "ctx")
    ]
    return f"{type(node).__name__}({','.join(fields)})"
