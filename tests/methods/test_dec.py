"""DEC on toy data it must solve, in every setting it takes, and what it must refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.dec import DEC

QUICK = DEC(
    hidden=(32,),
    n_latent=8,
    pretrain_epochs=15,
    epochs=15,
    batch_size=30,
    update_interval=6,
    tolerance=0.0,
)


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


def test_the_loss_of_clustering_is_the_divergence_alone(paired_blobs):
    log = Kept()
    QUICK.fit_predict(paired_blobs[0], seed=0, log=log)
    assert max(log.of("reconstruction")) == QUICK.pretrain_epochs - 1
    first = QUICK.pretrain_epochs
    assert log.of("loss")[first] == pytest.approx(log.of("divergence")[first], abs=1e-7)
