"""DCN: the update of centres against slow loops; the method on toy data, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.dcn import DCN, moved, squared_distance

QUICK = DCN(hidden=(32,), n_latent=8, pretrain_epochs=15, epochs=15, batch_size=30)


class Kept:
    """A log that keeps what it is given."""

    def __init__(self):
        self.calls = []

    def __call__(self, epoch, **given):
        self.calls.append((epoch, given))

    def of(self, name):
        """Return what was given under a name, by epoch."""
        return {epoch: given[name] for epoch, given in self.calls if given.get(name) is not None}


def twin_modalities(n_samples=150):
    """Return three blobs; each sample has one of two modalities, which look the same."""
    rng = np.random.default_rng(0)
    y_true = rng.permutation(np.arange(n_samples) % 3)
    centres = np.array([[0.0, 0, 0, 0], [4, 0, 0, 0], [0, 2, 0, 0]])
    x = (centres[y_true] + 0.2 * rng.normal(size=(n_samples, 4))).astype(np.float32)
    rows = np.arange(n_samples)
    views = tuple(View(x[rows % 2 == i], rows[rows % 2 == i], f"m{i}", f"m{i}") for i in (0, 1))
    return Dataset(views, 3, n_samples), y_true


def test_separated_blobs_are_recovered(paired_blobs):
    data, y_true = paired_blobs
    log = Kept()
    y_pred = QUICK.fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.9
    last = max(log.of("loss"))
    assert np.array_equal(log.of("y_pred")[last], y_pred)
    assert log.of("embedding")[last].shape == (180, 8)


def test_mixed_modal_samples_of_one_space_are_recovered():
    data, y_true = twin_modalities()
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.9


def test_pictures_are_taken_as_pixels(image_blobs):
    data, y_true = image_blobs
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.9


def test_blobs_are_recovered_under_bfloat16(paired_blobs):
    data, y_true = paired_blobs
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        y_pred = QUICK.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.9


@pytest.mark.parametrize("n_samples", [2, 3, 31])
def test_few_samples_and_a_short_last_batch_are_fine(n_samples):
    x = np.random.default_rng(0).normal(size=(n_samples, 4))
    data = Dataset.paired([x], n_clusters=2)
    y_pred = replace(QUICK, pretrain_epochs=0, epochs=2).fit_predict(data, seed=0)
    assert y_pred.shape == (n_samples,)
    assert set(y_pred) <= {0, 1}


def test_the_same_seed_gives_the_same_bits(paired_blobs):
    data, _ = paired_blobs
    logs = [Kept(), Kept()]
    brief = replace(QUICK, pretrain_epochs=2, epochs=2)
    first, second = (brief.fit_predict(data, seed=3, log=log) for log in logs)
    assert np.array_equal(first, second)
    assert np.array_equal(logs[0].of("embedding")[3], logs[1].of("embedding")[3])


def test_samples_that_are_held_out_are_assigned(split_paired_blobs):
    data, y_true = split_paired_blobs
    held_out = np.setdiff1d(np.arange(180), data.fit_index)
    y_pred = QUICK.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) > 0.9


def test_incomplete_views_are_refused(incomplete_blobs):
    data, _ = incomplete_blobs
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        QUICK.fit_predict(data, seed=0)


# ----------------------------------------------------------------------------- its own parts


def test_after_one_pass_a_single_centre_is_the_mean_of_its_samples():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    centres, counts = torch.full((1, 3), 9.0), torch.zeros(1)
    for batch in z.split(16):
        clusters = torch.zeros(len(batch), dtype=torch.int64)
        centres, counts = moved(centres, counts, batch, clusters)
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
        found, found_counts = moved(start, torch.tensor([100.0, 1, 7, 100]), z, clusters)
        torch.testing.assert_close(found, centres)
        assert found_counts.tolist() == counts


def test_a_centre_without_samples_stays_where_it_is():
    centres = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    for counts in (torch.zeros(2), torch.full((2,), 100.0)):
        found, _ = moved(centres, counts, torch.tensor([[5.0, 5.0]]), torch.tensor([0]))
        assert torch.equal(found[1], centres[1])
        assert not torch.equal(found[0], centres[0])


def test_centres_move_in_float32_under_autocast():
    z, clusters = torch.tensor([[1.001], [1.003]]), torch.tensor([0, 0])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        centres, _ = moved(torch.zeros(1, 1), torch.zeros(1), z, clusters)
    assert centres.item() == pytest.approx(1.002, abs=1e-6)


def test_the_distance_is_a_sum_over_features_and_a_mean_over_rows():
    z, own = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    assert squared_distance(z, own).item() == pytest.approx((5 + 9) / 2)


def test_the_loss_is_the_error_and_half_of_lambda_times_the_distance(paired_blobs):
    log = Kept()
    replace(QUICK, clustering_weight=0.5).fit_predict(paired_blobs[0], seed=0, log=log)
    last = max(log.of("loss"))
    expected = log.of("reconstruction")[last] + 0.25 * log.of("distance")[last]
    assert log.of("loss")[last] == pytest.approx(expected, rel=1e-5)
    # per feature before clustering begins, summed over the 20 features afterwards
    before, after = (log.of("reconstruction")[epoch] for epoch in (14, 15))
    assert 5 * before < after < 40 * before


def test_latent_vectors_gather_around_their_centres_if_that_counts(paired_blobs):
    gathered = {}
    for weight in (0.0, 20.0):
        log = Kept()
        method = replace(QUICK, clustering_weight=weight, epochs=40)
        method.fit_predict(paired_blobs[0], seed=0, log=log)
        gathered[weight] = log.of("distance")[54] / log.of("embedding")[54].var(axis=0).sum()
    assert gathered[20.0] < gathered[0.0] / 2
