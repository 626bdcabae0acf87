"""Spectral clustering of dense affinities, for methods that compare all pairs of samples.

Such methods hold several (n_samples, n_samples) matrices in float64, so they refuse data with
more samples than they are told to take.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.metrics import euclidean_distances

from mmbench.data import Dataset, IncompatibleDataError

Square = NDArray[np.float64]


def check_few_samples(data: Dataset, most: int) -> None:
    """Refuse data whose matrices of all pairs of samples would grow too large.

    Args:
        data: of any setting.
        most: samples that the method takes.

    Raises:
        IncompatibleDataError: there are more; the message says what one matrix would take.
    """
    if data.n_samples > most:
        gigabytes = 8 * data.n_samples**2 / 1e9
        raise IncompatibleDataError(
            f"{data.name}: takes at most {most} samples, has {data.n_samples}:"
            f" each of several matrices of all pairs would take {gigabytes:.1f} GB"
        )


def distances(x: NDArray[np.floating]) -> Square:
    """Return the Euclidean distances of all pairs of rows, (n, n), 0 on the diagonal.

    Args:
        x: (n, n_features).
    """
    wide = x.astype(np.float64)
    found: Square = euclidean_distances(wide)
    # the diagonal is exact; elsewhere rounding may tell (i, j) from (j, i)
    return (found + found.T) / 2


def gaussian_affinity(x: NDArray[np.floating]) -> Square:
    """Return exp(-d_ij² / 2σ²), (n, n), with σ the median of all distances d.

    Args:
        x: (n, n_features). Where the median is 0, σ is 1.
    """
    d = distances(x)
    width = float(np.median(d)) or 1.0
    affinity: Square = np.exp(-((d / width) ** 2) / 2)
    return affinity


def normalised(affinity: Square) -> Square:
    """Return D^(-1/2) W D^(-1/2), (n, n), whose eigenvalues are in [-1, 1].

    Args:
        affinity: W, (n, n), symmetric, at least 0, each row with a positive sum.
    """
    scale = 1 / np.sqrt(affinity.sum(axis=1))
    similarity: Square = affinity * scale * scale[:, None]
    return similarity


def leading_eigenvectors(
    matrix: Square, n_vectors: int, *, seed: int, pulled_to: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the eigenvectors of the largest eigenvalues, (n, n_vectors), orthonormal.

    Args:
        matrix: M, (n, n), symmetric.
        n_vectors: at most n.
        seed: of the solver's starting vector.
        pulled_to: B, (n, n_columns): the eigenvectors are those of M + B B^T, which is never
            formed.
    """
    n = len(matrix)
    thin = np.zeros((n, 0)) if pulled_to is None else pulled_to
    if n_vectors >= n // 2:  # beyond what a Krylov space is good for
        whole = matrix + thin @ thin.T
        _, vectors = eigh(whole, subset_by_index=[n - n_vectors, n - 1])
    else:

        def times(v: NDArray[np.float64]) -> NDArray[np.float64]:
            product: NDArray[np.float64] = matrix @ v + thin @ (thin.T @ v)
            return product

        operator = LinearOperator((n, n), matvec=times, dtype=np.float64)
        start = np.random.default_rng(seed).uniform(-1, 1, n)
        _, vectors = eigsh(operator, k=n_vectors, which="LA", v0=start)
    found: NDArray[np.float64] = np.ascontiguousarray(vectors[:, ::-1])
    return found


def unit_rows(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return u with each row brought to length 1; a row of zeros stays.

    Args:
        u: (n, n_columns).
    """
    lengths = np.linalg.norm(u, axis=1, keepdims=True)
    rows: NDArray[np.float64] = u / np.where(lengths > 0, lengths, 1)
    return rows
