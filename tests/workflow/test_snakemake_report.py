"""Snakemake's own report: every table and figure is in it, with a caption and a category."""

import zipfile

import pytest

pytestmark = pytest.mark.slow


def test_it_holds_tables_and_figures_with_their_captions(project):
    project.snakemake()
    project.snakemake("--report", "report.zip")
    with zipfile.ZipFile(project.folder / "report.zip") as archive:
        names = [name.rpartition("/")[2] for name in archive.namelist()]
        (page,) = [name for name in archive.namelist() if name.endswith("report.html")]
        text = archive.read(page).decode()
    for name in ("leaderboard.csv", "significance.csv", "scores-toy-3view.png", "cost.png"):
        assert name in names
    for words in (
        "Tables",
        "Figures",
        "A table of the benchmark default",
        "<p>Ranks are averaged over",
    ):
        assert words in text
    assert "{% if" not in text
