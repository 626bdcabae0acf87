"""Generates data sets from a seed."""

import numpy as np
from numpy.typing import NDArray

from mmbench.config.datasets import Generator, SyntheticImages, SyntheticViews, ViewSpec
from mmbench.datasets.loaders import RawData
from mmbench.datasets.table import Rows

Features = NDArray[np.float64]


def generate(
    generator: Generator, *, n_samples: int, n_clusters: int, views: dict[str, ViewSpec], seed: int
) -> RawData:
    """Return the views and labels of a generator, the same for the same seed.

    The classes are of equal size, up to one sample, and in order.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n_samples) * n_clusters // n_samples
    match generator:
        case SyntheticViews():
            widths = {name: spec.dims[0] for name, spec in views.items()}
            return RawData(_factors(generator, labels, widths, rng), labels)
        case SyntheticImages():
            ((name, spec),) = views.items()
            return RawData({name: _images(generator, labels, spec.dims, rng)}, labels)


def _factors(
    options: SyntheticViews, labels: Rows, widths: dict[str, int], rng: np.random.Generator
) -> dict[str, Features]:
    """Return x_v = √(1 - ρ) s A_v + √ρ p_v B_v + noise for each view v.

    s: (n_samples, n_shared), a mixture of Gaussians, one for each label; p_v: (n_samples,
    n_private), a mixture of as many that is independent of the labels; A_v and B_v: random, such
    that a feature has variance 1 before noise, of which ρ = private_share is private.
    """
    n_clusters = int(labels.max()) + 1
    shared = _mixture(labels, n_clusters, options.n_shared, options.separation, rng)
    views = {}
    for name, width in widths.items():
        other = rng.integers(n_clusters, size=len(labels))
        private = _mixture(other, n_clusters, options.n_private, options.separation, rng)
        rho = options.private_share
        signal = np.sqrt(1 - rho) * _mapped(shared, width, rng)
        signal += np.sqrt(rho) * _mapped(private, width, rng)
        views[name] = signal + options.noise * rng.standard_normal(signal.shape)
    return views


def _mixture(
    labels: Rows, n_clusters: int, width: int, separation: float, rng: np.random.Generator
) -> Features:
    """Return (n_samples, width) points around centres whose mean distance is `separation`."""
    centres = rng.standard_normal((n_clusters, width))
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    centres *= separation / gaps[np.triu_indices(n_clusters, 1)].mean()
    points: Features = centres[labels] + rng.standard_normal((len(labels), width))
    return points


def _mapped(factor: Features, width: int, rng: np.random.Generator) -> Features:
    """Return the factor mapped to (n_samples, width), each feature of mean 0 and variance 1."""
    mapped = factor @ rng.standard_normal((factor.shape[1], width))
    unit: Features = (mapped - mapped.mean(axis=0)) / mapped.std(axis=0)
    return unit


def _images(
    options: SyntheticImages, labels: Rows, dims: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return images of discs (class 0), vertical stripes (1) and horizontal stripes (2).

    Shapes vary a little in place and size; a crop or mirror image keeps its class.
    """
    _, height, width = dims
    y, x = np.mgrid[:height, :width]
    images = np.empty((len(labels), *dims))
    for image, label in zip(images, labels, strict=True):
        across, down = rng.uniform(-0.1, 0.1, size=2)
        if label == 0:
            distance = np.hypot(x / width - 0.5 - across, y / height - 0.5 - down)
            shape = distance < rng.uniform(0.25, 0.35)
        else:
            along = x / width + across if label == 1 else y / height + down
            shape = np.sin(2 * np.pi * along * rng.uniform(1.8, 2.2)) > 0
        image[:] = 0.2 + 0.6 * shape
    images += options.noise * rng.standard_normal(images.shape)
    pixels: NDArray[np.uint8] = np.rint(images.clip(0, 1) * 255).astype(np.uint8)
    return pixels
