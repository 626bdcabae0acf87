"""The files of the page: their content, the escaping of names, and that none is half-written."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from unittest.mock import Mock

import pytest

from mmbench.errors import InputError
from mmbench.reporting.documents import Cell, PageSection, Table
from mmbench.reporting.page import script_json
from mmbench.reporting.page.content import board, endings
from mmbench.reporting.page.runs import MAX_POINTS, ORACLE_CURVE, command

NASTY = "</script><script>alert(1)</script>\u2028&amp;"
SECTION = PageSection(
    "Statistics",
    f"CMMC is first. {NASTY}",
    [
        Table(
            "x",
            "Ranks",
            "One line.",
            [Cell("method"), Cell("rank"), Cell("oracle gap")],
            [[Cell(NASTY, note=NASTY), Cell("1.5", "oracle"), Cell("+0.1", "oracle")]],
        )
    ],
    [Table("y", "All pairs", "", [Cell("pair")], [[Cell("CMMC, DMIM", "best")]])],
)


class Reader(HTMLParser):
    """Collects the tags of a page and its text, as a browser would see them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def addresses(self):
        return [a[k] for _, a in self.tags for k in ("src", "href") if k in a]


@pytest.fixture
def page(page_of):
    return page_of(sections=[SECTION], figures={"scores-digits": f"Scores {NASTY}"})


def argument(script):
    """Return what a script file hands to the page."""
    return json.loads(script.removeprefix("mmbenchRuns(").removesuffix(");"))


def test_the_folder_contains_all_that_the_page_loads(page):
    reader = Reader((page / "index.html").read_text())
    for address in reader.addresses():
        assert address.startswith("#") or address == "data:," or (page / address).is_file(), address
    assert not re.search(r"https?:", (page / "index.html").read_text())
    assert (page / "figures" / "scores-digits.png").read_bytes() == b"a picture"
    for name in ("itables", "plotly"):
        assert "Permission is hereby granted" in (
            page / "assets" / f"LICENSE-{name}.txt"
        ).read_text(encoding="utf-8")


def test_a_nasty_name_is_text_everywhere(page, stored):
    html = (page / "index.html").read_text()
    scripts = [attrs for tag, attrs in Reader(html).tags if tag == "script"]
    assert [s.get("src", s.get("id")) for s in scripts] == [
        "assets/datatables.js",
        "assets/page.js",
        "board-data",
    ]
    assert "".join(Reader(html).text).count(NASTY) == 4  # statement, cell, note, caption
    titles = "".join(Reader(html).text)
    assert "Parts & <b>bold</b>|50%" in titles
    (script,) = (page / "data").glob("*-digits.js")
    assert "<" not in script.read_text()


@pytest.mark.parametrize("text", [NASTY, "\u2029", "<!--", "]]>", "é"])
def test_json_in_a_script_is_the_same_json_and_cannot_end_the_script(text):
    written = script_json({"name": text})
    assert json.loads(written) == {"name": text}
    assert not set(written) & set("<>&\u2028\u2029")


def test_the_file_of_a_data_set_is_in_the_folder_whatever_its_name(stored):
    report = stored.report()
    datasets = [
        replace(scores, dataset=scores.dataset.model_copy(update={"name": name}))
        for scores, name in zip(report.datasets[:2], ("../../é x", "..-..-é-x"), strict=True)
    ]
    files = [d["file"] for d in board(replace(report, datasets=datasets))["datasets"]]
    assert files == ["000--x.js", "001--x.js"]


def test_the_board_has_the_digits_of_the_leaderboard(stored):
    accs = [0.52, 0.53, 0.5475]  # their mean is the float above 0.5325
    for row in stored.scores["halves"]:
        if (row["method"], row["subset"], row["metric"]) == ("cmmc", "all", "acc"):
            row["value"] = accs[row["seed"]]
    text = json.dumps(board(stored.write().report()))
    assert "[0.532, 0.014]" in text
    assert "0.533" not in text


