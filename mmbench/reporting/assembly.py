"""Put a report together: every table and figure, then the page that shows them all.

All that is stored is read before anything is written. Figures come first, since they alone open
the details files, and one of these may turn out to be damaged.
"""

from collections.abc import Iterator
from pathlib import Path

from mmbench.reporting.cost import write_cost
from mmbench.reporting.figures import write_figures
from mmbench.reporting.leaderboard import leaderboard, write_leaderboard
from mmbench.reporting.metrics_file import write_metrics
from mmbench.reporting.page import PageSection, write_page
from mmbench.reporting.papers import layout_path, read_layout, write_paper_tables
from mmbench.reporting.published import published_of, read_published, write_verdicts
from mmbench.reporting.quality_checks import write_quality_checks
from mmbench.reporting.robustness import write_robustness
from mmbench.reporting.selection_bias import write_selection_bias
from mmbench.reporting.significance import compare, write_significance
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.stored import read_stored
from mmbench.reporting.tables import Document


def write_report(spec: ReportSpec, *, results: Path, cards: Path, published: Path | None) -> None:
    """Write everything; arguments and errors are those of `mmbench.reporting.report`."""
    stored = [read_stored(spec, d, results=results, cards=cards) for d in spec.datasets]
    printed = read_published(published) if published else []
    layout = layout_path(spec, published.parent / "papers") if published else None
    if layout:
        read_layout(layout, printed)
    details = {d.name: results / "details" / f"{d.name}.npz" for d in spec.datasets}
    compared = compare(spec, stored)

    captions = write_figures(spec, stored, details, results / "figures", compared)
    tables = results / "tables"
    write_leaderboard(spec, leaderboard(spec, stored), tables)
    differences = write_significance(spec, stored, tables)
    robustness = write_robustness(spec, stored, tables)
    papers = write_paper_tables(spec, stored, printed, layout, tables) if layout else None
    verdicts = write_verdicts(spec, stored, printed, tables)
    selection_bias = write_selection_bias(spec, stored, tables, published_of(printed))
    quality_checks = write_quality_checks(spec, stored, tables)
    cost = write_cost(spec, stored, tables)
    write_metrics(spec, stored, results)
    sections = [
        *_by_section(differences),
        *(_whole("Robustness", robustness, is_open=True) if robustness.sections else ()),
        *(_whole(papers.title, papers, is_open=True) if papers else ()),
        *_whole("In print and here", verdicts),
        *_whole("What publishing selection_bias would buy", selection_bias),
        *_whole("What looks wrong", quality_checks, is_open=True),
        *_whole("Cost", cost),
    ]
    write_page(spec, stored, details, results / "report", sections=sections, figures=captions)


def _by_section(document: Document) -> Iterator[PageSection]:
    """Yield a part for each kind of data: the result of its first metric, the rest folded."""
    for section in document.sections:
        if section.tables:
            result = f"{section.tables[0].title}: {section.tables[0].caption}."
            yield PageSection(f"Differences: {section.title}", result, folded=section.tables)


def _whole(title: str, document: Document, *, is_open: bool = False) -> Iterator[PageSection]:
    """Yield a document as one part, unless it has nothing to say and no table."""
    tables = [table for section in document.sections for table in section.tables]
    if tables or is_open:
        shown, folded = (tables, ()) if is_open else ((), tables)
        yield PageSection(title, " ".join(document.text), shown, folded)
