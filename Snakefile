"""mmbench: fetch -> prepare -> fit -> score -> report, one rule file for each verb.

The benchmark is set by --configfile; by default profiles/default sets config/config.yaml. There is
no `configfile:` here, since Snakemake would merge it with the one on the command line. The
benchmarks of papers are additional targets, such as `snakemake paper_cmmc`.
"""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version, validate

from mmbench.checks import read_yaml
from mmbench.errors import InputError
from mmbench.plan import Benchmarks, Plan, reporting_fingerprint, scoring_fingerprint

min_version("9.20")

try:
    for configfile in workflow.configfiles:
        read_yaml(Path(configfile))  # Snakemake's own reader accepts duplicate keys
    plan = Plan.of(config, where=", ".join(map(str, workflow.configfiles)) or "config")
except InputError as error:
    raise WorkflowError(str(error)) from None
validate(config, "workflow/schemas/config.schema.json")
benchmarks = Benchmarks(plan)
jobs = benchmarks.configured
os.environ.update(jobs.environment)


wildcard_constraints:
    benchmark="[A-Za-z0-9][A-Za-z0-9_-]*",
    dataset="[A-Za-z0-9][A-Za-z0-9_-]*",
    method="[A-Za-z0-9][A-Za-z0-9_-]*",
    params_hash="[0-9a-f]{8}",
    seeds="[0-9]+-[0-9]+",


localrules:
    all,
    prepared,


rule all:
    """The tables and figures of the benchmark, and the scores and runs that they are made from."""
    input:
        # Snakemake makes missing files only if they are asked for. Tables are in git, scores are
        # not; runs may be cleared for another try while scores exist.
        jobs.targets,
        jobs.runs(),


rule prepared:
    """Only the data: fetched and prepared, nothing trained."""
    input:
        jobs.each("data/processed/{dataset}/card.json"),


for paper in benchmarks.papers:

    rule:
        name:
            paper
        input:
            lambda _, paper=paper: benchmarks[paper].targets + benchmarks[paper].runs(),
        localrule: True


include: "workflow/rules/fetch.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"
