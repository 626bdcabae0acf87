"""Spectral clustering of affinities, mostly dense ones of all pairs of samples in float64."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.metrics import euclidean_distances

from mmbench.data import Dataset, IncompatibleDataError

Square = NDArray[np.float64]


def check_few_samples(data: Dataset, most: int) -> None:
    """Raise IncompatibleDataError if the data have more than `most` samples."""
    if data.n_samples > most:
        gigabytes = 8 * data.n_samples**2 / 1e9
        raise IncompatibleDataError(
            f"{data.name}: takes at most {most} samples, has {data.n_samples}:"
            f" each of several matrices of all pairs would take {gigabytes:.1f} GB"
        )


def distances(x: NDArray[np.floating]) -> Square:
    """Return the Euclidean distances of all pairs of rows of x, (n, n), 0 on the diagonal."""
    found: Square = euclidean_distances(x.astype(np.float64))
    return (found + found.T) / 2  # rounding leaves it not quite symmetric


def gaussian_affinity(x: NDArray[np.floating]) -> Square:
    """Return exp(-d_ij² / 2σ²) of the rows of x, (n, n), with σ the median of all distances d.

    Where the median is 0, σ is 1.
    """
    d = distances(x)
    width = float(np.median(d)) or 1.0
    affinity: Square = np.exp(-((d / width) ** 2) / 2)
    return affinity


def normalised(affinity: Square) -> Square:
    """Return D^(-1/2) W D^(-1/2), (n, n), whose eigenvalues are in [-1, 1].

    W is symmetric, at least 0, and each of its rows has a positive sum.
    """
    scale = 1 / np.sqrt(affinity.sum(axis=1))
    similarity: Square = affinity * scale * scale[:, None]
    return similarity


def leading_eigenvectors(
    matrix: Square, n_vectors: int, *, seed: int, low_rank: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the eigenvectors of the largest eigenvalues of M + B B^T, (n, n_vectors).

    The matrix M is (n, n), symmetric; `low_rank` is B, (n, n_columns), or None for zero.
    """
    start = np.random.default_rng(seed).uniform(-1, 1, len(matrix))
    _, vectors = eigenpairs(matrix, n_vectors, start, low_rank)
    return np.ascontiguousarray(vectors[:, ::-1])


def eigenpairs(
    matrix: Square | csr_array,
    n_vectors: int,
    start: NDArray[np.float64],
    low_rank: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest eigenvalues, ascending, and their eigenvectors, (n, n_vectors).

    The arguments are those of `leading_eigenvectors`, and the solver's starting vector, (n,).
    """
    n = len(start)
    b = np.zeros((n, 0)) if low_rank is None else low_rank
    if n_vectors >= n // 2:  # too many for a Krylov solver
        dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        pairs = eigh(dense + b @ b.T, subset_by_index=[n - n_vectors, n - 1])
    else:
        operator = LinearOperator((n, n), lambda v: matrix @ v + b @ (b.T @ v), dtype=np.float64)
        pairs = eigsh(operator, k=n_vectors, which="LA", v0=start)
    return pairs[0], pairs[1]


def unit_rows(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return u with each row scaled to length 1, except rows of zeros."""
    lengths = np.linalg.norm(u, axis=1, keepdims=True)
    rows: NDArray[np.float64] = u / np.where(lengths > 0, lengths, 1)
    return rows
