"""The findings of the quality checks, data set by data set."""

from mmbench.reporting.context import ReportContext
from mmbench.reporting.documents import Cell, Document, Section, Table, page_section
from mmbench.reporting.formatting import MISSING, format_count
from mmbench.reporting.quality_checks import Finding, check_quality
from mmbench.reporting.spec import ReportSpec


def document(report: ReportContext) -> Document:
    """Return a table for each data set with a finding."""
    spec, found = report.spec, check_quality(report.spec, report.datasets)
    n = format_count(len(found), "finding")
    text = [f"{n} to look at; a finding is not a verdict." if found else "No finding."]
    tables = []
    for dataset in spec.datasets:
        of_dataset = [finding for finding in found if finding.dataset == dataset.name]
        if of_dataset:
            name = f"{spec.name}-{dataset.name}-quality_checks"
            head = [*map(Cell, ("finding", "kind", "method", "seeds"))]
            rows = [_row(spec, finding) for finding in of_dataset]
            tables.append(Table(name, dataset.title, "", head, rows))
    sections = [Section("By data set", "", tables)] if tables else []
    return Document(
        f"Quality checks of {spec.name}",
        text,
        sections,
        "kind dataset method seeds sentence",
        [[f.kind, f.dataset, f.method, " ".join(map(str, f.seeds)), f.sentence] for f in found],
        page_section("Quality checks", text, sections, is_open=True),
    )


def _row(spec: ReportSpec, finding: Finding) -> list[Cell]:
    titles = {method.name: method.printed for method in spec.methods}
    seeds = ", ".join(map(str, finding.seeds)) or "all"
    method = titles.get(finding.method, MISSING)
    return [*map(Cell, (finding.sentence, finding.kind, method, seeds))]
