"""Embeddings in two dimensions, by class and by cluster side by side."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Embedding
from mmbench.reporting.figures import style
from mmbench.reporting.figures.variants import representatives

MAX_METHODS = 3  # four panels each
MAX_POINTS = 500  # of one panel: more hide each other, and t-SNE takes its time
LEGEND_NAMES = 20
# ten colours for colour-blind readers: the muted ones of Paul Tol, with black for his grey
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


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return embedding-{dataset}: four panels for each method, by class and by cluster.

    Both maps are computed from the embedding alone; classes and clusters give the colours.
    """
    details = report.details_of(key)
    title = f"{report.by_name[key].dataset.title}: embeddings in two dimensions"
    methods = representatives(report.spec)
    found = [(m, e) for m in methods if (e := details.embedding(m.name)) is not None]
    # a method that learns its embedding is of more interest than a projection of the data
    found.sort(key=lambda pair: len(details.logged(pair[0].name, "loss")) == 0)
    if not found:
        return style.empty(title, "No method that ended ok here has an embedding.")
    noun = "methods with an embedding, those that learn it before"
    drawn, omitted = style.first(found, noun, MAX_METHODS)
    figure, grid = style.panels(title, 4 * len(drawn), 4, (2.6, 2.6), extra=1.2)
    panel = iter(grid)
    for i, (method, embedding) in enumerate(drawn):
        sample = _sample(embedding)
        for kind, xy in (("PCA", pca(sample.z)), ("t-SNE", tsne(sample.z))):
            for name, labels in (("class", sample.y_true), ("cluster", sample.y_pred)):
                axes = next(panel)
                _scatter(axes, xy, labels)
                axes.set_title(f"{kind}, by {name}")
        grid[4 * i].set_ylabel(style.wrapped(method.printed, 30))
    if 0 < len(details.classes) <= LEGEND_NAMES:
        handles = [
            style.handle(style.wrapped(name, 18, 1), ls="", **mark(label, 6.5))
            for label, name in enumerate(details.classes)
        ]
        heading = "panels by class (the colours of clusters follow their own numbers)"
        style.legend(figure, handles, min(10, len(handles)), title=heading)
    return style.Drawing(figure, title, (f"At most {MAX_POINTS} samples are drawn.", omitted))


def pca(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2), the first two principal components; a missing one is 0."""
    if (z == z[0]).all():
        return np.zeros((len(z), 2))
    axes = PCA(min(2, *z.shape), svd_solver="full").fit_transform(z)
    return np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))


def tsne(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2), t-SNE initialised with the principal components; deterministic."""
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
    # threads add their parts in any order, which would change the last digits
    with threadpool_limits(1):
        return np.asarray(model.fit_transform(z))


def _sample(embedding: Embedding) -> Embedding:
    """Return evenly spaced rows, a fair sample since samples are stored in random order."""
    n = len(embedding.z)
    rows = np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int)
    z = np.nan_to_num(embedding.z[rows])
    if z.shape[1] > 50:
        z = PCA(min(50, *z.shape), svd_solver="full").fit_transform(z)
    return Embedding(z, embedding.y_true[rows], embedding.y_pred[rows])


def _scatter(axes: Axes, xy: NDArray[np.float64], labels: NDArray[np.int32]) -> None:
    for label in np.unique(labels):
        axes.plot(*xy[labels == label].T, ls="", **mark(int(label), 3.2), alpha=0.75)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def mark(label: int, size: float) -> dict[str, Any]:
    """Return the look of the points of a label: ten filled colours, then the same ones hollow."""
    colour = COLOURS[label % len(COLOURS)]
    is_hollow = label // len(COLOURS) % 2 == 1
    # shifted after every 20 labels, so that no two labels below 200 look the same
    marker = style.MARKERS[(label + label // (2 * len(COLOURS))) % len(style.MARKERS)]
    return {
        "marker": marker,
        "ms": size * 1.4 if marker == "*" else size,  # a star is mostly corners
        "mec": colour,
        "mfc": "none" if is_hollow else colour,
        "mew": 0.7 if is_hollow else 0,
    }
