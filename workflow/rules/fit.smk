"""Train methods. No rule of this file may have labels as an input."""


rule fit:
    """Cluster one data set with one method, for one block of seeds."""
    input:
        views="data/processed/{dataset}/views.safetensors",
    output:
        assignments="results/runs/{dataset}/{method}/{settings}/{seeds}/assignments.npz",
        records="results/runs/{dataset}/{method}/{settings}/{seeds}/runs.json",
    log:
        "results/runs/{dataset}/{method}/{settings}/{seeds}/fit.log",
    threads: plan.benchmark.threads_per_fit
    resources:
        gpu=lambda w: int(plan.method(w.method).gpu),
        # limits are resources, since another limit does not change a result
        timeout=lambda w: plan.timeout_minutes(w.method),
        slots_per_gpu=plan.benchmark.slots_per_gpu,
        runtime=lambda w: plan.runtime_minutes(w.method, w.seeds),
    params:
        method=lambda w: plan.method_json(w.method, w.dataset),
        # of the parsed source: an edit reruns this method alone, a comment nothing
        fingerprint=lambda w: plan.fingerprint(w.method),
    shell:
        "mmbench fit {params.method:q} --views {input.views} --seeds {wildcards.seeds}"
        " --gpus {resources.gpu} --threads {threads} --timeout {resources.timeout}"
        " --slots-per-gpu {resources.slots_per_gpu} --fingerprint {params.fingerprint}"
        " --assignments {output.assignments} --records {output.records} > {log} 2>&1"
