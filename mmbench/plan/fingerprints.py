"""Fingerprints of the source code behind methods, scores and reports."""

from functools import cache

from mmbench.config import MethodEntry
from mmbench.files import digest, sha256
from mmbench.fingerprints import fingerprint
from mmbench.methods import locate

# the files besides Python that a report is made with: templates, styles and a script
_REPORT_FILES = (".j2", ".css", ".js", ".mplstyle")


def method_fingerprint(name: str, entry: MethodEntry) -> str:
    """Return the fingerprint of the source code that a method entry runs."""
    return _of_module(entry.uses, where=f"method {name}")


def scoring_fingerprint() -> str:
    """Return the fingerprint of the source code that compares runs with labels."""
    return _of_module("mmbench.evaluation.scoring")


@cache
def reporting_fingerprint() -> str:
    """Return the fingerprint of the source code that makes tables, figures and the page."""
    folder = locate("mmbench.reporting").parent
    files = sorted(path for path in folder.rglob("*.*") if path.suffix in _REPORT_FILES)
    # tables and figures are imported by name, which no import statement shows
    modules = sorted(folder.rglob("*.py"))
    return digest([fingerprint(folder / "__init__.py", *modules), *map(sha256, files)])


@cache
def _of_module(uses: str, where: str = "methods") -> str:
    return fingerprint(locate(uses, where=where))
