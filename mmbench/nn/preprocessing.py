"""Rows and features of views, as matrices for training, and their k-means, without torch.

Ranges, principal axes and centroids are fitted on the samples to train on, `fit_index`, and
applied to all samples.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mmbench.data import Dataset, IncompatibleDataError, Index, View

Matrix = NDArray[np.float32]


def joint_features(
    data: Dataset,
    *,
    max_features: int,
    seed: int,
    held_out: bool = False,
    equal_weights: bool = True,
) -> Matrix:
    """Return one row of features for each sample.

    Paired views (images as pixels) are concatenated and reduced by PCA. Each modality of
    mixed-modal data is reduced by its own PCA to a common dimension, and the rows are stacked
    as if they were of one space. Memory is about four times the views in float32.

    Args:
        data: paired feature views or images, or mixed-modal features.
        max_features: to keep at most; also limited by the columns and the training rows of the
            data, or of each modality of mixed data.
        seed: of the randomised solver of PCA for large matrices.
        held_out: accept data with samples that are not to be trained on.
        equal_weights: scale the views to the same weight. Otherwise a view has more weight if
            it has more columns, or columns of larger variance.

    Returns:
        z: (n_samples, at most max_features), centred on the training rows.

    Raises:
        IncompatibleDataError: incomplete views, mixed-modal images, held-out samples that
            are not accepted, or a modality without a row to train on.
    """

    def weighted(x: Matrix, fit_rows: Index) -> Matrix:
        return equally_weighted(x, fit_rows) if equal_weights else x

    if data.data_setting != "mixed":
        views = data.paired_features(pixels=True, held_out=held_out)
        side_by_side = np.hstack([weighted(x, data.fit_index) for x in views])
        return principal(side_by_side, max_features, data.fit_index, seed=seed)

    modalities = data.mixed_features(held_out=held_out)
    fit_rows = [training_rows(data, view) for view in modalities]
    n_common = min(
        max_features, *(v.n_features for v in modalities), *(len(rows) for rows in fit_rows)
    )
    stacked = np.empty((data.n_samples, n_common), np.float32)
    for view, rows in zip(modalities, fit_rows, strict=True):
        x = weighted(view.flat(), rows)
        stacked[view.sample_index] = principal(x, n_common, rows, seed=seed)
    return stacked


def training_rows(data: Dataset, view: View) -> Index:
    """Return the rows of a view that describe samples to train on, in increasing order.

    Raises:
        IncompatibleDataError: there are no such rows.
    """
    rows = np.flatnonzero(np.isin(view.sample_index, data.fit_index, assume_unique=True))
    if not len(rows):
        raise IncompatibleDataError(
            f"{data.name}: needs samples to train on in every view, but {view.name} has none"
        )
    return rows


def row_numbers(data: Dataset) -> Index:
    """Return (n_views, n_samples), the row of each sample in each view, -1 if it has none."""
    rows = np.full((len(data.views), data.n_samples), -1)
    for v, view in enumerate(data.views):
        rows[v, view.sample_index] = np.arange(len(view.sample_index))
    return rows


def samples_in_pairs(data: Dataset, rows: Index) -> Index:
    """Return the samples to train on that have at least two views, in increasing order.

    Args:
        data: at least two views.
        rows: `row_numbers` of the data.

    Raises:
        IncompatibleDataError: a view has fewer than two such samples.
    """
    has = rows[:, data.fit_index] >= 0
    paired = has.sum(axis=0) > 1
    for view, n in zip(data.views, (has & paired).sum(axis=1), strict=True):
        if n < 2:
            raise IncompatibleDataError(
                f"{data.name}: needs 2 samples to train on that have {view.name} and another"
                f" view, has {n}"
            )
    shared: Index = data.fit_index[paired]
    return shared


def equally_weighted(x: Matrix, fit_rows: Index) -> Matrix:
    """Return x with its range scaled to [0, 1], divided by √n_features.

    The norm of a row of `fit_rows`, which determine the range, is then at most 1 for any number
    of columns. The range is that of all columns together, so it keeps their relative scaling, and
    x in [0, 1] is only divided.
    """
    fitted = x[fit_rows]
    low, high = float(fitted.min()), float(fitted.max())
    width = high - low or 1.0  # a constant view becomes zeros
    weighted: Matrix = (x - low) / (width * x.shape[1] ** 0.5)
    return weighted


def unit_variance(x: Matrix, fit_rows: Index) -> Matrix:
    """Return x divided by one number, so that its columns have a mean variance of 1.

    x, (n_rows, n_features), is centred on the `fit_rows`, which determine the variance. The
    relative scaling of the columns stays the same, and zeros stay zeros.
    """
    deviation = float(np.sqrt(np.square(x[fit_rows]).mean()))
    scaled: Matrix = x / (deviation or 1.0)
    return scaled


def principal(x: Matrix, n_components: int, fit_rows: Index, *, seed: int) -> Matrix:
    """Return the principal components, (n_rows, min(n_components, n_features, n_fit)).

    The mean and the axes are fitted on `fit_rows`; large matrices need a randomised solver, which
    takes the seed.
    """
    n_components = min(n_components, x.shape[1], len(fit_rows))
    pca = PCA(n_components, random_state=seed)
    with np.errstate(invalid="ignore"):  # PCA divides by the variance, 0 for constant columns
        pca.fit(x[fit_rows])
    projected: Matrix = pca.transform(x).astype(np.float32, copy=False)
    return projected


def require_samples(data: Dataset, n: int) -> None:
    """Raise `IncompatibleDataError` where there are fewer than n samples to train on."""
    if len(data.fit_index) < n:
        raise IncompatibleDataError(
            f"{data.name}: needs {n} samples to train on, has {len(data.fit_index)}"
        )


def require_sample_per_cluster(data: Dataset, view: View | None = None) -> None:
    """Raise `IncompatibleDataError` where there are fewer samples to train on than clusters.

    With a view, only the samples that it describes count.
    """
    if view is None:
        n, where = len(data.fit_index), ", has"
    else:
        n, where = len(training_rows(data, view)), f" in every modality, but {view.name} has"
    if n < data.n_clusters:
        raise IncompatibleDataError(
            f"{data.name}: needs a sample to train on for each of {data.n_clusters} clusters"
            f"{where} {n}"
        )


def fitted_kmeans(x: NDArray[np.floating], n_clusters: int, *, seed: int, n_init: int) -> KMeans:
    """Return the best of `n_init` runs of k-means by inertia, the same for any number of threads.

    Where x, (n_samples, n_features), has fewer distinct rows than clusters, some stay empty.
    """
    model = KMeans(n_clusters, n_init=n_init, random_state=seed)
    # threads sum the centroids in the order in which they finish, which changes the last bits
    # and, after some steps, the clusters; where another process is busy they are also far slower
    with threadpool_limits(limits=1, user_api="openmp"), warnings.catch_warnings():
        # the scores show which clusters are empty
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        return model.fit(x)


def kmeans_assignments(
    x: NDArray[np.floating], data: Dataset, *, seed: int, n_init: int
) -> NDArray[np.int64]:
    """Return (n_samples,) clusters in 0..n_clusters-1, by k-means of the training samples.

    Every sample, (n_samples, n_features), is assigned to its nearest centroid.

    Raises:
        IncompatibleDataError: fewer samples to train on than clusters.
    """
    require_sample_per_cluster(data)
    model = fitted_kmeans(x[data.fit_index], data.n_clusters, seed=seed, n_init=n_init)
    y_pred: NDArray[np.int64] = model.predict(x).astype(np.int64)
    return y_pred
