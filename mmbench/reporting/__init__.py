"""From scores to tables, figures and a page; reads neither data nor assignments."""

from pathlib import Path

from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec

__all__ = ["DatasetSpec", "MethodSpec", "ReportSpec", "leaderboard_text", "report"]

PUBLISHED = Path("config/published.csv")


def report(
    spec: ReportSpec, *, results: Path, cards: Path, published: Path | None = PUBLISHED
) -> None:
    """Write the tables, figures and page of a benchmark.

    Args:
        spec: what to show and in which order.
        results: the folder of the benchmark; read are `scores/{dataset}.csv`,
            `records/{dataset}.csv` and `details/{dataset}.npz`, written `tables/`, `figures/`,
            `report/`, `metrics.json` and `seeds.csv`.
        cards: the folder with a `{dataset}/card.json` each.
        published: numbers in print, or None to compare with none. The layout of a paper's
            tables lies beside it, in `papers/`.

    Raises:
        InputError: a file is missing or malformed, or lacks a run of the report; then
            nothing is written.
    """
    # matplotlib and scipy are slow to import, and needed here alone
    from mmbench.reporting.assembly import write_report

    write_report(spec, results=results, cards=cards, published=published)


def leaderboard_text(spec: ReportSpec, *, results: Path, cards: Path) -> str:
    """Return the leaderboard for a terminal; arguments and errors are those of `report`."""
    from mmbench.reporting.context import read_report
    from mmbench.reporting.tables.leaderboard import leaderboard_text as text_of

    return text_of(read_report(spec, results=results, cards=cards))
