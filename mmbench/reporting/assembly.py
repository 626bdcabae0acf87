"""The assembly of a report: its figures, its tables, then the page that shows them all.

Everything stored is read before anything is written.
"""

from pathlib import Path

from mmbench.reporting.context import open_report
from mmbench.reporting.figures import write_figures
from mmbench.reporting.metrics_file import write_metrics
from mmbench.reporting.page import write_page
from mmbench.reporting.spec import ReportSpec
from mmbench.reporting.tables import TABLES


def write_report(spec: ReportSpec, *, results: Path, cards: Path, published: Path | None) -> None:
    """Write everything; arguments and errors are those of `mmbench.reporting.report`."""
    with open_report(spec, results=results, cards=cards, published=published) as report:
        documents = [(entry, entry.document(report)) for entry in TABLES]
        captions = write_figures(report, results / "figures")
        for entry, document in documents:
            if document:
                entry.write(document, spec, results / "tables")
        write_metrics(report, results)
        sections = [
            section for _, document in documents if document for section in document.on_page
        ]
        write_page(report, results / "report", sections=sections, figures=captions)
