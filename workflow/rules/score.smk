"""Compare assignments with labels. Only here do the two meet."""


rule score:
    """Score every run of one data set."""
    input:
        samples="data/processed/{dataset}/samples.csv",
        runs=lambda w: plan.runs(w.dataset),
    output:
        scores=f"results/{plan.benchmark.name}/scores/{{dataset}}.csv",
        details=f"results/{plan.benchmark.name}/details/{{dataset}}.npz",
        records=f"results/{plan.benchmark.name}/records/{{dataset}}.csv",
    log:
        f"logs/score/{plan.benchmark.name}/{{dataset}}.log",
    params:
        # the runs are found by their settings: thousands of paths would not fit a command line
        select=lambda w: plan.selection_json(w.dataset),
        seeds=plan.seeds,
    shell:
        "mmbench score {wildcards.dataset} --samples {input.samples}"
        " --select {params.select:q} --seeds {params.seeds}"
        " --scores {output.scores} --details {output.details} --records {output.records}"
        " > {log} 2>&1"
