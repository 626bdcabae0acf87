"""Bring original files. Unreachable sources end in the status file, not in a failure."""


rule fetch:
    """Fetch the files of one data set, their checksums verified."""
    output:
        status="data/raw/{dataset}/status.json",
    log:
        "logs/fetch/{dataset}.log",
    params:
        sources=lambda w: jobs.sources(w.dataset),
        # Snakemake ignores changes of params that are computed from the output: a corrected
        # title or URL fetches nothing again, only another digest of the sources does.
        dataset=lambda w, output: jobs.dataset_argument(w.dataset),
    shell:
        "mmbench fetch {params.dataset:q} --status {output.status} > {log} 2>&1"
