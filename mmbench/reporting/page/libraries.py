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
    tables, plots = _installed("itables"), _installed("plotly")
    # a page from disk may not import a module by its path, but it may import a data: address
    module = base64.b64encode(_content(tables, "itables/html/dt_bundle.js")).decode()
    script = f'window.datatables = import("data:text/javascript;base64,{module}");\n'
    (folder / "datatables.js").write_text(script, encoding="utf-8")
    (folder / "plotly.js").write_bytes(_content(plots, "plotly/package_data/plotly.min.js"))
    for package in (tables, plots):
        (folder / f"LICENSE-{package.name}.txt").write_text(_licence(package), encoding="utf-8")
    return [f"{package.name} {package.version}" for package in (tables, plots)]


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except ModuleNotFoundError:
        raise InputError(f"the page: expected the package {name}, found none installed") from None


def _content(package: Distribution, file: str) -> bytes:
    try:
        return Path(str(package.locate_file(file))).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"the page: expected {file} in {package.name} {package.version}, found none"
        ) from None


def _licence(package: Distribution) -> str:
    licences = [
        file for file in package.files or () if "LICENSE" in file.name and ".dist-info" in str(file)
    ]
    return "\n\n".join(Path(str(f.locate())).read_text(encoding="utf-8") for f in licences)
