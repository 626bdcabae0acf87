"""IDEC: how its two losses add up. See also test_dec.py and test_one_space.py."""

from dataclasses import replace

import pytest
from recording_log import RecordingLog

from mmbench.methods.idec import IDEC

QUICK = IDEC(
    hidden=(32,),
    n_latent=8,
    pretrain_epochs=15,
    epochs=15,
    batch_size=30,
    update_interval=6,
    tolerance=0.0,
)


def test_reconstruction_counts_in_both_phases_and_clusters_by_their_weight(paired_blobs):
    log = RecordingLog()
    QUICK.fit_predict(paired_blobs[0], seed=0, log=log)
    last = max(log.by_epoch("loss"))
    assert list(log.by_epoch("reconstruction")) == list(range(last + 1))
    expected = log.by_epoch("reconstruction")[last] + 0.1 * log.by_epoch("divergence")[last]
    assert log.by_epoch("loss")[last] == pytest.approx(expected, abs=1e-6)


def test_clustering_does_not_undo_the_reconstruction(paired_blobs):
    log = RecordingLog()
    replace(QUICK, epochs=30).fit_predict(paired_blobs[0], seed=0, log=log)
    error = log.by_epoch("reconstruction")
    assert error[44] < error[14]
