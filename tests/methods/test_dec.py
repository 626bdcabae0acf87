"""DEC: its two phases and when targets are renewed. See also test_one_space.py."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.methods.dec import DEC, pretrain
from mmbench.nn.embedded import one_space, student_t
from mmbench.nn.networks import Autoencoder

# 180 samples have 6 batches of 30 an epoch; clustering begins with epoch 10
QUICK = DEC(
    hidden=(32,),
    n_latent=4,
    pretrain_epochs=10,
    epochs=8,
    batch_size=30,
    update_interval=6,
    tolerance=0.0,
)


def fitted(data, **changes):
    """Return the assignments and the log."""
    log = RecordingLog()
    return replace(QUICK, **changes).fit_predict(data, seed=0, log=log), log


def test_pretraining_lowers_the_error_that_it_logs(paired_blobs):
    x, _ = one_space(paired_blobs[0], seed=0, device="cpu")
    torch.manual_seed(0)
    log = RecordingLog()
    network = Autoencoder(x.shape[1], (32,), 4)
    pretrain(network, x, 10, 30, 1e-3, log)
    assert list(log.by_epoch("loss")) == list(range(10))
    assert log.by_epoch("reconstruction")[9] < log.by_epoch("reconstruction")[0] / 2


def test_clustering_makes_assignments_surer_and_keeps_the_clusters(paired_blobs):
    data, y_true = paired_blobs
    y_pred, log = fitted(data, pretrain_epochs=20, epochs=30)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert log.by_epoch("embedding")[49].shape == (180, 4)
    z = torch.as_tensor(log.by_epoch("embedding")[49])
    centres = torch.stack([z[torch.as_tensor(y_pred) == k].mean(dim=0) for k in range(3)])
    assert student_t(z, centres).max(dim=1).values.mean() > 0.9


def test_the_loss_of_clustering_is_the_divergence_alone(paired_blobs):
    _, log = fitted(paired_blobs[0])
    assert max(log.by_epoch("reconstruction")) == 9
    assert log.by_epoch("loss")[10] == pytest.approx(log.by_epoch("divergence")[10], abs=1e-7)


def test_the_log_begins_with_k_means_and_ends_with_the_result(paired_blobs):
    y_pred, log = fitted(paired_blobs[0])
    assert list(log.by_epoch("y_pred")) == list(range(9, 18))
    assert np.array_equal(log.by_epoch("y_pred")[17], y_pred)
    assert list(log.by_epoch("loss")) == list(range(18))


@pytest.mark.parametrize(
    ("interval", "epochs"),
    [(1, [10, 11, 12, 13, 14, 15, 16, 17]), (13, [12, 15]), (100, [])],
)
def test_targets_are_renewed_after_so_many_batches_rounded_up_to_epochs(
    paired_blobs, interval, epochs
):
    _, log = fitted(paired_blobs[0], update_interval=interval)
    assert list(log.by_epoch("changed")) == epochs


def test_training_ends_once_few_samples_change_their_cluster(paired_blobs):
    y_pred, log = fitted(paired_blobs[0], update_interval=12, tolerance=0.5)
    assert max(log.by_epoch("loss")) == 11
    assert log.by_epoch("changed")[11] < 0.5
    assert list(log.by_epoch("y_pred"))[-1] == 11
    assert np.array_equal(log.by_epoch("y_pred")[11], y_pred)
    assert list(log.by_epoch("embedding")) == [11]
