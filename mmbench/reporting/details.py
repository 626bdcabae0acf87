"""The arrays that `score` keeps for figures, see `mmbench.evaluation`."""

import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.errors import InputError
from mmbench.files import NOT_AN_NPZ

Curve = NDArray[np.float32]  # (2, n): epochs and values


@dataclass(frozen=True, eq=False)
class Embedding:
    """An embedding of some samples with their classes and clusters, a row for each."""

    z: NDArray[np.float64]
    y_true: NDArray[np.int32]
    y_pred: NDArray[np.int32]


class Details:
    """The arrays of one data set, read on access; an absent one is empty."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], seeds: Collection[int]) -> None:
        """Keep the arrays of some seeds, and those that belong to none."""
        self._arrays = arrays
        # (kind, method) -> seed -> the rest of the key -> the key
        self._keys: dict[tuple[str, str], dict[int, dict[str, str]]] = {}
        for key in arrays:
            kind, method, seed, term = [*key.split("/", 3), "", "", ""][:4]
            if seed.isdecimal() and int(seed) in seeds:
                by_seed = self._keys.setdefault((kind, method), {})
                by_seed.setdefault(int(seed), {})[term] = key

    @property
    def classes(self) -> list[str]:
        """The names of the classes, by label."""
        return [str(name) for name in self._arrays["classes"]] if "classes" in self._arrays else []

    def terms(self, method: str) -> list[str]:
        """Return the names of the terms that a method logged, in the order of logging."""
        by_seed = self._keys.get(("loss", method), {})
        return list(dict.fromkeys(term for terms in by_seed.values() for term in terms))

    def by_seed(self, method: str, term: str = "") -> dict[int, Curve]:
        """Return the curve of a term by seed; without a term, the ACC of the checkpoints."""
        by_seed = self._keys.get(("loss" if term else "acc", method), {})
        return {seed: self._arrays[terms[term]] for seed, terms in by_seed.items() if term in terms}

    def logged(self, method: str, term: str = "") -> list[Curve]:
        """Return the curves of `by_seed` alone."""
        return list(self.by_seed(method, term).values())

    def confusion(self, method: str) -> NDArray[np.int32] | None:
        """Return the counts after matching, (n_classes, n_columns), or None."""
        return self._first("confusion", method)

    def embedding(self, method: str) -> Embedding | None:
        """Return the embedding of a method, or None."""
        z, y_true, y_pred = (
            self._first(kind, method) for kind in ("embedding", "embedding_true", "embedding_pred")
        )
        if z is None or y_true is None or y_pred is None or len(z) < 3:
            return None
        return Embedding(z.astype(np.float64), y_true, y_pred)

    def agreement(self) -> tuple[list[str], NDArray[np.float64]]:
        """Return the methods whose agreement was measured, and the ARI of each pair."""
        if "agreement" not in self._arrays:
            return [], np.empty((0, 0))
        names = [str(name) for name in self._arrays["agreement_methods"]]
        return names, self._arrays["agreement"].astype(np.float64)

    def _first(self, kind: str, method: str) -> NDArray[Any] | None:
        terms = next(iter(self._keys.get((kind, method), {}).values()), None)
        return self._arrays[terms[""]] if terms else None


@contextmanager
def open_details(path: Path, seeds: Collection[int]) -> Iterator[Details]:
    """Give the arrays of some seeds in a details file, which is open until the block ends.

    Raises:
        InputError: the file is missing, damaged, or is not an .npz.
    """
    try:
        with zipfile.ZipFile(path) as file:  # arrays are read later, after other files were written
            if damaged := file.testzip():
                raise ValueError(f"{damaged} in it is damaged")
        archive = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: expected the details of scores, found none") from None
    except NOT_AN_NPZ as error:
        raise InputError(f"{path}: expected an .npz of details, but {error}") from None
    with archive:
        yield Details(archive, seeds)


def over_seeds(curves: list[Curve]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the epochs at which any seed has a value, and (seeds, epochs) values, NaN for none."""
    epochs = np.unique(np.concatenate([curve[0] for curve in curves] or [np.empty(0)]))
    table = np.full((len(curves), len(epochs)), np.nan)
    for row, (at, values) in zip(table, curves, strict=True):
        row[np.searchsorted(epochs, at)] = np.where(np.isfinite(values), values, np.nan)
    known = ~np.isnan(table).all(axis=0)
    return epochs[known].astype(np.float64), table[:, known]
