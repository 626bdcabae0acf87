"""`mmbench run --show-augmentations` writes a sheet for visual inspection, and trains nothing."""

import re
from pathlib import Path

import pytest
from PIL import Image

from mmbench.cli import main

ROOT = Path(__file__).parents[2]


def test_the_sheet_shows_the_method_as_it_is_set(folder, capsys, monkeypatch):
    def trains(*_args, **_kwargs):
        raise AssertionError("expected a sheet, and no training")

    monkeypatch.setattr("mmbench.training.fit", trains)
    call = ["run", "sacc-small", "digits", "--show-augmentations"]
    assert main([*call, "sheets/both.png"]) == 0
    assert main([*call, "weak.png", "--set", "strong=none"]) == 0
    assert capsys.readouterr().out.split() == ["sheets/both.png", "weak.png"]
    zoom, frame, gap = 2, 29, 8
    with Image.open("sheets/both.png") as both, Image.open("weak.png") as weak:
        assert both.size == (zoom * frame * 13 + 2 * gap, zoom * frame * 8)
        assert weak.size == (zoom * frame * 7 + gap, zoom * frame * 8)


@pytest.mark.parametrize(
    ("method", "dataset", "file", "message"),
    [
        (
            "kmeans-concat",
            "digits",
            "a.png",
            "a method that augments images, got 'kmeans-concat'",
        ),
        ("sacc-small", "toy-3view", "a.png", "toy-3view: .*needs images, has feature views"),
        ("sacc-small", "digits", "a.jpg", "a file that ends in .png, got 'a.jpg'"),
    ],
)
def test_a_method_or_file_without_a_sheet_is_reported_in_one_line(
    folder, capsys, method, dataset, file, message
):
    assert main(["run", method, dataset, "--show-augmentations", file]) == 2
    (line,) = [m for m in capsys.readouterr().err.splitlines() if m.startswith("mmbench: ")]
    assert line.startswith("mmbench: run: --show-augmentations: ")
    assert re.search(message, line)
    assert not (folder / file).exists()