def test_each_cell_has_its_scores_curves_and_log(page):
    (script,) = (page / "data").glob("*-digits.js")
    file, runs = argument(script.read_text())
    assert file == script.name
    cmmc, dmim = runs["methods"]["cmmc"], runs["methods"]["dmim"]
    assert cmmc["scores"]["last"]["all"]["acc"] == [0.8, 0.9, 0.85]
    assert cmmc["scores"]["oracle"]["all"]["acc"] == [0.9, 0.9, 0.9]
    assert cmmc["common"]["device"] == "cpu"
    assert [run["seed"] for run in cmmc["runs"]] == [0, 1, 2]
    assert dmim["scores"]["last"]["all"]["acc"] == [0.7, None, 0.7]
    assert dmim["runs"][1]["status"] == "diverged"
    assert dmim["runs"][1]["log_tail"] == "epoch 3\nloss is NaN </script>"
    assert [run["seconds_total"] for run in dmim["runs"]] == [10.0, 90.0, 20.0]
    assert runs["methods"]["km-view"]["scores"]["oracle"]["best view"]["acc"] == [0.3, 0.4, 0.6]


def test_curves_are_thinned_with_both_ends_and_not_finite_values_left_out(page):
    (script,) = (page / "data").glob("*-digits.js")
    _, runs = argument(script.read_text())
    curves = runs["methods"]["cmmc"]["curves"]
    axis, values = curves["loss"]["0"]
    epochs = runs["axes"][axis]
    assert len(epochs) == len(values) == MAX_POINTS
    assert (epochs[0], epochs[-1]) == (0, 999)
    assert (values[0], values[1], values[-1]) == (1000.0, None, 1.0)
    assert curves["loss"]["1"][0] == axis  # seeds of one schedule share their epochs
    assert curves[ORACLE_CURVE]["0"][1] == [0.5, 0.9]


def test_the_command_repeats_the_seeds_parameters_and_precision(stored):
    scores = stored.report().datasets[0]
    method = stored.spec.methods[3].model_copy(
        update={"params": {"hidden": [8, 4], "mode": "a b", "weight": 0.5}}
    )
    assert command(stored.spec, scores, method) == (
        "mmbench run cmmc digits --seeds 3 --set 'hidden=[8, 4]' --set 'mode=\"a b\"'"
        " --set weight=0.5 --precision float32"
    )


def test_the_command_of_a_swept_row_names_the_entry_and_an_imported_one_has_none(stored):
    scores, cmmc = stored.report().datasets[0], stored.spec.methods[3]
    swept = {"base": "cmmc", "varied": {"epochs": 5}, "params": {"epochs": 5, "weight": 0.5}}
    assert command(stored.spec, scores, cmmc.model_copy(update=swept)) == (
        "mmbench run cmmc digits --seeds 3 --set epochs=5 --set weight=0.5 --precision float32"
    )
    variant = swept | {"params": {"weight": 0.5}}  # the catalogue has its epochs
    assert command(stored.spec, scores, cmmc.model_copy(update=variant)).startswith(
        "mmbench run cmmc digits --seeds 3 --set weight=0.5"
    )
    assert command(stored.spec, scores, cmmc.model_copy(update={"uses": "imported"})) == ""


def test_endings_are_counted_and_grouped_by_cause(stored):
    found = endings(stored.report())
    assert found["n_runs"] == 5 * 6 * 3
    # three paired sets: six methods less sacc and a seed of dmim; halves: three methods
    assert found["statuses"]["ok"] == 3 * (5 * 3 - 1) + 3 * 3
    causes = {(c["status"], c["reason"]): c for c in found["causes"]}
    assert causes["not applicable", "needs images"]["runs"] == 9
    assert [c["at"] for c in causes["diverged", "loss is NaN at epoch 3"]["cells"]] == [
        "4,0",
        "4,1",
        "4,3",
    ]


