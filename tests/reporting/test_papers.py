"""The tables of a paper: laid out as in print, with a number or a reason in every cell."""

import csv
import re
from pathlib import Path

import pytest

from mmbench.config import read_benchmark, read_datasets, read_methods
from mmbench.errors import InputError
from mmbench.reporting.paper_layout import layout_path, read_layout
from mmbench.reporting.published import Published, read_published
from mmbench.reporting.tables.papers import FROM_MEMORY, TEXT

ROOT = Path(__file__).parents[2]
PAPERS = ("cmmc", "sacc", "dm2c", "dmim")
PRINTED = f"""\
{",".join(Published.model_fields)}
RMSL,Digits,ACC,0.4240,,MFLVC,Table 2,memory,memory,,digits,all,,,
MFLVC,Digits,ACC,0.995,,MFLVC,Table 2,memory,memory,cmmc,digits,all,,,
MFLVC,Digits,ACC,0.860,,SCMVC,Table 3,a picture,yes,cmmc,digits,all,scaled,,
MFLVC,Digits,NMI,0.500,,SCMVC,Table 3,a picture,yes,cmmc,digits,all,scaled,,
SCMVC,Digits,ACC,0.900,0.01,SCMVC,Table 3,a picture,yes,,digits,all,,,
SACC,Digits,ACC,0.700,,SCMVC,Table 3,a picture,yes,sacc,digits,all,,,
MFLVC,Old digits,ACC,0.300,,SCMVC,Table 3,a picture,yes,cmmc,,all,,parts,half of it
MFLVC,Secret,ACC,0.200,,SCMVC,Table 3,a picture,yes,cmmc,,all,,,
MFLVC,Away,ACC,0.100,,SCMVC,Table 3,a picture,yes,cmmc,away,all,,,
"""
LAYOUT = """\
title: CMMC, in print and here
text: What to know.
tables:
  - title: SCMVC, Table 3
    text: Run again.
    papers: [SCMVC, MFLVC]
    metrics: [ACC, NMI]
    rows: [RMSL, SCMVC, MFLVC, SACC, {entry: dmim}]
    columns: [Digits, {printed: Old digits, data: parts, note: A note}, Secret, Away]
  - title: Our own
    metrics: [ACC]
    rows: [{entry: cmmc}, {entry: km_all}, {entry: dec}]
    columns: [{data: digits}]
"""
MARKDOWN = f"""\
# CMMC, in print and here

What to know.

{TEXT}

## SCMVC, Table 3

Run again.

### Digits

100 samples; 3 classes. What differs: scaled

| method | ACC | here | NMI | here | seeds |
| :-- | --: | --: | --: | --: | --: |
| RMSL | <small>(0.4240)</small> <sup>a</sup> | not in the catalogue <sup>b</sup> | – | – | – |
| SCMVC | 0.900 ± 0.010 | not in the catalogue <sup>b</sup> | – | – | – |
| MFLVC (here: CMMC) <sup>c</sup> | 0.860 | 0.850 ± 0.050 | 0.500 | 0.425 ± 0.025 | 3/3 |
| SACC | 0.700 | n/a <sup>d</sup> | – | – | 0/3 |
| DMIM (from the paper) | – | 0.700 ± 0.000 <sup>e</sup> | – | 0.350 ± 0.000 | 2/3 |

<sup>a</sup> {FROM_MEMORY}<br>
<sup>b</sup> mmbench has no such method<br>
<sup>c</sup> hyperparameters of its own on this data set<br>
<sup>d</sup> needs images<br>
<sup>e</sup> 2 of 3 seeds ended ok; one diverged: loss is NaN at epoch 3

### Old digits, here Parts &amp; &lt;b&gt;bold&lt;/b&gt;\\|50%

100 samples; 3 classes. Not comparable: half of it. A note

| method | ACC | here | NMI | here | seeds |
| :-- | --: | --: | --: | --: | --: |
| RMSL | – | not in the catalogue <sup>a</sup> | – | – | – |
| SCMVC | – | not in the catalogue <sup>a</sup> | – | – | – |
| MFLVC (here: CMMC) | 0.300 | 0.850 ± 0.050 | – | 0.425 ± 0.025 | 3/3 |
| SACC | – | n/a <sup>b</sup> | – | – | 0/3 |
| DMIM (from the paper) | – | 0.700 ± 0.000 <sup>c</sup> | – | 0.350 ± 0.000 | 2/3 |

<sup>a</sup> mmbench has no such method<br>
<sup>b</sup> needs images<br>
<sup>c</sup> 2 of 3 seeds ended ok; one diverged: loss is NaN at epoch 3

"""
OUR_OWN = """\
## Our own

### Digits

100 samples; 3 classes

| method | ACC | seeds |
| :-- | --: | --: |
| CMMC <sup>a</sup> | 0.850 ± 0.050 | 3/3 |
| k\\_means, all <sup>b</sup> | 0.600 ± 0.100 | 3/3 |
| dec | not run here <sup>c</sup> | – |

<sup>a</sup> hyperparameters of its own on this data set<br>
<sup>b</sup> hyperparameters set by the benchmark on top of the catalogue's<br>
<sup>c</sup> the method is not in this benchmark
"""
LATEX = r"""{lrrrrr}
\toprule
method & ACC & here & NMI & here & seeds \\
\midrule
RMSL & \textcolor{gray}{(0.4240)}$^{a}$ & not in the catalogue$^{b}$ & -- & -- & -- \\
SCMVC & 0.900 $\pm$ 0.010 & not in the catalogue$^{b}$ & -- & -- & -- \\
MFLVC (here: CMMC)$^{c}$ & 0.860 & 0.850 $\pm$ 0.050 & 0.500 & 0.425 $\pm$ 0.025 & 3/3 \\
SACC & 0.700 & n/a$^{d}$ & -- & -- & 0/3 \\
DMIM (from the paper) & -- & 0.700 $\pm$ 0.000$^{e}$ & -- & 0.350 $\pm$ 0.000 & 2/3 \\
\bottomrule
"""


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(PRINTED)
    return read_published(path)


