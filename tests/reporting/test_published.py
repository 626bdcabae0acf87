"""Which numbers in print a benchmark reproduces: the rule at its edges, and the tables."""

import re
from pathlib import Path

import numpy as np
import pytest

from mmbench.config import read_datasets, read_methods
from mmbench.errors import InputError
from mmbench.reporting.published import Published, published_scores, read_published
from mmbench.reporting.tables.published import LEFT_OUT
from mmbench.reporting.verdicts import RULE, Ours, our_scores, verdict

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config/published.csv"
HEADER = ",".join(Published.model_fields)
LINE = "CMMC,Digits,ACC,0.860,,A paper,Table 1,its text,yes,cmmc,digits,all,,,"


def printed(**values):
    """A number in print: the ACC of CMMC on Digits, 0.8, unless given otherwise."""
    known = {
        "method": "CMMC",
        "dataset": "Digits",
        "metric": "ACC",
        "value": 0.8,
        "paper": "A paper",
        "table": "Table 1",
        "source": "its text",
        "verified": "yes",
        "entry": "cmmc",
        "data": "digits",
    }
    return Published(**known | values)


def got(*values):
    return Ours(np.array(values), seeds=len(values))


def write(folder, *lines):
    path = folder / "published.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


# ------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.82] * 3, "reproduced"),
        ([0.78] * 3, "reproduced"),
        ([0.8201] * 3, "above"),
        ([0.7799] * 3, "below"),
        # t with 2 degrees of freedom is 4.303: half of the interval is 2.484 deviations
        ([0.792, 0.8, 0.808], "reproduced"),
        ([0.787, 0.795, 0.803], "reproduced"),
        ([0.812, 0.82, 0.828], "reproduced"),
        ([0.8121, 0.8201, 0.8281], "above"),
        ([0.7919, 0.8, 0.8081], "undecided"),
        ([0.85, 0.9, 0.95], "undecided"),
        ([0.88, 0.93, 0.98], "above"),
        ([0.62, 0.67, 0.72], "below"),
        # with 1 it is 12.706
        ([0.80, 0.90], "undecided"),
        ([0.8], "undecided"),
        ([0.2], "undecided"),
    ],
)
def test_a_verdict_needs_seeds_that_agree_better_than_the_margin(stored, values, expected):
    assert verdict(stored.report(), printed(), "digits", got(*values))[0] == expected


def test_wilder_or_fewer_seeds_never_reproduce_what_tamer_or_more_do_not(stored):
    for n in (1, 2, 3, 5, 10):
        for spread in (0.001, 0.01, 0.1):
            values = 0.83 + spread * np.resize([-1, 1], n)
            result, _ = verdict(stored.report(), printed(), "digits", got(*values))
            assert result in ("above", "undecided"), (n, spread)


def test_undecided_says_how_well_our_mean_is_known(stored):
    expected = verdict(stored.report(), printed(caveat="scaled"), "digits", got(0.75, 0.8, 0.85))
    assert expected == ("undecided", "3 seeds give our mean to ± 0.124; scaled")
    assert verdict(stored.report(), printed(), "digits", got(0.8)) == ("undecided", "one seed")


def test_the_deviation_that_a_paper_prints_widens_the_margin_and_the_table_says_so(stored):
    wide = printed(std=0.05)
    said = "margin: the printed deviation, 0.05"
    assert verdict(stored.report(), wide, "digits", got(0.85, 0.85)) == ("reproduced", said)
    assert verdict(stored.report(), wide, "digits", got(0.8501, 0.8501)) == ("above", said)
    narrow = printed(std=0.01)
    assert verdict(stored.report(), narrow, "digits", got(0.82, 0.82)) == ("reproduced", "")


def test_other_data_or_hyperparameters_of_the_benchmark_are_not_comparable(stored):
    near = printed(data="", near="digits", differs="half of the samples")
    expected = ("not comparable", "half of the samples")
    assert verdict(stored.report(), near, "digits", got(0.8)) == expected
    assert verdict(stored.report(), near, "digits", Ours()) == expected
    changed = printed(entry="km_all")
    assert verdict(stored.report(), changed, "digits", got(0.8))[0] == "not comparable"


def test_what_else_differs_in_the_same_data_is_printed_beside_the_verdict(stored):
    scaled = printed(caveat="scaled otherwise")
    expected = ("reproduced", "scaled otherwise")
    assert verdict(stored.report(), scaled, "digits", got(0.8, 0.8)) == expected


@pytest.mark.parametrize(
    ("data", "entry", "expected"),
    [
        ("away", "cmmc", ("data unavailable", "no source answered")),
        ("digits", "sacc", ("not run", "needs images")),
        ("digits", "dec", ("not run", "the method is not in this benchmark")),
        ("nowhere", "cmmc", ("not run", "the data set is not in this benchmark")),
    ],
)
def test_a_number_that_we_do_not_have_says_why(stored, data, entry, expected):
    ours = our_scores(stored.report(), entry, data, "acc", "all")
    row = printed(entry=entry, data=data)
    assert verdict(stored.report(), row, data, ours) == expected


