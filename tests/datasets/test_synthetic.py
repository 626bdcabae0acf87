"""Made data: what the knobs do."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from mmbench.config.datasets import SyntheticImages, SyntheticViews, ViewSpec
from mmbench.datasets.synthetic import generate

VIEWS = {name: ViewSpec(modality=name, dims=dims) for name, dims in (("a", 20), ("b", 30))}


def make(seed=0, **options):
    generator = SyntheticViews(kind="synthetic", **options)
    return generate(generator, n_samples=400, n_clusters=4, views=VIEWS, seed=seed)


def found(raw, view):
    y_pred = KMeans(4, n_init=3, random_state=0).fit_predict(raw.views[view])
    return adjusted_rand_score(raw.labels, y_pred)


def test_shapes_and_equal_classes():
    raw = make()
    assert {view: x.shape for view, x in raw.views.items()} == {"a": (400, 20), "b": (400, 30)}
    assert np.bincount(raw.labels).tolist() == [100] * 4


def test_the_same_seed_gives_the_same_data():
    np.testing.assert_array_equal(make(1).views["a"], make(1).views["a"])
    assert not np.array_equal(make(1).views["a"], make(2).views["a"])


def test_well_separated_clusters_without_private_factor_are_found():
    assert found(make(separation=12, private_share=0, noise=0.1), "a") > 0.99


def test_the_private_share_hides_the_clusters_of_a_view():
    scores = [found(make(separation=8, private_share=rho), "b") for rho in (0.0, 0.5, 0.9)]
    assert scores[0] > scores[1] > scores[2]
    assert scores[2] < 0.1


def test_a_feature_has_variance_one_beside_the_noise():
    for rho in (0.0, 0.3, 0.9):
        variances = make(private_share=rho, noise=0.5).views["a"].var(axis=0)
        assert variances.mean() == pytest.approx(1.25, rel=0.15)


def test_private_factors_of_two_views_do_not_depend_on_each_other():
    raw = make(private_share=0.999, noise=0.0)
    a, b = (x - x.mean(axis=0) for x in raw.views.values())
    correlation = (a.T @ b) / len(a) / np.outer(a.std(axis=0), b.std(axis=0))
    assert np.abs(correlation).mean() < 0.15


def test_images_of_one_class_look_alike():
    view = {"image": ViewSpec(modality="image", dims=(1, 12, 12))}
    generator = SyntheticImages(kind="images", noise=0.05)
    raw = generate(generator, n_samples=120, n_clusters=3, views=view, seed=0)
    x = raw.views["image"]
    assert (x.dtype, x.shape) == (np.uint8, (120, 1, 12, 12))
    down, across = x.mean(axis=(1, 2)).std(axis=1), x.mean(axis=(1, 3)).std(axis=1)
    upright, level = raw.labels == 1, raw.labels == 2
    assert (down > 2 * across)[upright].all()
    assert (across > 2 * down)[level].all()
