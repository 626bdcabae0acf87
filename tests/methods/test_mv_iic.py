"""What MV-IIC maximises, and the toys it must solve."""

from dataclasses import replace

import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.mv_iic import MVIIC, information_of_pairs
from mmbench.nn.information import shared_information

QUICK = MVIIC(hidden=(64, 64), n_latent=32, n_overclusters=9, epochs=40, batch_size=60)


def soft(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).softmax(dim=-1)


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_images_are_clustered_with_convolutions(two_view_images):
    data, y_true = two_view_images
    method = replace(QUICK, encoder="conv", kernels=(3,), channels=4, symmetric=False)
    assert adjusted_rand_score(y_true, method.fit_predict(data, seed=0)) > 0.95


def test_pairs_of_views_are_summed_and_heads_averaged():
    views = [(soft(v, 1, 20, 3), soft(v + 9, 4, 20, 6)) for v in range(3)]
    shared, over = information_of_pairs(views, 1.5)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [
        sum(
            shared_information(views[u][i], views[v][i], entropy_weight=1.5).mean()
            for u, v in pairs
        )
        for i in (0, 1)
    ]
    torch.testing.assert_close(shared, expected[0])
    torch.testing.assert_close(over, expected[1])
    # in any order of the views
    torch.testing.assert_close(information_of_pairs(views[::-1], 1.5), (shared, over))


def test_without_symmetry_each_view_uses_every_cluster(paired_blobs):
    data, y_true = paired_blobs
    for seed in range(3):
        log = RecordingLog()
        replace(QUICK, symmetric=False).fit_predict(data, seed=seed, log=log)
        for part in log.last("view_assignments").values():
            assert adjusted_rand_score(y_true, part) > 0.95


def test_the_log_has_each_view_and_the_clusters_used(paired_blobs):
    data, y_true = paired_blobs
    log = RecordingLog()
    QUICK.fit_predict(data, seed=0, log=log)
    assert log.last("clusters_used") == 3
    assert log.last("embedding").shape == (180, 6)
    assert set(log.last("view_assignments")) == {"image", "text"}
    scores = [adjusted_rand_score(y_true, y) for y in log.last("view_assignments").values()]
    assert max(scores) > 0.5


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        QUICK.fit_predict(one_view_blobs[0], seed=0)


def test_more_clusters_than_training_samples_are_refused(split_paired_blobs):
    data = replace(split_paired_blobs[0], n_clusters=150)
    with pytest.raises(IncompatibleDataError, match="each of 150 clusters, has 120"):
        replace(QUICK, epochs=1).fit_predict(data, seed=0)
