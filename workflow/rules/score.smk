"""Compare assignments with labels. Only here do the two meet."""


rule score:
    """Score every run of one data set that a benchmark asks for."""
    input:
        samples="data/processed/{dataset}/samples.csv",
        runs=lambda w: benchmarks[w.benchmark].runs(w.dataset),
    output:
        scores="results/{benchmark}/scores/{dataset}.csv",
        details="results/{benchmark}/details/{dataset}.npz",
        records="results/{benchmark}/records/{dataset}.csv",
    log:
        "logs/score/{benchmark}/{dataset}.log",
    params:
        select=lambda w: benchmarks[w.benchmark].selection(w.dataset),
        seeds=lambda w: benchmarks[w.benchmark].seeds,
        # an edit of a metric scores the stored runs again
        fingerprint=scoring_fingerprint(),
    shell:
        "mmbench score {wildcards.dataset} --samples {input.samples}"
        " --select {params.select:q} --seeds {params.seeds}"
        " --fingerprint {params.fingerprint}"
        " --scores {output.scores} --details {output.details} --records {output.records}"
        " > {log} 2>&1"
