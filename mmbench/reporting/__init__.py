"""Tables, figures and a page from scores; reads neither data nor assignments."""

from pathlib import Path

from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec

__all__ = ["DatasetSpec", "MethodSpec", "ReportSpec", "leaderboard_text", "report"]

PUBLISHED = Path("config/published.csv")


def report(
    spec: ReportSpec, *, results: Path, cards: Path, published: Path | None = PUBLISHED
) -> None:
    """Write the tables, figures and page of a benchmark.

    Args:
        spec: what to print and in which order.
        results: the folder of the benchmark. Read are `scores/{dataset}.csv`,
            `records/{dataset}.csv` and `details/{dataset}.npz`; written are `tables/`,
            `figures/`, `report/`, `metrics.json` and `seeds.csv`.
        cards: the folder with a `{dataset}/card.json` each.
        published: numbers in print, or None to compare with none. The layouts of papers are in
            `papers/` beside it.

    Raises:
        InputError: a file is missing or malformed, or lacks a run of the report; then
            nothing is written.
    """
    # these import matplotlib and scipy, which are slow to import
    from mmbench.reporting.context import open_report
    from mmbench.reporting.figures import write_figures
    from mmbench.reporting.metrics_file import write_metrics
    from mmbench.reporting.page import write_page
    from mmbench.reporting.tables import make_tables

    with open_report(spec, results=results, cards=cards, published=published) as context:
        tables = make_tables(context)
        captions = write_figures(context, results / "figures")
        for entry, document in tables:
            entry.write(document, spec, results / "tables")
        write_metrics(context, results)
        sections = [section for _, document in tables for section in document.on_page]
        write_page(context, results / "report", sections=sections, figures=captions)


def leaderboard_text(spec: ReportSpec, *, results: Path, cards: Path) -> str:
    """Return the leaderboard for a terminal; arguments and errors are those of `report`."""
    from mmbench.reporting.context import read_report
    from mmbench.reporting.tables.leaderboard import text_of

    return text_of(read_report(spec, results=results, cards=cards))