def test_seeds_that_failed_are_counted_and_the_others_compared(stored):
    ours = our_scores(stored.report(), "dmim", "digits", "acc", "all")
    result, why = verdict(stored.report(), printed(entry="dmim", value=0.7), "digits", ours)
    assert result == "reproduced"
    assert why == "2 of 3 seeds ended ok; one diverged: loss is NaN at epoch 3"


def test_the_test_part_counts_where_the_paper_scores_it(stored):
    for seed in stored.spec.seeds:
        stored.score("digits", "cmmc", seed, 0.25, subset="test")
    stored.write()
    ours = our_scores(stored.report(), "cmmc", "digits", "acc", "test")
    assert ours.text == "0.250 ± 0.000"
    whole = our_scores(stored.report(), "cmmc", "parts", "acc", "test")
    assert whole.text == "0.850 ± 0.050"  # it has no test part


# ------------------------------------------------------------------------------- the file


def test_every_name_of_the_shipped_file_is_in_a_catalogue():
    methods = read_methods([ROOT / "config/methods.yaml"])
    datasets = read_datasets([ROOT / "config/datasets.yaml"])
    for row in read_published(SHIPPED):
        assert not row.entry or row.entry in methods, row
        for name in filter(None, (row.data, *row.near)):
            assert name in datasets, row
        if row.subset == "test":
            entry = datasets[row.data]
            in_files = all(getattr(source, "test", None) for source in entry.sources)
            assert in_files or entry.derivation.split, row


def test_shipped_sources_are_papers_and_repositories_not_places_on_a_machine():
    for row in read_published(SHIPPED):
        expected = " ".join([row.paper, row.table, row.source, row.caveat, row.differs])
        assert not re.search(r"https?:|file:|(^|\s)[/~.]\S*/|localhost", expected), row


def test_no_number_from_memory_reaches_a_verdict(stored):
    memory = [row for row in read_published(SHIPPED) if row.verified == "memory"]
    assert len(memory) == 315
    for row in memory:
        exact = got(row.value, row.value)
        assert verdict(stored.report(), row, row.data, exact)[0] == "unverified"
    assert published_scores(memory) == {}
    remembered = [row.model_copy(update={"entry": "cmmc", "data": "digits"}) for row in memory]
    texts = stored.tables("published", published=remembered)
    assert texts["published.csv"].count("\n") == 1  # the header


