"""The types of what people write in `config/`: benchmarks, methods and data sets.

Each level of a file is a frozen model; an unknown key is an error that names the nearest known
one. Nothing here imports torch, so that a mistake is reported in well under a second.

- `benchmark`: a benchmark, such as `config/config.yaml`, and its JSON schema;
- `methods`: the entries of `config/methods.yaml`;
- `datasets`: the entries of `config/datasets.yaml`, as written and resolved;
- `sources`: the part of them that describes files and their formats;
- `catalogue`: reads the entries of data sets and resolves derived ones.

What the rest of the package needs is here; the loaders take the types of sources from `sources`.
`python -m mmbench.config` refreshes the stored schema.
"""

from mmbench.config.benchmark import ALL, Benchmark, read_benchmark, schema
from mmbench.config.catalogue import read_datasets
from mmbench.config.datasets import DatasetEntry, Derivation, ViewSpec
from mmbench.config.methods import MAX_RESTARTS, MethodEntry, Restarts, read_methods
from mmbench.config.model import Name

__all__ = [
    "ALL",
    "MAX_RESTARTS",
    "Benchmark",
    "DatasetEntry",
    "Derivation",
    "MethodEntry",
    "Name",
    "Restarts",
    "ViewSpec",
    "read_benchmark",
    "read_datasets",
    "read_methods",
    "schema",
]
