"""Bring original files. Unreachable sources end in the status file, not in a failure."""


rule fetch:
    """Fetch the files of one data set, their checksums verified."""
    output:
        status="data/raw/{dataset}/status.json",
    log:
        "logs/fetch/{dataset}.log",
    params:
        sources=lambda w: plan.sources(w.dataset),
    shell:
        "mmbench fetch {wildcards.dataset} --status {output.status} > {log} 2>&1"