def test_the_leaderboard_says_which_view_stands_for_k_means_of_one_view(stored, page_of):
    def hint():
        text = "".join(Reader((page_of() / "index.html").read_text()).text)
        return "k-means: the number is that of the view" in text

    assert not hint()
    methods = [
        m.model_copy(update={"uses": "kmeans_view"}) if m.name == "km-view" else m
        for m in stored.spec.methods
    ]
    stored.spec = stored.spec.model_copy(update={"methods": tuple(methods)})
    assert hint()


def test_the_leaderboard_has_the_remarks_of_the_benchmark_on_a_row(stored, page_of):
    methods = [m.model_copy(update={"remark": "oracle: epochs"}) for m in stored.spec.methods[:1]]
    methods += stored.spec.methods[1:]
    stored.spec = stored.spec.model_copy(update={"methods": tuple(methods)})
    text = "".join(Reader((page_of() / "index.html").read_text()).text)
    assert text.count(f"{methods[0].title}: oracle: epochs.") == 1


def test_runs_that_could_not_start_are_no_failures(stored, page):
    summary = endings(stored.report())["summary"]
    assert summary == "51 ok, 18 not applicable, 18 data unavailable, 3 failed"
    text = "".join(Reader((page / "index.html").read_text()).text)
    assert text.count(f"90 runs: {summary}.") == 2  # at the top, and where the causes are
    assert "Failures" not in text


def test_an_oracle_is_in_italics_with_the_word_beside_it(page):
    html = " ".join((page / "index.html").read_text().split())
    assert '<em class="oracle">1.5</em> <small>oracle</small>' in html
    assert '<em class="oracle">+0.1</em>' in html
    assert '<em class="oracle">+0.1</em> <small>' not in html  # its column says so


def test_cards_have_warnings_and_the_source_of_the_files(page):
    text = "".join(Reader((page / "index.html").read_text()).text)
    for words in (
        "its rows are sorted",
        "CC BY 4.0",
        "Its files were not verified against a published checksum.",
        "The classes are unequal: 10 to 60 samples.",
        "The pairing reveals labels",
        "It was written from the publication, without released code.",
    ):
        assert words in text, words


def test_the_same_results_give_the_same_bytes(page_of):
    first = {p: p.read_bytes() for p in page_of().rglob("*") if p.is_file()}
    again = {p: p.read_bytes() for p in page_of().rglob("*") if p.is_file()}
    assert first == again


@pytest.mark.parametrize("break_at", ["figure", "details", "garbage", "disk"])
def test_a_broken_run_leaves_the_page_that_was_there(break_at, stored, page_of, monkeypatch):
    folder = page_of()
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    details = stored.results / "details" / "halves.npz"
    figures = {}
    if break_at == "figure":
        figures, complaint = {"scores-none": "x"}, "scores-none.png: expected a figure, found none"
    elif break_at == "details":
        details.unlink()
        complaint = "halves.npz: expected the details of scores, found none"
    elif break_at == "garbage":
        details.write_bytes(b"PK garbage")
        complaint = "halves.npz: expected an .npz of details"
    else:
        full = OSError(28, "No space left on device")
        monkeypatch.setattr("mmbench.reporting.page.runs_of", Mock(side_effect=full))
        complaint = "report: cannot write the page: No space left"
    with pytest.raises(InputError, match=complaint):
        page_of(figures=figures)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in stored.results.iterdir() if p.name.startswith(".")] == []


def test_a_library_that_is_not_installed_is_named(monkeypatch, page_of):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("mmbench.reporting.page.libraries.distribution", missing)
    with pytest.raises(InputError, match="expected the package itables, found none installed"):
        page_of()


def test_tables_of_sections_are_open_or_folded(page):
    html = (page / "index.html").read_text()
    assert re.search(r"<details><summary>All pairs</summary>", html)
    assert not re.search(r"<details><summary>Ranks</summary>", html)
