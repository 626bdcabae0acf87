"""Turn original files into views and, apart from them, labels."""


rule prepare:
    """Prepare one data set; a derived one is made from the files of its base."""
    input:
        status=lambda w: f"data/raw/{plan.datasets[w.dataset].root}/status.json",
    output:
        views="data/processed/{dataset}/views.safetensors",
        samples="data/processed/{dataset}/samples.csv",
        card="data/processed/{dataset}/card.json",
    log:
        "logs/prepare/{dataset}.log",
    params:
        recipe=lambda w: jobs.recipe(w.dataset),
        # computed from the output, so that other words or URLs prepare nothing again
        dataset=lambda w, output: jobs.dataset_argument(w.dataset),
    shell:
        "mmbench prepare {params.dataset:q} --status {input.status} --views {output.views}"
        " > {log} 2>&1"
