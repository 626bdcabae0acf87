"""From scores to tables and figures; reads neither data nor assignments."""

from pathlib import Path

from mmbench.reporting import leaderboard as boards
from mmbench.reporting.cost import write_cost
from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.stored import read_stored

__all__ = ["DatasetSpec", "MethodSpec", "ReportSpec", "leaderboard_text", "report"]


def report(spec: ReportSpec, *, results: Path, cards: Path) -> None:
    """Write the tables and figures of a benchmark.

    Args:
        spec: what to show and in which order.
        results: the folder of the benchmark; read are `scores/{dataset}.csv` and
            `records/{dataset}.csv`, written `tables/leaderboard.{csv,md,tex}`,
            `tables/cost.{csv,md,tex}` and `figures/scores-{dataset}.{pdf,png}`.
        cards: the folder with a `{dataset}/card.json` each.

    Raises:
        InputError: a file is missing or malformed, or lacks a run of the report; then
            nothing is written.
    """
    from mmbench.reporting.figures import write_scores  # matplotlib: slow, and needed here alone

    stored = [read_stored(spec, d, results=results, cards=cards) for d in spec.datasets]
    blocks = boards.leaderboard(spec, stored)
    boards.write_leaderboard(spec, blocks, results / "tables")
    write_cost(spec, stored, results / "tables")
    for block in blocks:
        write_scores(spec, block, results / "figures")


def leaderboard_text(spec: ReportSpec, *, results: Path, cards: Path) -> str:
    """Return the leaderboard for a terminal; arguments and errors are those of `report`."""
    stored = [read_stored(spec, d, results=results, cards=cards) for d in spec.datasets]
    return boards.leaderboard_text(spec, boards.leaderboard(spec, stored))
