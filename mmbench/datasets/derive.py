"""Derived data sets: take samples, views or pairings away, each choice with a seed.

Only row numbers change, so the rows that are left are those of the base, scaled as there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import Derivation, DrawnByClass, share
from mmbench.datasets.table import Rows, Table
from mmbench.errors import InputError

# each choice has a stream of its own; a new one gets the next number
_STREAMS = {
    "drawn_by_class": 1,
    "sample": 2,
    "imbalance": 3,
    "unpaired_rate": 4,
    "missing_rate": 5,
    "shuffled_rate": 6,
    "data_setting": 7,
    "split": 8,
}


def derive(table: Table, options: Derivation) -> Table:
    """Return a table with the options applied in the order in which `Derivation` lists them.

    Raises:
        InputError: a class or a pool would be left with no sample.
    """

    def stream(option: str) -> np.random.Generator:
        return np.random.default_rng([options.seed, _STREAMS[option]])

    if options.drawn_by_class is not None:
        table = drawn_by_class(table, options.drawn_by_class, stream("drawn_by_class"))
    if options.views is not None:
        columns = [list(table.values).index(view) for view in options.views]
        values = {view: table.values[view] for view in options.views}
        table = replace(table, values=values, rows=table.rows[:, columns])
    if options.sample is not None:
        chosen = stratified(table.labels, options.sample, stream("sample"))
        table = table.take(chosen)
    if options.imbalance is not None:
        table = table.take(imbalanced(table.labels, options.imbalance, stream("imbalance")))
    if options.unpaired_rate is not None:
        table = unpaired(table, options.unpaired_rate, stream("unpaired_rate"))
    if options.missing_rate is not None:
        table = incomplete(table, options.missing_rate, stream("missing_rate"))
    if options.shuffled_rate is not None:
        table = shuffled(table, options.shuffled_rate, stream("shuffled_rate"))
    if options.data_setting == "mixed":
        table = mixed(table, stream("data_setting"))
    if options.split is not None:
        n_train = int(options.split.train * table.n_samples)
        fit_index = stratified(table.labels, n_train, stream("split"))
        table = replace(table, fit_index=fit_index)
    return table


def stratified(labels: Rows, n: int, rng: np.random.Generator) -> Rows:
    """Return `n` sample numbers, increasing, each class in its share (largest remainders).

    Raises:
        InputError: a class would be left with none.
    """
    counts = np.bincount(labels)
    quotas = counts * (n / len(labels))
    sizes = np.floor(quotas + 1e-9).astype(np.int64)
    neediest = np.argsort(sizes - quotas, kind="stable")
    sizes[neediest[: n - sizes.sum()]] += 1
    return _draw(labels, sizes, rng)


def imbalanced(labels: Rows, ratio: float, rng: np.random.Generator) -> Rows:
    """Return sample numbers, increasing, whose class sizes fall exponentially.

    The largest class has `ratio` times the samples of the smallest. The order of the classes
    by size stays, and as many samples are kept as the profile allows.
    """
    counts = np.bincount(labels)
    order = np.argsort(-counts, kind="stable")
    profile = ratio ** -np.linspace(0, 1, len(counts))
    largest = (counts[order] / profile).min()
    sizes = np.empty_like(counts)
    sizes[order] = np.rint(largest * profile).astype(np.int64)
    return _draw(labels, sizes, rng)


def _draw(labels: Rows, sizes: Rows, rng: np.random.Generator) -> Rows:
    if (sizes == 0).any():
        raise InputError(f"class {int(np.argmin(sizes))} would be left with no sample")
    drawn = [
        rng.choice(np.flatnonzero(labels == label), size, replace=False)
        for label, size in enumerate(sizes)
    ]
    return np.sort(np.concatenate(drawn))


def drawn_by_class(table: Table, options: DrawnByClass, rng: np.random.Generator) -> Table:
    """Return new samples, each made of one row of every pool of one class.

    The rows of a class are cut, in the order of the file, into a pool for each view. A row
    may be drawn more than once.
    """
    n_classes = int(table.labels.max()) + 1
    each, rest = divmod(options.samples, n_classes)
    if rest or not each:
        raise InputError(
            f"drawn_by_class: samples: expected a multiple of {n_classes}, got {options.samples}"
        )
    (values,) = table.values.values()
    label_of = np.full(len(values), -1)
    label_of[table.source_row] = table.labels
    label_of = label_of[: options.first_rows]
    drawn = []
    for label in range(n_classes):
        pools = np.array_split(np.flatnonzero(label_of == label), len(options.views))
        if not len(pools[-1]):
            raise InputError(f"drawn_by_class: class {label} has too few rows for its pools")
        drawn.append(np.stack([rng.choice(pool, each) for pool in pools], axis=1))
    order = rng.permutation(options.samples)
    rows = np.concatenate(drawn)[order]
    labels = np.repeat(np.arange(n_classes), each)[order]
    names = dict.fromkeys(options.views, _pixels(values))
    return replace(Table.of(names, labels), rows=rows, source_row=rows[:, 0])


def _pixels(values: NDArray[Any]) -> NDArray[Any]:
    """Return images as vectors of pixels in [0, 1]; features as they are."""
    if values.ndim == 2:
        return values
    return values.reshape(len(values), -1).astype(np.float32) / np.float32(255)


def unpaired(table: Table, rate: float, rng: np.random.Generator) -> Table:
    """Return the table with the rows of a share of its samples as samples of their own.

    All samples are put into a new random order, which else would tell what belonged together.
    """
    n_samples, n_views = table.rows.shape
    apart = np.zeros(n_samples, bool)
    apart[rng.choice(n_samples, share(rate, n_samples), replace=False)] = True
    # sample by sample, and view by view for those taken apart
    samples = np.concatenate([np.flatnonzero(~apart), np.repeat(np.flatnonzero(apart), n_views)])
    view = np.concatenate([np.full((~apart).sum(), -1), np.tile(np.arange(n_views), apart.sum())])
    result = table.take(samples)
    rows = np.where((view[:, None] < 0) | (view[:, None] == np.arange(n_views)), result.rows, -1)
    return replace(result, rows=rows).take(rng.permutation(len(samples)))


def incomplete(table: Table, rate: float, rng: np.random.Generator) -> Table:
    """Return the table with a share of its complete samples having lost at least one view.

    How many views a sample loses is uniform in 1..n_views-1, and so is which.
    """
    n_views = table.rows.shape[1]
    chosen = _some_complete(table, rate, rng)
    n_lost = rng.integers(1, n_views, size=len(chosen))
    order = rng.permuted(np.tile(np.arange(n_views), (len(chosen), 1)), axis=1)
    rows = table.rows.copy()
    rows[chosen] = np.where(order < n_lost[:, None], -1, rows[chosen])
    return replace(table, rows=rows)


def shuffled(table: Table, rate: float, rng: np.random.Generator) -> Table:
    """Return the table with a share of its complete samples paired wrongly.

    Among the chosen samples, the rows of each view but the first are exchanged so that none
    stays in place; the label is that of the first view.
    """
    chosen = _some_complete(table, rate, rng)
    if len(chosen) == 1:
        raise InputError("shuffled_rate: expected at least two samples to exchange, got one")
    rows = table.rows.copy()
    for column in range(1, rows.shape[1]):
        # neighbours on a random ring: a rearrangement that leaves nobody in place
        ring = rng.permutation(chosen)
        rows[ring, column] = table.rows[np.roll(ring, 1), column]
    wrong = table.shuffled.copy()
    wrong[chosen] = True
    return replace(table, rows=rows, shuffled=wrong)


def _some_complete(table: Table, rate: float, rng: np.random.Generator) -> Rows:
    """Return a share of the samples that have every view."""
    complete = np.flatnonzero((table.rows >= 0).all(axis=1))
    return rng.choice(complete, share(rate, len(complete)), replace=False)


def mixed(table: Table, rng: np.random.Generator) -> Table:
    """Return the table with one view left to each sample, chosen by a fair coin."""
    n_views = table.rows.shape[1]
    kept = rng.integers(n_views, size=table.n_samples)
    rows = np.where(kept[:, None] == np.arange(n_views), table.rows, -1)
    return replace(table, rows=rows)


def altered(table: Table) -> Mapping[str, Rows]:
    """Return, per view, the source row of each sample's values (-1: none), if any differs."""
    if (table.rows == table.source_row[:, None]).all():
        return {}
    return {view: table.rows[:, column] for column, view in enumerate(table.values)}
