"""Train methods. No rule of this file may have labels as an input."""


rule fit:
    """Cluster one data set with one method, for one block of seeds."""
    input:
        views="data/processed/{dataset}/views.safetensors",
    output:
        assignments="results/runs/{dataset}/{method}/{params_hash}/{seeds}/assignments.npz",
        records="results/runs/{dataset}/{method}/{params_hash}/{seeds}/runs.json",
    log:
        "results/runs/{dataset}/{method}/{params_hash}/{seeds}/fit.log",
    threads: lambda w: plans.of_run(w).benchmark.threads_per_fit
    resources:
        gpu=lambda w: int(plans.of_run(w).method(w.method).gpu),
        # limits are resources, since another limit does not change a result
        timeout=lambda w: plans.of_run(w).timeout_minutes(w.method),
        slots_per_gpu=lambda w: plans.of_run(w).benchmark.slots_per_gpu,
        runtime=lambda w: plans.of_run(w).runtime_minutes(w.method, w.seeds),
    params:
        method=lambda w: plans.of_run(w).method_json(w.method, w.dataset),
        # of the parsed source: an edit reruns this method alone, a comment nothing
        fingerprint=lambda w: plans.of_run(w).fingerprint(w.method),
    shell:
        "mmbench fit {params.method:q} --views {input.views} --seeds {wildcards.seeds}"
        " --gpus {resources.gpu} --threads {threads} --timeout {resources.timeout}"
        " --slots-per-gpu {resources.slots_per_gpu} --fingerprint {params.fingerprint}"
        " --assignments {output.assignments} --records {output.records} > {log} 2>&1"
