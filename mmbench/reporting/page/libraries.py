"""JavaScript libraries of the page, copied from the installed Python packages that contain them.

Nothing minified is in this repository. The versions are those of the lock file, and the licences
are copied with the libraries.
"""

import base64
from importlib.metadata import Distribution, distribution
from pathlib import Path

from mmbench.errors import InputError


def copy_libraries(folder: Path) -> list[str]:
    """Write datatables.js, plotly.js and their licences into a new folder.

    Returns:
        The packages with their versions, as the page prints them.

    Raises:
        InputError: a package is not installed or lacks the file.
    """
    folder.mkdir(parents=True)
    tables, bundle = _library("itables", "itables/html/dt_bundle.js", folder)
    plots, plotly = _library("plotly", "plotly/package_data/plotly.min.js", folder)
    # a page from disk may not import a module by its path, but it may import a data: address
    module = base64.b64encode(bundle).decode()
    script = f'window.datatables = import("data:text/javascript;base64,{module}");\n'
    (folder / "datatables.js").write_text(script, encoding="utf-8")
    (folder / "plotly.js").write_bytes(plotly)
    return [f"{package.name} {package.version}" for package in (tables, plots)]


def _library(name: str, file: str, folder: Path) -> tuple[Distribution, bytes]:
    """Copy the licences of an installed package; return it with the content of a file of it."""
    try:
        package = distribution(name)
    except ModuleNotFoundError:
        raise InputError(f"the page: expected the package {name}, found none installed") from None
    found = [f for f in package.files or () if "LICENSE" in f.name and ".dist-info" in str(f)]
    texts = [Path(str(f.locate())).read_text(encoding="utf-8") for f in found]
    (folder / f"LICENSE-{package.name}.txt").write_text("\n\n".join(texts), encoding="utf-8")
    try:
        return package, Path(str(package.locate_file(file))).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"the page: expected {file} in {name} {package.version}, found none"
        ) from None
