"""Markdown, LaTeX and plain text of one table; nothing in a name may break them."""

import re

import pytest

from mmbench.reporting.documents import Cell, Document, Section, Table
from mmbench.reporting.rendering import WIDTH, csv_text, latex, markdown, plain

TABLE = Table(
    "tiny-digits",
    "Digits",
    "100 samples",
    [Cell("method"), Cell("ACC"), Cell("oracle gap (ACC)", narrow="oracle\ngap")],
    [
        [Cell("k_means †"), Cell("0.500 ± 0.100", "second", narrow="0.500±0.100"), Cell("–")],
        [Cell("CMMC"), Cell("0.800", "best"), Cell("+0.010", "oracle")],
        [Cell("SACC"), Cell("n/a", note="needs images"), Cell("–", note="it & more")],
        [Cell("DM2C"), Cell("n/a", note="needs images"), Cell("–")],
    ],
)
SECTIONS = [Section("Paired views", "Each sample has all.", [TABLE])]
NASTY = r"<script>alert(1)</script> a|b *c* [d](e) `f` 50% $g$ {h} i~j^k \l #m &n _o"


def test_markdown_has_emphasis_and_lettered_notes():
    assert markdown(Document("Leaderboard", ["How to read."], SECTIONS)) == (
        "# Leaderboard\n\nHow to read.\n\n## Paired views\n\nEach sample has all.\n\n"
        "### Digits\n\n100 samples\n\n"
        "| method | ACC | oracle gap (ACC) |\n"
        "| :-- | --: | --: |\n"
        "| k\\_means † | <u>0.500 ± 0.100</u> | – |\n"
        "| CMMC | **0.800** | *+0.010* |\n"
        "| SACC | n/a <sup>a</sup> | – <sup>b</sup> |\n"
        "| DM2C | n/a <sup>a</sup> | – |\n\n"
        "<sup>a</sup> needs images<br>\n<sup>b</sup> it &amp; more\n"
    )


def test_latex_is_a_table_with_booktabs():
    assert latex(Document("", ["How to read."], SECTIONS)) == (
        "% needs \\usepackage{booktabs}\n\n"
        "\\begin{table}[htbp]\n\\centering\\small\n"
        "\\caption{Digits. 100 samples. Each sample has all.}\n\\label{tab:tiny-digits}\n"
        "\\begin{tabular}{lrr}\n\\toprule\nmethod & ACC & oracle gap (ACC) \\\\\n\\midrule\n"
        "k\\_means \\textdagger{} & \\underline{0.500 $\\pm$ 0.100} & -- \\\\\n"
        "CMMC & \\textbf{0.800} & \\textit{+0.010} \\\\\n"
        "SACC & n/a$^{a}$ & --$^{b}$ \\\\\n"
        "DM2C & n/a$^{a}$ & -- \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\n"
        "\\begin{minipage}{\\linewidth}\\footnotesize\\smallskip\n"
        "$^{a}$ needs images\\\\\n$^{b}$ it \\& more\\\\\nHow to read.\n\\end{minipage}\n"
        "\\end{table}\n"
    )


def test_plain_text_is_aligned_and_uses_the_short_forms():
    assert plain(["How to read."], SECTIONS) == (
        "How to read.\n\nPaired views. Each sample has all.\n\n"
        "Digits\n100 samples\n"
        "--------------------------------\n"
        "method             ACC   oracle\n"
        "                            gap\n"
        "--------------------------------\n"
        "k_means †  0.500±0.100²       –\n"
        "CMMC             0.800¹  +0.010\n"
        "SACC            n/a a)     – b)\n"
        "DM2C            n/a a)        –\n"
        "a) needs images\nb) it & more\n"
    )


def test_long_names_and_notes_are_wrapped_in_a_terminal():
    name = "a method whose name is much too long for the first column of a terminal"
    table = Table(
        "x", "Long", "", [Cell("m"), Cell("ACC")], [[Cell(name), Cell("1", note="n " * 200)]]
    )
    lines = plain([], [Section("S", "", [table])]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(" ".join(lines).replace("1 a)", "").split()).count("much too long for") == 1


@pytest.mark.parametrize("n", [3, 30])
def test_footnotes_are_lettered_in_the_order_in_which_they_are_met(n):
    rows = [[Cell(f"row {i}", note=f"note {i}")] for i in range(n)]
    letters = list(Table("x", "x", "", [Cell("m")], rows).notes.values())
    assert letters[:3] == ["a", "b", "c"]
    assert len(set(letters)) == n
    assert n < 30 or letters[25:28] == ["z", "aa", "ab"]


def test_markdown_shows_a_nasty_name_and_runs_nothing():
    table = Table("x", NASTY, NASTY, [Cell("m")], [[Cell(NASTY, "best", NASTY)]])
    text = markdown(Document(NASTY, [NASTY], [Section(NASTY, NASTY, [table])]))
    assert "<script>" not in text
    row = next(line for line in text.splitlines() if line.startswith("| **"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 2  # a table of one column
    assert len(re.findall(r"(?<!\\)\*", row)) == 4  # the emphasis alone


def test_latex_escapes_every_special_character():
    table = Table("a_b&c", NASTY, "", [Cell("m")], [[Cell(NASTY)]])
    text = latex(Document("", [NASTY], [Section("S", "", [table])]))
    bare = re.sub(r"\\[&%$#_{}]", "", text)  # what is left has a meaning for LaTeX
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[&#_~^$]", bare.split("\\toprule")[1].split("\\bottomrule")[0])
    assert "%" not in bare.removeprefix("% needs")
    assert "\\label{tab:a-b-c}" in text


def test_latex_without_a_table_is_the_text_so_that_input_shows_it():
    assert latex(Document("", ["Nothing & none.", "50 %."])) == (
        "% needs \\usepackage{booktabs}\n\nNothing \\& none. 50 \\%.\n"
    )


def test_latex_prints_a_minus_before_a_number_and_a_hyphen_within_a_name():
    row = [Cell("k-means-0.5"), Cell("-0.385"), Cell("0.9 (0.3, -1.2) [-0.10, .5]"), Cell("n-1")]
    table = Table("x", "CMMC: -0.385 (n - 1)", "", [Cell("m")] * 4, [row])
    text = latex(Document("", [], [Section("S", "", [table])]))
    assert r"k-means-0.5 & $-$0.385 & 0.9 (0.3, $-$1.2) [$-$0.10, .5] & n-1 \\" in text
    assert r"\caption{CMMC: $-$0.385 (n - 1).}" in text


def test_csv_quotes_what_needs_quotes():
    assert csv_text(["a", "b"], [["x,y", 1.5], ['"', ""]]) == 'a,b\n"x,y",1.5\n"""",\n'
