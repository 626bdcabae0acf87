"""The page of a benchmark: one folder that opens from disk, without a server or a network.

    results/{benchmark}/report/
        index.html     the leaderboard and everything else, with the scores of every cell
        data/*.js      the runs of a data set, read when one of its cells is opened
        figures/*.png  copies, so that the folder can be moved anywhere
        assets/        style, script, and libraries copied from their installed packages

A page opened from disk may not fetch files, but it may load scripts: so each file of `data/` is
a call of the function `mmbenchRuns` with JSON as its argument.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mmbench.errors import InputError
from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import PageSection
from mmbench.reporting.page import content
from mmbench.reporting.page.libraries import copy_libraries
from mmbench.reporting.page.runs import runs_of

__all__ = ["write_page"]


def write_page(
    report: ReportContext,
    folder: Path,
    *,
    sections: Sequence[PageSection] = (),
    figures: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the page of a benchmark, whole or not at all.

    Args:
        report: a data set without details has runs without curves.
        folder: where the page goes, usually `results/{benchmark}/report`. Images are copied
            from `figures/{stem}.png` beside it.
        sections: below the leaderboard, in this order.
        figures: for each figure, by the stem of its file, a caption of a sentence or two.

    Raises:
        InputError: a figure is missing, or nothing can be written there; a page that was there
            stays as it was.
    """
    spec, stored = report.spec, report.datasets
    board = content.board(spec, stored)
    shown = {
        "spec": spec,
        "board": board,
        "sections": sections,
        "endings": content.endings(spec, stored),
        "figures": content.figures(figures),
        "cards": [content.data_card(one) for one in stored],
        "methods": [content.method_card(method, stored) for method in spec.methods],
        "provenance": content.provenance(spec, stored),
    }
    with _replacing(folder) as temporary:
        libraries = copy_libraries(temporary / "assets")
        for name in ("page.css", "page.js"):
            text = files(__name__).joinpath("assets", name).read_text(encoding="utf-8")
            (temporary / "assets" / name).write_text(text, encoding="utf-8")
        for stem in figures:
            _copy_figure(folder.parent / "figures" / f"{stem}.png", temporary / "figures")
        (temporary / "data").mkdir()
        for entry, one in zip(board["datasets"], stored, strict=True):
            runs = runs_of(spec, one, report.details_of(one.name))
            script = f"mmbenchRuns({script_json([entry['file'], runs])});"
            (temporary / "data" / entry["file"]).write_text(script, encoding="utf-8")
        page = _environment().get_template("index.html.j2")
        html = page.render(**shown, board_json=script_json(board), libraries=libraries)
        (temporary / "index.html").write_text(html, encoding="utf-8")


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a script: no text in it can end or break the script."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _copy_figure(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    try:
        shutil.copyfile(source, folder / source.name)
    except FileNotFoundError:
        raise InputError(f"{source}: expected a figure, found none") from None


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; put it in its place if the block ends well."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent
        ) as scratch:
            new, old = Path(scratch, "new"), Path(scratch, "old")
            new.mkdir()  # with the permissions of any folder; the scratch is for its owner alone
            yield new
            if folder.exists():
                os.replace(folder, old)
            os.replace(new, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the page: {error.strerror or error}") from error
