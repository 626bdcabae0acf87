"""A data set with its labels, between the files and `data/processed`.

Values stay in the order of the files, and a table of row numbers says which of them describe a
sample. Permuting, choosing, dropping and wrong pairing change only that table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import ViewSpec
from mmbench.data import Dataset, View

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """Samples, and the rows of the values that describe them.

    Attributes:
        values: by view, (n_rows, …) scaled, in the order of the files.
        rows: (n_samples, n_views), the row of `values` that describes a sample; -1 for none.
        labels: (n_samples,) in 0..n_classes-1.
        source_row: (n_samples,), the row of the files that a sample comes from.
        shuffled: (n_samples,) bool, whether its views were paired wrongly.
        fit_index: (n_fit,) increasing, the samples to train on.
    """

    values: Mapping[str, NDArray[Any]]
    rows: Rows
    labels: Rows
    source_row: Rows
    shuffled: NDArray[np.bool_]
    fit_index: Rows

    @classmethod
    def of(
        cls,
        values: Mapping[str, NDArray[Any]],
        labels: Rows,
        sample_index: Mapping[str, Rows] | None = None,
        n_held_out: int = 0,
    ) -> "Table":
        """Return a table of all samples in order, of which the last ones may be held out.

        Every view describes every sample, unless `sample_index` gives the sample of each row.
        """
        n_samples = len(labels)
        order = np.arange(n_samples)
        rows = np.repeat(order[:, None], len(values), axis=1)
        if sample_index:
            described = [np.isin(order, sample_index[view]) for view in values]
            rows[~np.stack(described, axis=1)] = -1
            values = {view: _spread(x, sample_index[view], n_samples) for view, x in values.items()}
        fit_index = order[: n_samples - n_held_out]
        return cls(values, rows, labels, order, np.zeros(n_samples, bool), fit_index)

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return len(self.labels)

    def take(self, samples: Rows) -> "Table":
        """Return these samples, in this order; those to train on stay so."""
        return Table(
            self.values,
            self.rows[samples],
            self.labels[samples],
            self.source_row[samples],
            self.shuffled[samples],
            np.flatnonzero(np.isin(samples, self.fit_index)),
        )

    def dataset(self, name: str, n_clusters: int, specs: Mapping[str, ViewSpec]) -> Dataset:
        """Return the data without labels and source rows, as methods may see them."""
        views = []
        for column, (view, values) in enumerate(self.values.items()):
            rows = self.rows[:, column]
            described = np.flatnonzero(rows >= 0)
            spec = specs[view]
            kept = values[rows[described]]
            views.append(View(kept, described, view, spec.modality, spec.image_shape))
        data = Dataset(tuple(views), n_clusters, self.n_samples, name, self.fit_index)
        data.check_values()
        return data


def _spread(values: NDArray[Any], index: Rows, n_samples: int) -> NDArray[Any]:
    """Return values with a row for each sample; rows that describe none stay 0 and unused."""
    spread = np.zeros((n_samples, *values.shape[1:]), values.dtype)
    spread[index] = values
    return spread
