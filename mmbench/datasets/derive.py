"""Derived data sets: samples, views or pairings are taken away by random choices with a seed.

Only row numbers change, so the rows that are left are those of the base, scaled as there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmbench.config.datasets import Derivation, DrawnByClass, Split, share
from mmbench.data import flat
from mmbench.datasets.table import Rows, Table
from mmbench.errors import InputError

Generator = np.random.Generator


def derive(table: Table, options: Derivation) -> Table:
    """Return a table with the options applied in the order in which `Derivation` lists them.

    Raises:
        InputError: a class or a pool would be left with no sample.
    """
    for option, (stream, step) in _STEPS.items():
        value = getattr(options, option)
        if value is not None:
            table = step(table, value, np.random.default_rng([options.seed, stream]))
    return table


def _chosen_views(table: Table, views: Sequence[str], _: Generator) -> Table:
    columns = [list(table.values).index(view) for view in views]
    return replace(
        table, values={view: table.values[view] for view in views}, rows=table.rows[:, columns]
    )


def _split(table: Table, split: Split, rng: Generator) -> Table:
    n_train = int(split.train * table.n_samples)
    return replace(table, fit_index=stratified(table.labels, n_train, rng))


def stratified(labels: Rows, n: int, rng: Generator) -> Rows:
    """Return `n` increasing sample numbers in the proportions of the classes.

    Sizes are rounded by the method of the largest remainder.

    Raises:
        InputError: a class would be left with none.
    """
    counts = np.bincount(labels)
    quotas = counts * (n / len(labels))
    sizes = np.floor(quotas + 1e-9).astype(np.int64)
    neediest = np.argsort(sizes - quotas, kind="stable")
    sizes[neediest[: n - sizes.sum()]] += 1
    return _draw(labels, sizes, rng)


def imbalanced(labels: Rows, ratio: float, rng: Generator) -> Rows:
    """Return increasing sample numbers such that the class sizes fall exponentially.

    The largest class has `ratio` times the samples of the smallest. The order of the classes
    by size stays, and as many samples are kept as these proportions allow.
    """
    counts = np.bincount(labels)
    order = np.argsort(-counts, kind="stable")
    profile = ratio ** -np.linspace(0, 1, len(counts))
    largest = (counts[order] / profile).min()
    sizes = np.empty_like(counts)
    sizes[order] = np.rint(largest * profile).astype(np.int64)
    return _draw(labels, sizes, rng)


def _draw(labels: Rows, sizes: Rows, rng: Generator) -> Rows:
    if (sizes == 0).any():
        raise InputError(f"class {int(np.argmin(sizes))} would be left with no sample")
    drawn = [
        rng.choice(np.flatnonzero(labels == label), size, replace=False)
        for label, size in enumerate(sizes)
    ]
    return np.sort(np.concatenate(drawn))


def drawn_by_class(table: Table, options: DrawnByClass, rng: Generator) -> Table:
    """Return new samples, each made of one row of every pool of one class.

    The rows of a class are divided, in the order of the file, into a pool for each view. A row
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
    names = dict.fromkeys(options.views, flat(values))
    return replace(Table.of(names, labels), rows=rows, source_row=rows[:, 0])


def unpaired(table: Table, rate: float, rng: Generator) -> Table:
    """Return the table with the rows of a share of its samples as samples of their own.

    All samples are put into a new random order, since the old one would reveal which belong
    together.
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


def incomplete(table: Table, rate: float, rng: Generator) -> Table:
    """Return the table without some views of a share of its complete samples.

    The number of lost views is uniform in 1..n_views-1, and so is the choice of them.
    """
    n_views = table.rows.shape[1]
    chosen = _some_complete(table, rate, rng)
    n_lost = rng.integers(1, n_views, size=len(chosen))
    order = rng.permuted(np.tile(np.arange(n_views), (len(chosen), 1)), axis=1)
    rows = table.rows.copy()
    rows[chosen] = np.where(order < n_lost[:, None], -1, rows[chosen])
    return replace(table, rows=rows)


def shuffled(table: Table, rate: float, rng: Generator) -> Table:
    """Return the table with a share of its complete samples paired wrongly.

    The rows of each view but the first are exchanged among the chosen samples so that none stays
    in place; the label is that of the first view.
    """
    chosen = _some_complete(table, rate, rng)
    if len(chosen) == 1:
        raise InputError("shuffled_rate: expected at least two samples to exchange, got one")
    rows = table.rows.copy()
    for column in range(1, rows.shape[1]):
        # taking the row of the neighbour on a random ring leaves no row in place
        ring = rng.permutation(chosen)
        rows[ring, column] = table.rows[np.roll(ring, 1), column]
    wrong = table.shuffled.copy()
    wrong[chosen] = True
    return replace(table, rows=rows, shuffled=wrong)


def _some_complete(table: Table, rate: float, rng: Generator) -> Rows:
    """Return a share of the samples that have every view."""
    complete = np.flatnonzero((table.rows >= 0).all(axis=1))
    return rng.choice(complete, share(rate, len(complete)), replace=False)


def mixed(table: Table, _: str, rng: Generator) -> Table:
    """Return the table with one view left to each sample, chosen by a fair coin."""
    n_views = table.rows.shape[1]
    kept = rng.integers(n_views, size=table.n_samples)
    rows = np.where(kept[:, None] == np.arange(n_views), table.rows, -1)
    return replace(table, rows=rows)


# Each option has a random stream of its own; a new option gets the next number.
_STEPS: dict[str, tuple[int, Callable[[Table, Any, Generator], Table]]] = {
    "drawn_by_class": (1, drawn_by_class),
    "views": (0, _chosen_views),
    "sample": (2, lambda table, n, rng: table.take(stratified(table.labels, n, rng))),
    "imbalance": (3, lambda table, ratio, rng: table.take(imbalanced(table.labels, ratio, rng))),
    "unpaired_rate": (4, unpaired),
    "missing_rate": (5, incomplete),
    "shuffled_rate": (6, shuffled),
    "data_setting": (7, mixed),
    "split": (8, _split),
}


def altered(table: Table) -> Mapping[str, Rows]:
    """Return, per view, the source row of each sample's values (-1: none), if any differs."""
    if (table.rows == table.source_row[:, None]).all():
        return {}
    return {view: table.rows[:, column] for column, view in enumerate(table.values)}
