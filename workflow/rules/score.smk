"""Compare assignments with labels. Only here do the two meet."""


rule score:
    """Score every run of one data set that a benchmark asks for."""
    input:
        samples="data/processed/{dataset}/samples.csv",
        runs=lambda w: plans[w.benchmark].runs(w.dataset),
    output:
        scores="results/{benchmark}/scores/{dataset}.csv",
        details="results/{benchmark}/details/{dataset}.npz",
        records="results/{benchmark}/records/{dataset}.csv",
    log:
        "logs/score/{benchmark}/{dataset}.log",
    params:
        # the runs are found by their settings: thousands of paths would not fit a command line
        select=lambda w: plans[w.benchmark].selection_json(w.dataset),
        seeds=lambda w: plans[w.benchmark].seeds,
        # an edit of a metric scores the stored runs again
        fingerprint=plan.scoring_fingerprint,
    shell:
        "mmbench score {wildcards.dataset} --samples {input.samples}"
        " --select {params.select:q} --seeds {params.seeds}"
        " --fingerprint {params.fingerprint}"
        " --scores {output.scores} --details {output.details} --records {output.records}"
        " > {log} 2>&1"
