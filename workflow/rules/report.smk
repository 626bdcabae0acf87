"""Draw tables and figures from scores. Nothing here trains or reads a label."""


rule report:
    """Make the tables and figures of the benchmark."""
    input:
        scores=expand(rules.score.output.scores, dataset=plan.dataset_names),
        details=expand(rules.score.output.details, dataset=plan.dataset_names),
        records=expand(rules.score.output.records, dataset=plan.dataset_names),
        cards=expand(rules.prepare.output.card, dataset=plan.dataset_names),
    output:
        benchmark=f"results/{plan.benchmark.name}/benchmark.json",
        tables=expand(
            f"results/{plan.benchmark.name}/tables/{{table}}.{{form}}",
            table=["leaderboard", "cost"],
            form=["csv", "md", "tex"],
        ),
        figures=expand(
            f"results/{plan.benchmark.name}/figures/scores-{{dataset}}.{{form}}",
            dataset=plan.dataset_names,
            form=["pdf", "png"],
        ),
    log:
        f"logs/report/{plan.benchmark.name}.log",
    params:
        spec=plan.report_json(),
    shell:
        "mmbench report {params.spec:q} > {log} 2>&1"
