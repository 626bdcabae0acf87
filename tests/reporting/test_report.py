"""All files of a report: there, the same bytes each time, and none when the input is bad."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.errors import InputError
from mmbench.reporting import report
from mmbench.reporting.figures import figure_names
from mmbench.reporting.published import read_published
from mmbench.reporting.rendering import latex
from mmbench.reporting.tables import make_tables, table_files

PUBLISHED = Path(__file__).parents[2] / "config" / "published.csv"


def files_of(spec):
    return {
        *(f"tables/{file}" for file in table_files("csv", "md", "tex")),
        *(f"figures/{name}.{form}" for name in figure_names(spec) for form in ("pdf", "png")),
        *("metrics.json", "seeds.csv"),
    }


def written(stored):
    report(stored.spec, results=stored.results, cards=stored.cards, published=PUBLISHED)
    folders = (stored.results / name for name in ("tables", "figures"))
    paths = [path for folder in folders for path in folder.iterdir()]
    paths += [stored.results / name for name in ("metrics.json", "seeds.csv")]
    return {str(path.relative_to(stored.results)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_every_file_is_written_and_another_process_writes_the_same_bytes(stored):
    first = written(stored)
    assert set(first) == files_of(stored.spec)
    page = (stored.results / "report" / "index.html").read_text()
    for part in (
        "Differences: Paired views",
        "Selection bias",
        "Quality checks",
        "Cost",
    ):
        assert part in page
    code = (
        "import sys; from pathlib import Path; from mmbench.reporting import ReportSpec, report;"
        "report(ReportSpec.model_validate_json(sys.argv[1]), results=Path(sys.argv[2]),"
        " cards=Path(sys.argv[3]), published=Path(sys.argv[4]))"
    )
    arguments = (stored.spec.model_dump_json(), stored.results, stored.cards, PUBLISHED)
    # another process hashes otherwise, and a day and a time are those of another moment
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)
    for name, content in first.items():
        assert (stored.results / name).read_bytes() == content, name
    assert (stored.results / "report" / "index.html").read_text() == page


def test_no_two_tables_share_a_label_so_that_a_paper_can_input_all_of_them(stored):
    context = stored.report(published=read_published(PUBLISHED))
    documents = [document for _, document in make_tables(context)]
    labels = [
        label
        for document in documents
        for label in re.findall(r"\\label\{(.*?)\}", latex(document))
    ]
    assert len(labels) > 20
    assert {"tab:tiny-digits", "tab:tiny-halves-modalities"} <= set(labels)
    assert len(set(labels)) == len(labels)


def test_cost_is_over_the_seeds_that_ended_ok_and_spending_over_all(stored):
    texts = stored.tables("cost")
    rows = list(csv.DictReader(texts["cost.csv"].splitlines()))
    (row,) = [r for r in rows if (r["dataset"], r["method"]) == ("digits", "dmim")]
    assert (row["seeds_ok"], row["seeds"]) == ("2", "3")
    assert (row["seconds_total_mean"], row["seconds_spent"]) == ("15.0", "120.0")
    assert (row["seconds_setup_mean"], row["memory_host"]) == ("", str(2**20))
    text = texts["cost.md"]
    assert (
        "| DMIM (from the paper) | – | 1.50 | – | – | 15.0 | 1 | – | cpu | 1 | float32 | 2/3 |"
        in text
    )
    assert "| SACC | n/a | – | – | – | – | – | – | – | – | – | 0/3 |" in text


@pytest.mark.parametrize(
    ("file", "spoil", "complaint"),
    [
        ("scores/halves.csv", None, "halves.csv: expected a .csv file, found none"),
        ("records/halves.csv", "method,seed\n", "a column 'params_hash', got method, seed"),
        ("records/halves.csv", "", "a column 'method', got none"),
        ("scores/halves.csv", "method,seed\n", "a column 'selection'"),
        ("scores/halves.csv", 'method\n"km', "expected a .csv file, but"),
        ("details/halves.npz", None, "details/halves.npz: expected"),
        ("details/halves.npz", "PK", "details/halves.npz: expected"),
    ],
)
def test_a_file_that_is_missing_or_malformed_is_named_and_nothing_written(
    stored, file, spoil, complaint
):
    path = stored.results / file
    if spoil is None:
        path.unlink()
    else:
        path.write_text(spoil)
    with pytest.raises(InputError, match=complaint):
        report(stored.spec, results=stored.results, cards=stored.cards, published=None)
    assert not (stored.results / "tables").exists()
    assert not (stored.results / "figures").exists()


def test_a_method_without_runs_and_a_seed_without_a_run_are_named(stored):
    stored.records["digits"] = [r for r in stored.records["digits"] if r["method"] != "cmmc"]
    stored.write()
    with pytest.raises(InputError, match=r"digits.csv: unknown method 'cmmc'"):
        report(stored.spec, results=stored.results, cards=stored.cards, published=None)
    stored.record("digits", "cmmc", 0)
    stored.write()
    with pytest.raises(InputError, match=r"digits.csv: expected a run of cmmc, seed 1"):
        report(stored.spec, results=stored.results, cards=stored.cards, published=None)


def test_a_run_that_ended_ok_without_a_score_is_named(stored):
    stored.scores["digits"] = [
        r for r in stored.scores["digits"] if (r["method"], r["metric"]) != ("cmmc", "nmi")
    ]
    stored.write()
    with pytest.raises(InputError, match=r"digits.csv: expected the nmi of cmmc, seed 0"):
        report(stored.spec, results=stored.results, cards=stored.cards, published=None)


def test_a_missing_card_is_named(stored):
    (stored.cards / "parts" / "card.json").unlink()
    with pytest.raises(InputError, match=r"parts/card.json: expected a JSON file, found none"):
        report(stored.spec, results=stored.results, cards=stored.cards, published=None)
