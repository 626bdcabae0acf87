"""The page of a benchmark: a folder that opens from disk, without a server or a network.

    results/{benchmark}/report/
        index.html     the leaderboard with the scores of every cell, tables, cards, provenance
        data/*.js      the runs of a data set, loaded when one of its cells is opened
        figures/*.png  copies, so that the folder can be moved
        assets/        style, script, and libraries copied from their installed packages

A page opened from disk may not fetch files, but it may load scripts. So each file of `data/` is
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
from mmbench.files import write_text
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
        report: runs of a data set without details have no curves.
        folder: usually `results/{benchmark}/report`; images are copied from `figures/` beside it.
        sections: what follows the leaderboard.
        figures: the caption of each figure.

    Raises:
        InputError: a figure is missing, or the page cannot be written. A page that was there
            stays as it was.
    """
    board = content.board(report)
    environment = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with _replacing(folder) as temporary:
        libraries = copy_libraries(temporary / "assets")
        for name in ("page.css", "page.js"):
            text = files(__name__).joinpath("assets", name).read_text(encoding="utf-8")
            write_text(temporary / "assets" / name, text)
        for name in figures:
            _copy_figure(folder.parent / "figures" / f"{name}.png", temporary / "figures")
        for entry, scores in zip(board["datasets"], report.datasets, strict=True):
            runs = runs_of(report, scores)
            script = f"mmbenchRuns({script_json([entry['file'], runs])});"
            write_text(temporary / "data" / entry["file"], script)
        html = environment.get_template("index.html.j2").render(
            spec=report.spec,
            board=board,
            board_json=script_json(board),
            sections=sections,
            endings=content.endings(report),
            figures=content.figures_by_family(figures),
            data_cards=[content.data_card(scores) for scores in report.datasets],
            method_cards=[content.method_card(report, method) for method in report.spec.methods],
            provenance=content.provenance(report),
            libraries=libraries,
        )
        write_text(temporary / "index.html", html)


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


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; move it there when the block ends without error."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent
        ) as scratch:
            new, old = Path(scratch, "new"), Path(scratch, "old")
            new.mkdir()  # with the usual permissions; only its owner can read the scratch folder
            yield new
            if folder.exists():
                os.replace(folder, old)
            os.replace(new, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the page: {error.strerror or error}") from error