def layout(folder, text=LAYOUT):
    path = folder / "cmmc-tables.yaml"
    path.write_text(text)
    return path


def write(stored, published, path):
    spec = stored.spec.model_copy(update={"name": "paper_cmmc"})
    shown = read_layout(path, published)
    return stored.tables("papers", spec, published=published, layout=shown)


@pytest.fixture
def tables(stored, published, tmp_path):
    """The files of the table, by name."""
    return write(stored, published, layout(tmp_path))


def rows_of(tables, **where):
    rows = csv.DictReader(tables["paper-cmmc.csv"].splitlines())
    return [row for row in rows if where.items() <= row.items()]


def test_the_markdown_has_the_rows_of_the_paper_and_ours_beside(tables):
    shown, rest = tables["paper-cmmc.md"].split("### Secret")
    assert shown == MARKDOWN
    assert rest.endswith(OUR_OWN)


def test_the_latex_greys_what_is_from_memory(tables):
    text = tables["paper-cmmc.tex"]
    assert text.startswith("% needs \\usepackage{booktabs} and \\usepackage{xcolor}\n")
    assert text.split("\\begin{tabular}")[1].split("\\end{tabular}")[0] == LATEX


def test_a_paper_that_is_named_first_counts_and_memory_gets_no_verdict(stored, published, tmp_path):
    (row,) = rows_of(
        write(stored, published, layout(tmp_path)),
        table="SCMVC, Table 3",
        printed_method="MFLVC",
        printed_dataset="Digits",
        metric="ACC",
    )
    assert (row["printed"], row["paper"], row["verdict"]) == ("0.860", "SCMVC", "undecided")
    turned = LAYOUT.replace("[SCMVC, MFLVC]", "[MFLVC, SCMVC]")
    row = rows_of(
        write(stored, published, layout(tmp_path, turned)),
        printed_method="MFLVC",
        printed_dataset="Digits",
    )[0]
    assert (row["printed"], row["verified"], row["verdict"]) == ("0.995", "memory", "unverified")


