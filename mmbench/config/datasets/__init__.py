"""Types of `config/datasets.yaml`: what a data set is and where it comes from.

An entry is one of three kinds:

- downloaded: `sources`, a list of packings tried in order. A packing names its files, their
  checksums and urls, and where in them the views and the labels are;
- generated: `generator`, code with parameters and a seed;
- derived: `base`, another entry, of which some samples, views or pairings are taken away.

`load_datasets` checks them all and resolves the derived ones.

- `views`, `sources`, `packings`, `generators`, `derivation`: the parts of an entry;
- `entries`: the three kinds, and what an entry is when everything is resolved;
- `reading`, `resolving`: from files to entries.
"""

from mmbench.config.datasets.derivation import Derivation, DrawnByClass, Split, share
from mmbench.config.datasets.entries import BaseEntry, DatasetEntry, DerivedEntry
from mmbench.config.datasets.generators import Generator, SyntheticImages, SyntheticViews
from mmbench.config.datasets.packings import (
    PACKINGS,
    Array,
    ArrayPacking,
    CifarPacking,
    Column,
    Columns,
    CsvPacking,
    IdxPacking,
    ImagePacking,
    Packing,
    StlPacking,
)
from mmbench.config.datasets.reading import load_datasets
from mmbench.config.datasets.sources import RawFile
from mmbench.config.datasets.views import Scaling, ViewSpec

__all__ = [
    "PACKINGS",
    "Array",
    "ArrayPacking",
    "BaseEntry",
    "CifarPacking",
    "Column",
    "Columns",
    "CsvPacking",
    "DatasetEntry",
    "Derivation",
    "DerivedEntry",
    "DrawnByClass",
    "Generator",
    "IdxPacking",
    "ImagePacking",
    "Packing",
    "RawFile",
    "Scaling",
    "Split",
    "StlPacking",
    "SyntheticImages",
    "SyntheticViews",
    "ViewSpec",
    "load_datasets",
    "share",
]
