"""DEC: what its loss counts. What it shares with its kin is in test_one_space.py."""

import pytest
from recording_log import RecordingLog

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


def test_the_loss_of_clustering_is_the_divergence_alone(paired_blobs):
    log = RecordingLog()
    QUICK.fit_predict(paired_blobs[0], seed=0, log=log)
    assert max(log.by_epoch("reconstruction")) == QUICK.pretrain_epochs - 1
    first = QUICK.pretrain_epochs
    assert log.by_epoch("loss")[first] == pytest.approx(log.by_epoch("divergence")[first], abs=1e-7)
