"""Train methods. No rule of this file may have labels as an input."""

# the jobs of a benchmark that has this run
benchmark_of = lambda w: benchmarks.of_run(w.dataset, w.method, w.params_hash)


rule fit:
    """Cluster one data set with one method, for one block of seeds."""
    input:
        views="data/processed/{dataset}/views.safetensors",
    output:
        assignments="results/runs/{dataset}/{method}/{params_hash}/{seeds}/assignments.npz",
        records="results/runs/{dataset}/{method}/{params_hash}/{seeds}/runs.json",
    log:
        "results/runs/{dataset}/{method}/{params_hash}/{seeds}/fit.log",
    threads: lambda w: benchmark_of(w).plan.benchmark.threads_per_fit
    resources:
        gpu=lambda w: int(benchmark_of(w).plan.methods[w.method].gpu),
        # limits are resources, since another limit does not change a result
        timeout=lambda w: benchmark_of(w).timeout_minutes(w.method),
        slots_per_gpu=lambda w: benchmark_of(w).plan.benchmark.slots_per_gpu,
        runtime=lambda w: benchmark_of(w).runtime_minutes(w.method, w.seeds),
    params:
        method=lambda w: benchmark_of(w).method_json(w.dataset, w.method),
        # of the parsed source: an edit reruns only the method, a comment nothing
        fingerprint=lambda w: benchmark_of(w).fingerprint(w.method),
    shell:
        "mmbench fit {params.method:q} --views {input.views} --seeds {wildcards.seeds}"
        " --gpus {resources.gpu} --threads {threads} --timeout {resources.timeout}"
        " --slots-per-gpu {resources.slots_per_gpu} --fingerprint {params.fingerprint}"
        " --folder results/runs/{wildcards.dataset}/{wildcards.method}/"
        "{wildcards.params_hash}/{wildcards.seeds} > {log} 2>&1"
