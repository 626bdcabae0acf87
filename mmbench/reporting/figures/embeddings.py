"""Embeddings in two dimensions, by class and by cluster side by side."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from mmbench.reporting.details import Details, Embedding
from mmbench.reporting.figures.style import (
    MARKERS,
    explained,
    first,
    panels,
    save,
    styled,
    wrapped,
)
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec

MAX_METHODS = 3  # four panels each
MAX_POINTS = 500  # of one panel: more hide each other, and t-SNE takes its time
LEGEND_NAMES = 20
# ten that colour-blind readers can tell apart: the muted ones of Paul Tol, his grey made black
COLOURS = (
    "#332288",
    "#CC6677",
    "#117733",
    "#DDCC77",
    "#88CCEE",
    "#882255",
    "#44AA99",
    "#999933",
    "#AA4499",
    "#000000",
)


@styled()
def write_embeddings(
    spec: ReportSpec, stored: DatasetScores, details: Details, folder: Path
) -> dict[str, str]:
    """Write embedding-{dataset}; return its name with its caption.

    Both maps know the embedding alone; classes and clusters give the colours.
    """
    name = f"embedding-{stored.dataset.name}"
    title = f"{stored.dataset.title}: embeddings in two dimensions"
    found = [(m, e) for m in representatives(spec) if (e := details.embedding(m.name)) is not None]
    # a method that learns its embedding says more than a projection of the data does
    found.sort(key=lambda pair: len(details.logged(pair[0].name, "loss")) == 0)
    if not found:
        reason = "No method that ended ok here has an embedding."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    shown, rest = first(found, "methods with an embedding, those that learn it before", MAX_METHODS)
    figure, grid = panels(4 * len(shown), columns=4, width=2.6, height=2.6, extra=1.2)
    for i, (method, embedding) in enumerate(shown):
        some = _sample(embedding)
        maps = {"PCA": pca(some.z), "t-SNE": tsne(some.z)}
        for j, (kind, xy) in enumerate(maps.items()):
            for k, (what, labels) in enumerate((("class", some.y_true), ("cluster", some.y_pred))):
                axes = grid[4 * i + 2 * j + k]
                _scatter(axes, xy, labels)
                axes.set_title(f"{kind}, by {what}", loc="left")
        grid[4 * i].set_ylabel(wrapped(method.printed, 30))
    classes = details.classes
    if 0 < len(classes) <= LEGEND_NAMES:
        handles = [
            Line2D([], [], ls="", **mark(c, 6.5), label=wrapped(class_name, 18, 1))
            for c, class_name in enumerate(classes)
        ]
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=min(10, len(classes)),
            title="panels by class (the colours of clusters follow their own numbers)",
        )
    figure.suptitle(title)
    save(figure, folder / name)
    caption = (
        f"{title} of the first seed, at most {MAX_POINTS} samples, by principal components and by"
        " t-SNE. Each map is drawn twice: by class, and by the cluster the method found; clusters"
        " are numbered anew, so colours of the two do not correspond. Distances between groups of"
        f" t-SNE mean nothing.{rest}"
    )
    return {name: caption}


def pca(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2), the first principal components; a missing one is 0."""
    if (z == z[0]).all():  # all points are one
        return np.zeros((len(z), 2))
    axes = PCA(min(2, *z.shape), svd_solver="full").fit_transform(z)
    return np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))


def tsne(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2), t-SNE from the principal components, the same for the same points."""
    start = pca(z)
    spread = start[:, 0].std()
    if spread == 0:
        return start
    model = TSNE(
        perplexity=min(30.0, (len(z) - 1) / 3),
        init=start / spread * 1e-4,
        learning_rate="auto",
        max_iter=400,
        random_state=0,
    )
    # threads add their parts in any order, so that the last digits would differ
    with threadpool_limits(1):
        xy: NDArray[np.float64] = model.fit_transform(z)
    return xy


def _sample(embedding: Embedding) -> Embedding:
    """Return evenly spaced rows; samples are stored in random order, so these are a fair part."""
    n = len(embedding.z)
    rows = np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int)
    z = np.nan_to_num(embedding.z[rows])
    if z.shape[1] > 50:
        z = PCA(min(50, *z.shape), svd_solver="full").fit_transform(z)
    return Embedding(z, embedding.y_true[rows], embedding.y_pred[rows])


def _scatter(axes: Axes, xy: NDArray[np.float64], labels: NDArray[np.int32]) -> None:
    for label in np.unique(labels):
        axes.plot(*xy[labels == label].T, ls="", **mark(int(label), 3.2), alpha=0.75)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def mark(label: int, size: float) -> dict[str, Any]:
    """Return how the points of a label look: ten colours, filled, then the same ones hollow."""
    colour = COLOURS[label % len(COLOURS)]
    is_hollow = label // len(COLOURS) % 2 == 1
    # shifted when all have been used, so that no two labels below 200 look the same
    marker = MARKERS[(label + label // (2 * len(COLOURS))) % len(MARKERS)]
    return {
        "marker": marker,
        "ms": size * 1.4 if marker == "*" else size,  # a star is mostly corners
        "mec": colour,
        "mfc": "none" if is_hollow else colour,
        "mew": 0.7 if is_hollow else 0,
    }