@pytest.mark.parametrize(
    ("method", "dataset", "verdict", "why"),
    [
        ("SCMVC", "Digits", "not in the catalogue", "mmbench has no such method"),
        ("MFLVC", "Secret", "not in the catalogue", "mmbench has no such data set"),
        ("MFLVC", "Away", "data unavailable", "no source answered"),
        ("MFLVC", "Old digits", "not comparable", "half of it"),
        ("SACC", "Digits", "not run", "needs images"),
    ],
)
def test_every_printed_number_that_is_not_compared_says_why(tables, method, dataset, verdict, why):
    row = rows_of(tables, printed_method=method, printed_dataset=dataset, metric="ACC")[0]
    assert (row["verdict"], row["why"]) == (verdict, why)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("papers: [SCMVC,", "papers: [SCMV,", "SCMVC, Table 3: unknown paper 'SCMV'; did you mean"),
        ("rows: [RMSL", "rows: [RMLS", "unknown method in print 'RMLS'; did you mean 'RMSL'?"),
        ("columns: [Digits", "columns: [Digit", "unknown data set in print 'Digit'"),
        ("data: parts", "data: halves", "that published.csv names (parts), got 'halves'"),
        ("metrics: [ACC]", "metrics: [acc]", "tables: 1: metrics: 0: expected 'ACC', 'NMI'"),
        ("{entry: dec}", "{entry: ''}", "expected either the name in print or `entry`"),
        ("{data: digits}", "{note: x}", "expected the name in print or `data`, got neither"),
        ("text: Run again.", "texts: Run again.", "unknown key 'texts'; did you mean 'text'?"),
        ("title: Our own", "text: Our own", "tables: 1: expected a key 'title', found none"),
    ],
)
def test_a_wrong_layout_is_one_line_of_error(published, tmp_path, old, new, message):
    assert old in LAYOUT
    path = layout(tmp_path, LAYOUT.replace(old, new))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_layout(path, published)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_benchmark_of_a_paper_finds_its_layout_and_others_have_none(stored, tmp_path):
    path = layout(tmp_path)
    named = stored.spec.model_copy(update={"name": "paper_cmmc"})
    assert layout_path(named, tmp_path) == path
    assert layout_path(stored.spec.model_copy(update={"name": "cmmc"}), tmp_path) is None
    assert layout_path(stored.spec.model_copy(update={"name": "paper_sacc"}), tmp_path) is None


# ---------------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("paper", PAPERS)
def test_a_shipped_layout_asks_for_what_its_benchmark_runs(paper):
    published = read_published(ROOT / "config/published.csv")
    benchmark = read_benchmark(ROOT / f"config/papers/{paper}.yaml")
    shown = read_layout(ROOT / f"config/papers/{paper}-tables.yaml", published)
    methods, datasets = set(), set()
    for table in shown.tables:
        in_print = [row for row in published if row.paper in table.papers]
        for row in table.rows:
            methods |= {row.entry} | {p.entry for p in in_print if p.method == row.printed}
        for columns in table.columns:
            same = {p.data for p in in_print if p.dataset == columns.printed}
            datasets |= {columns.data} if columns.data else same
    assert benchmark.name == f"paper_{paper}"
    assert set(benchmark.datasets) <= datasets
    assert set(benchmark.methods) - {"majority", "random", "kmeans-concat"} <= methods
    if paper != "cmmc":  # it leaves out data of which the version in print is unknown
        assert datasets - {""} <= set(benchmark.datasets)
        assert methods - {""} <= set(benchmark.methods)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_shipped_benchmark_of_a_paper_has_known_names_and_five_seeds(paper):
    benchmark = read_benchmark(ROOT / f"config/papers/{paper}.yaml")
    assert set(benchmark.methods) <= set(read_methods([ROOT / "config/methods.yaml"]))
    assert set(benchmark.datasets) <= set(read_datasets([ROOT / "config/datasets.yaml"]))
    assert benchmark.seeds == 5
    assert not benchmark.params  # nothing set by the benchmark, so that it can be compared


def test_no_number_of_dmim_is_claimed_to_be_in_print():
    published = read_published(ROOT / "config/published.csv")
    shown = read_layout(ROOT / "config/papers/dmim-tables.yaml", published)
    assert not any(table.papers for table in shown.tables)
    assert not any("dmim" in f"{row.method} {row.entry}".lower() for row in published)
