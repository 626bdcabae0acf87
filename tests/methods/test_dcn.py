"""DCN: the update of centres against slow loops. See also test_one_space.py."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.cluster import KMeans

from mmbench.methods.dcn import DCN, refitted, squared_distance, updated_centres
from mmbench.nn.clustering import nearest

QUICK = DCN(hidden=(32,), n_latent=8, pretrain_epochs=15, epochs=15, batch_size=30)


# ----------------------------------------------------------------------------- its own parts


def test_after_one_pass_a_single_centre_is_the_mean_of_its_samples():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    centres, counts = torch.full((1, 3), 9.0), torch.zeros(1)
    for batch in z.split(16):
        clusters = torch.zeros(len(batch), dtype=torch.int64)
        centres, counts = updated_centres(centres, counts, batch, clusters)
    torch.testing.assert_close(centres[0], z.mean(dim=0))
    assert counts.tolist() == [40]


def test_centres_move_as_sample_by_sample_in_any_order():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(20, 3, generator=generator)
    start = torch.randn(4, 3, generator=generator)
    clusters = torch.randint(4, (20,), generator=generator)
    for order in (range(20), reversed(range(20))):
        centres, counts = start.clone(), [100, 1, 7, 100]
        for i in order:
            c = clusters[i]
            counts[c] += 1
            centres[c] -= (centres[c] - z[i]) / counts[c]
        found, found_counts = updated_centres(start, torch.tensor([100.0, 1, 7, 100]), z, clusters)
        torch.testing.assert_close(found, centres)
        assert found_counts.tolist() == counts


def test_a_centre_without_samples_stays_where_it_is():
    centres = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    for counts in (torch.zeros(2), torch.full((2,), 100.0)):
        found, _ = updated_centres(centres, counts, torch.tensor([[5.0, 5.0]]), torch.tensor([0]))
        assert torch.equal(found[1], centres[1])
        assert not torch.equal(found[0], centres[0])


def test_kmeans_continues_from_the_centres_to_a_fixed_point():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(60, 3, generator=generator)
    start = z[:4].clone()
    start[3] = 50.0  # too far away for any row
    clusters, centres = refitted(z, start)
    assert torch.equal(clusters, nearest(z, centres))
    for k in range(3):
        torch.testing.assert_close(centres[k], z[clusters == k].mean(dim=0))
    assert torch.equal(centres[3], start[3])
    expected = KMeans(3, init=start[:3].numpy(), n_init=1, tol=0).fit(z.numpy())
    np.testing.assert_allclose(centres[:3].numpy(), expected.cluster_centers_, rtol=1e-5)


def test_all_samples_are_clustered_again_after_as_many_epochs_as_asked(paired_blobs, monkeypatch):
    calls = []

    def spy(z, centres):
        calls.append(len(z))
        return refitted(z, centres)

    monkeypatch.setattr("mmbench.methods.dcn.refitted", spy)
    brief = replace(QUICK, pretrain_epochs=1, epochs=5)
    for refit_every, n_calls in ((2, 2), (5, 1), (0, 0)):
        calls.clear()
        replace(brief, refit_every=refit_every).fit_predict(paired_blobs[0], seed=0)
        assert calls == [180] * n_calls


def test_centres_move_in_float32_under_autocast():
    z, clusters = torch.tensor([[1.001], [1.003]]), torch.tensor([0, 0])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        centres, _ = updated_centres(torch.zeros(1, 1), torch.zeros(1), z, clusters)
    assert centres.item() == pytest.approx(1.002, abs=1e-6)


def test_the_distance_is_a_sum_over_features_and_a_mean_over_rows():
    z, own = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    assert squared_distance(z, own).item() == pytest.approx((5 + 9) / 2)


def test_the_loss_is_the_error_and_half_of_lambda_times_the_distance(paired_blobs):
    log = RecordingLog()
    replace(QUICK, clustering_weight=0.5).fit_predict(paired_blobs[0], seed=0, log=log)
    last = max(log.by_epoch("loss"))
    expected = log.by_epoch("reconstruction")[last] + 0.25 * log.by_epoch("distance")[last]
    assert log.by_epoch("loss")[last] == pytest.approx(expected, rel=1e-5)
    # per feature before clustering begins, summed over the 20 features afterwards
    before, after = (log.by_epoch("reconstruction")[epoch] for epoch in (14, 15))
    assert 5 * before < after < 40 * before


def test_latent_vectors_gather_around_their_centres_if_that_counts(paired_blobs):
    gathered = {}
    for weight in (0.0, 20.0):
        log = RecordingLog()
        method = replace(QUICK, clustering_weight=weight, epochs=40)
        method.fit_predict(paired_blobs[0], seed=0, log=log)
        variance = log.by_epoch("embedding")[54].var(axis=0).sum()
        gathered[weight] = log.by_epoch("distance")[54] / variance
    assert gathered[20.0] < gathered[0.0] / 2
