"""The figures of mixing against cases known by hand; the clusters of one modality."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.nn.modalities import clusters_within, mixing, modality_of


def test_each_sample_has_the_modality_of_the_view_that_describes_it(mixed_blobs):
    data, _ = mixed_blobs
    modality = modality_of(data)
    assert set(np.flatnonzero(modality == 1)) == set(data.views[1].sample_index)


def test_clusters_that_are_modalities_are_seen():
    modality = np.repeat([0, 1], 50)
    z = np.random.default_rng(0).normal(size=(100, 3)) + 20 * modality[:, None]
    figures = mixing(z, modality, modality)
    assert figures == pytest.approx(
        {"foreign_neighbours": 0, "shared_clusters": 0, "modality_nmi": 1, "share_gap": 1}
    )


def test_one_distribution_for_both_modalities_is_fully_mixed():
    rng = np.random.default_rng(0)
    figures = mixing(rng.normal(size=(1000, 3)), rng.integers(3, size=1000), np.arange(1000) % 2)
    assert figures["foreign_neighbours"] == pytest.approx(1, abs=0.1)
    assert figures["shared_clusters"] == 1
    assert figures["modality_nmi"] < 0.01
    assert figures["share_gap"] < 0.1


def test_the_share_gap_is_that_of_a_table_counted_by_hand():
    # modality 0 fills the clusters 4 : 1, modality 1 fills them 1 : 4
    modality = np.repeat([0, 1], 5)
    y_pred = np.array([0, 0, 0, 0, 2, 0, 2, 2, 2, 2])
    figures = mixing(np.arange(10.0)[:, None], y_pred, modality)
    assert figures["share_gap"] == pytest.approx(0.6)
    assert figures["shared_clusters"] == 1  # cluster 1 is not in use


def test_neighbours_by_chance_count_as_one_for_unequal_modalities_too():
    rng = np.random.default_rng(0)
    modality = (rng.random(4000) < 0.1).astype(int)
    figures = mixing(rng.normal(size=(4000, 2)), np.zeros(4000, int), modality)
    assert figures["foreign_neighbours"] == pytest.approx(1, abs=0.2)


def test_a_modality_alone_is_clustered(mixed_blobs):
    data, y_true = mixed_blobs
    for view in data.views:
        z, y_pred = clusters_within(data, view, max_features=5, n_init=5, seed=0)
        assert z.shape == (len(view.values), 5)
        assert adjusted_rand_score(y_true[view.sample_index], y_pred) > 0.95


def test_a_modality_with_too_few_samples_is_refused(mixed_blobs):
    data, _ = mixed_blobs
    data = replace(data, n_clusters=120)
    with pytest.raises(IncompatibleDataError, match=r"each of 120 clusters in every modality, but"):
        clusters_within(data, data.views[0], max_features=5, n_init=1, seed=0)
