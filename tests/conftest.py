"""Small data sets of every kind, with their true clusters, which any method should find.

Each fixture gives (data, y_true): 180 samples, three clusters of 60 in random order. Values
are in [0, 1], as the catalogue scales features.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from mmbench.data import Dataset, View

N_CLUSTERS = 3
N_SAMPLES = 180


@pytest.fixture
def paired_blobs():
    """Two feature views, image (180, 12) and text (180, 8), each enough to tell the clusters."""
    return _paired({"image": 12, "text": 8})


@pytest.fixture
def three_view_blobs():
    """Three paired feature views of 12, 8 and 5 columns."""
    return _paired({"image": 12, "text": 8, "audio": 5})


@pytest.fixture
def two_of_three():
    """Two paired views, each of which takes another two of the three clusters for one."""
    rng = np.random.default_rng(5)
    y_true = _shuffled_clusters(rng)
    arrays = []
    for apart in (0, 2):
        signal = np.stack([y_true == apart, np.zeros(N_SAMPLES)], axis=1)
        arrays.append((0.3 + 0.4 * signal + rng.normal(scale=0.04, size=signal.shape)).clip(0, 1))
    return Dataset.paired(arrays, n_clusters=N_CLUSTERS, name="two-of-three"), y_true


@pytest.fixture
def one_view_blobs():
    """A single feature view."""
    return _paired({"image": 12})


@pytest.fixture
def mixed_blobs(paired_blobs):
    """The paired samples, each with only one of its views, by a fair coin."""
    data, y_true = paired_blobs
    coin = np.random.default_rng(1).integers(2, size=data.n_samples)
    return _keeping(data, {"image": coin == 0, "text": coin == 1}), y_true


@pytest.fixture
def incomplete_blobs(paired_blobs):
    """The paired samples, of which 30 % lack one view."""
    data, y_true = paired_blobs
    fate = np.random.default_rng(2).choice(3, size=data.n_samples, p=[0.7, 0.15, 0.15])
    return _keeping(data, {"image": fate != 1, "text": fate != 2}), y_true


@pytest.fixture
def image_blobs():
    """Noisy images (180, 3, 16, 16), uint8: horizontal bars, vertical bars and discs."""
    rng = np.random.default_rng(3)
    y_true = _shuffled_clusters(rng)
    row, column = np.mgrid[:16, :16]
    shapes = np.stack(
        [row // 2 % 2 == 0, column // 2 % 2 == 0, np.hypot(row - 7.5, column - 7.5) < 5]
    )
    clean = 60 + 130 * shapes[y_true][:, None].repeat(3, axis=1)
    images = (clean + rng.normal(scale=20, size=clean.shape)).clip(0, 255).astype(np.uint8)
    data = Dataset.paired([images], n_clusters=N_CLUSTERS, names=["image"], name="image-blobs")
    return data, y_true


@pytest.fixture
def two_view_images(image_blobs):
    """Two views of grey images (1, 16, 16), flattened; a sample has two images of one cluster."""
    data, y_true = image_blobs
    pixels = data.images()[:, :1].reshape(N_SAMPLES, -1) / 255
    partner = np.empty(N_SAMPLES, int)
    for cluster in range(N_CLUSTERS):
        rows = np.flatnonzero(y_true == cluster)
        partner[rows] = np.roll(rows, 1)
    views = Dataset.paired([pixels, pixels[partner]], n_clusters=N_CLUSTERS, name="images").views
    marked = tuple(replace(view, image_shape=(1, 16, 16)) for view in views)
    return Dataset(marked, N_CLUSTERS, N_SAMPLES, "images"), y_true


@pytest.fixture
def split_paired_blobs(paired_blobs):
    """The paired samples, of which one in three is held out."""
    return _split(*paired_blobs)


@pytest.fixture
def split_mixed_blobs(mixed_blobs):
    """The mixed-modal samples, of which one in three is held out."""
    return _split(*mixed_blobs)


@pytest.fixture
def split_incomplete_blobs(incomplete_blobs):
    """The incomplete samples, of which one in three is held out."""
    return _split(*incomplete_blobs)


@pytest.fixture
def split_image_blobs(image_blobs):
    """The images, of which one in three is held out."""
    return _split(*image_blobs)


def _paired(widths):
    rng = np.random.default_rng(0)
    y_true = _shuffled_clusters(rng)
    arrays = []
    for width in widths.values():
        centres = rng.uniform(0.2, 0.8, size=(N_CLUSTERS, width))
        noise = rng.normal(scale=0.04, size=(N_SAMPLES, width))
        arrays.append((centres[y_true] + noise).clip(0, 1))
    data = Dataset.paired(arrays, n_clusters=N_CLUSTERS, names=list(widths), name="blobs")
    return data, y_true


def _shuffled_clusters(rng):
    return rng.permutation(np.arange(N_SAMPLES) % N_CLUSTERS)


def _keeping(data, masks):
    """Return the data with only the rows of each view whose mask is true."""
    views = []
    for view in data.views:
        kept = np.flatnonzero(masks[view.name])
        views.append(View(view.values[kept], kept, view.name, view.modality))
    return replace(data, views=tuple(views))


def _split(data, y_true):
    held_out = np.random.default_rng(4).permutation(data.n_samples)[: data.n_samples // 3]
    fit_index = np.setdiff1d(np.arange(data.n_samples), held_out)
    return replace(data, fit_index=fit_index), y_true


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure where everything that tests need is said to be at hand."""
    report = yield
    if report.skipped and os.environ.get("MMBENCH_FORBID_SKIPS"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"MMBENCH_FORBID_SKIPS is set, and this was skipped: {reason}"
    return report
