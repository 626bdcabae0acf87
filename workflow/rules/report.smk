"""Draw tables, figures and the page from scores. Nothing here trains or reads a label."""

from mmbench.reporting.figures import FAMILIES
from mmbench.reporting.tables import table_files


rule report:
    """Make the tables, the figures and the page of a benchmark."""
    input:
        scores=lambda w: benchmarks[w.benchmark].each(rules.score.output.scores),
        details=lambda w: benchmarks[w.benchmark].each(rules.score.output.details),
        records=lambda w: benchmarks[w.benchmark].each(rules.score.output.records),
        cards=lambda w: benchmarks[w.benchmark].each(rules.prepare.output.card),
        published="config/published.csv",
        layouts=lambda w: benchmarks.layouts(w.benchmark),
    output:
        benchmark="results/{benchmark}/benchmark.json",
        metrics="results/{benchmark}/metrics.json",
        seeds="results/{benchmark}/seeds.csv",
        # the benchmarks of papers have a table of their own beside these
        tables=report(
            expand("results/{{benchmark}}/tables/{file}", file=table_files("csv")),
            caption="../report/tables.rst",
            category="Tables",
        ),
        documents=expand(
            "results/{{benchmark}}/tables/{file}", file=table_files("md", "tex")
        ),
        # their number depends on the data sets
        figures=report(
            directory("results/{benchmark}/figures"),
            patterns=["{figure}.png"],
            caption="../report/figures.rst",
            category="Figures",
            subcategory=lambda w: w.figure.partition("-")[0],
            labels={"figure": "{figure}"},
        ),
        page="results/{benchmark}/report/index.html",
    log:
        "logs/report/{benchmark}.log",
    params:
        spec=lambda w: benchmarks[w.benchmark].report_argument(),
        # not passed to the command: an edit of a table or a figure draws them again
        fingerprint=reporting_fingerprint(),
        # read by ../report/figures.rst
        captions={family.name: family.caption for family in FAMILIES},
    shell:
        "mmbench report {params.spec:q} > {log} 2>&1"