def test_the_mapping_has_verified_numbers_of_all_the_same_data_and_the_first_counts(tmp_path):
    other = LINE.replace("A paper", "Another").replace("0.860", "0.5")
    near = "CMMC,Old,ACC,0.1,,A paper,T,s,yes,cmmc,,all,,digits,half of it"
    memory = LINE.replace("yes", "memory").replace("ACC", "NMI")
    part = LINE.replace("all", "test").replace("ACC", "ARI")
    rows = read_published(write(tmp_path, near, memory, part, LINE, other))
    assert published_scores(rows) == {("cmmc", "digits", "acc"): 0.86}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.replace("0.860", "86"), "line 3: value: expected less than or equal to 1, got '86'"),
        (LINE.replace("0.860", "nan"), "line 3: value: expected a finite number, got 'nan'"),
        (LINE.replace("0.860", ""), "line 3: value: expected a valid decimal, got ''"),
        (LINE.replace("0.860,", "0.860,-1"), "line 3: std: expected greater than or equal to 0"),
        (LINE.replace("ACC", "acc"), "line 3: metric: expected 'ACC', 'NMI'"),
        (LINE.replace("yes", "no"), "line 3: verified: expected 'yes' or 'memory', got 'no'"),
        (LINE.replace("all,,,", "all,,near,"), "line 3: expected `near` and `differs` together"),
        (LINE.replace("all,,,", "all,,digits,why"), "expected 'digits' as `data` or as `near`"),
        (LINE.replace("all", "train"), "line 3: subset: expected 'all' or 'test', got 'train'"),
        (LINE + ",more", "line 3: expected 15 values, got more"),
        (LINE.removesuffix(","), "line 3: expected 15 values, got fewer"),
        (LINE, "expected each number of a paper once, got the ACC of CMMC on Digits in line 2"),
    ],
)
def test_a_wrong_row_is_one_line_of_error_that_names_its_line(tmp_path, line, message):
    path = write(tmp_path, LINE, line)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_published(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("method,dataset\n")
    with pytest.raises(InputError, match=r"published.csv: expected a column 'metric'"):
        read_published(path)


# ------------------------------------------------------------------------------- the tables

LINES = [
    LINE,
    "CMMC,Digits,NMI,0.300,0.02,A paper,Table 1,its text,yes,cmmc,digits,all,scaled otherwise,,",
    "CMMC,Digits,ARI,0.2,,A paper,Table 1,memory,memory,cmmc,digits,all,,,",
    "MFLVC,Old digits,ACC,0.9954,,B paper,Table 2,a picture,yes,cmmc,,all,,digits,half of it",
    "DKM,Digits,ACC,0.4,,A paper,Table 1,its text,yes,,digits,all,,,",
    "SACC,Away,ACC,0.700,,A paper,Table 3,its text,yes,sacc,away,all,,,",
]
MARKDOWN = f"""\
# Published and reproduced: tiny

{RULE}

{LEFT_OUT}

## Verdicts

### Digits

100 samples; 3 classes

| method | metric | printed | ours | seeds | difference | verdict | source |
| :-- | --: | --: | --: | --: | --: | --: | --: |
| CMMC | ACC | 0.860 | 0.850 ± 0.050 | 3/3 | -0.010 | undecided <sup>a</sup> \
| A paper, Table 1 <sup>b</sup> |
| CMMC | NMI | 0.300 ± 0.020 | 0.425 ± 0.025 | 3/3 | +0.125 | above <sup>c</sup> \
| A paper, Table 1 <sup>b</sup> |
| MFLVC (here: CMMC) | ACC | 0.9954 | 0.850 ± 0.050 | 3/3 | -0.145 | not comparable <sup>d</sup> \
| B paper, Table 2 <sup>e</sup> |

<sup>a</sup> 3 seeds give our mean to ± 0.124<br>
<sup>b</sup> read in: its text<br>
<sup>c</sup> scaled otherwise<br>
<sup>d</sup> half of it<br>
<sup>e</sup> read in: a picture

### Away

| method | metric | printed | ours | seeds | difference | verdict | source |
| :-- | --: | --: | --: | --: | --: | --: | --: |
| SACC | ACC | 0.700 | – | 0/3 | – | data unavailable <sup>a</sup> | A paper, Table 3 <sup>b</sup> |

<sup>a</sup> no source answered<br>
<sup>b</sup> read in: its text
"""
TEX_RULE = RULE.replace("%", r"\%")
LATEX = rf"""
\begin{{table}}[htbp]
\centering\small
\caption{{Away.}}
\label{{tab:tiny-away-published}}
\begin{{tabular}}{{lrrrrrrr}}
\toprule
method & metric & printed & ours & seeds & difference & verdict & source \\
\midrule
SACC & ACC & 0.700 & -- & 0/3 & -- & data unavailable$^{{a}}$ & A paper, Table 3$^{{b}}$ \\
\bottomrule
\end{{tabular}}

\begin{{minipage}}{{\linewidth}}\footnotesize\smallskip
$^{{a}}$ no source answered\\
$^{{b}}$ read in: its text\\
{TEX_RULE} {LEFT_OUT}
\end{{minipage}}
\end{{table}}
"""
CSV = """\
benchmark,dataset,method,metric,subset,printed,printed_std,mean,std,seeds_ok,seeds,difference,\
verdict,why,printed_method,printed_dataset,paper,table,source
tiny,digits,cmmc,acc,all,0.860,,0.85,0.05,3,3,-0.01,\
undecided,3 seeds give our mean to ± 0.124,CMMC,Digits,A paper,Table 1,its text
tiny,digits,cmmc,nmi,all,0.300,0.02,0.425,0.025,3,3,0.125,\
above,scaled otherwise,CMMC,Digits,A paper,Table 1,its text
tiny,digits,cmmc,acc,all,0.9954,,0.85,0.05,3,3,-0.1454,\
not comparable,half of it,MFLVC,Old digits,B paper,Table 2,a picture
tiny,away,sacc,acc,all,0.700,,,,0,3,,\
data unavailable,no source answered,SACC,Away,A paper,Table 3,its text
"""


@pytest.fixture
def tables(stored, tmp_path):
    """The files of the table, by name."""
    return stored.tables("published", published=read_published(write(tmp_path, *LINES)))


def test_the_markdown_has_printed_and_own_numbers_side_by_side(tables):
    assert tables["published.md"] == MARKDOWN


def test_the_latex_has_the_same(tables):
    assert tables["published.tex"].endswith(LATEX)


def test_the_csv_has_every_figure(tables):
    assert tables["published.csv"] == CSV


def test_without_any_number_in_print_the_files_say_so(stored):
    texts = stored.tables("published")
    for form in ("md", "tex"):
        text = texts[f"published.{form}"]
        assert "No number in print is about the data sets of this benchmark." in text
        assert "Reproduced" not in text
    assert texts["published.csv"].count("\n") == 1  # the header
