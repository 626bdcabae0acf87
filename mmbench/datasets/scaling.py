"""Scales raw values to what methods see: float32 features or uint8 images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmbench.config import ViewSpec
from mmbench.errors import InputError


def scaled(values: NDArray[Any], spec: ViewSpec, *, where: str) -> NDArray[Any]:
    """Return (n_samples, n_features) float32, or (n_samples, channels, height, width) uint8.

    Args:
        values: (n_samples, …) finite numbers, as stored.
        spec: the dimensions to expect, and the scaling: `min-max` takes each column to
            [0, 1] and a constant one to 0; `tf-idf` weights word counts and gives rows of
            length 1, where empty rows stay 0; `unit-rows` does only the latter; `unit-pixels`
            keeps images as bytes, whose [0, 255] stand for [0, 1].
        where: data set and view, for messages.

    Raises:
        InputError: other dimensions than in the catalogue, negative word counts, pixels
            outside their range, or values that float32 cannot hold.
    """
    if int(np.prod(values.shape[1:])) != int(np.prod(spec.dims)):
        raise InputError(
            f"{where}: expected {' x '.join(map(str, spec.dims))} values in each row,"
            f" got {' x '.join(map(str, values.shape[1:]))}"
        )
    if spec.is_image:
        return _bytes(values.reshape(len(values), *spec.dims), spec, where)
    values = values.reshape(len(values), -1)
    if spec.scaling == "tf-idf" and values.min() < 0:
        raise InputError(f"{where}: expected word counts, got {values.min()}")
    # float64, since columns may reach 1e13 and differ only in the last digits
    features = _SCALINGS[spec.scaling](values.astype(np.float64))
    with np.errstate(over="ignore"):
        result: NDArray[np.float32] = features.astype(np.float32)
    if not np.isfinite(result).all():
        raise InputError(f"{where}: expected values within float32, got {np.abs(features).max()}")
    return result


def _bytes(values: NDArray[Any], spec: ViewSpec, where: str) -> NDArray[np.uint8]:
    white = spec.white or (255 if values.dtype.kind in "iub" else 1.0)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > white * (1 + 1e-6):
        raise InputError(f"{where}: expected pixels in 0..{white}, got {low}..{high}")
    if values.dtype == np.uint8 and white == 255:
        return values
    return np.rint(values * (255.0 / white)).clip(0, 255).astype(np.uint8)


def _min_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low = values.min(axis=0)
    width = values.max(axis=0) - low
    unit: NDArray[np.float64] = (values - low) / np.where(width > 0, width, 1)
    return unit


def _unit_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: NDArray[np.float64] = values / np.where(lengths > 0, lengths, 1)
    return unit


def _tf_idf(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight counts by log((1 + n) / (1 + documents with the word)) + 1, as scikit-learn does."""
    frequency = (values > 0).sum(axis=0)
    return _unit_rows(values * (np.log((1 + len(values)) / (1 + frequency)) + 1))


def _as_stored(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


_SCALINGS = {
    "as-stored": _as_stored,
    "min-max": _min_max,
    "tf-idf": _tf_idf,
    "unit-rows": _unit_rows,
}
