"""The joint space: what the critic measures, and that it brings modalities together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from torch import nn

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.joint_space import JointSpace, score_gap

BRIEF = JointSpace(widths=(32, 16, 8), pretrain_epochs=2, joint_epochs=5, batch_size=60)


def test_the_gap_of_a_linear_critic_is_that_of_the_means():
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[0.05, -0.05]])
    gap = score_gap(critic, [torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 1.0]])])
    assert gap.item() == pytest.approx(0.05 * 2 + 0.05)


def test_the_loss_is_the_weighted_sum_of_its_terms(mixed_blobs):
    data, _ = mixed_blobs
    log = RecordingLog()
    replace(BRIEF, adversarial_weight=3.0).fit_predict(data, seed=0, log=log)
    assert [*log.by_epoch("loss")] == [0, 1, 2, 3, 4, 5, 6]
    expected = log.by_epoch("reconstruction")[6] + 3 * log.by_epoch("score_gap")[6]
    assert log.by_epoch("loss")[6] == pytest.approx(expected, abs=1e-6)


def test_the_critic_steps_first_on_the_fifth_batch(mixed_blobs):
    # 3 batches an epoch: the critic steps in the second epoch, before its last batch
    data, _ = mixed_blobs
    trained, untrained = RecordingLog(), RecordingLog()
    replace(BRIEF, joint_epochs=2).fit_predict(data, seed=0, log=trained)
    replace(BRIEF, joint_epochs=2, critic_every=6).fit_predict(data, seed=0, log=untrained)
    (first, second), (same, other) = trained.values("score_gap"), untrained.values("score_gap")
    assert first == same
    assert second != other


def test_the_weights_of_the_critic_are_clipped(mixed_blobs):
    log = RecordingLog()
    method = replace(BRIEF, critic_every=1, weight_clip=1e-9)
    method.fit_predict(mixed_blobs[0], seed=0, log=log)
    assert abs(log.by_epoch("score_gap")[2]) > 1e-3  # the first batch has the initial weights
    assert log.last("score_gap") == pytest.approx(0, abs=1e-6)


def test_the_critic_brings_the_modalities_together():
    """Of equal modalities, encoders that start apart must come closer than without a critic."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4)).astype(np.float32)
    views = tuple(
        View(x[side::2], np.arange(side, 400, 2), name, name)
        for side, name in enumerate(["image", "text"])
    )
    data = Dataset(views, 3, 400)
    method = replace(
        BRIEF,
        joint_epochs=60,
        critic_every=1,
        lr_critic=5e-3,
        lr_autoencoder=1e-3,
        lr_pretrain=(1e-3, 1e-3),
        batch_size=100,
    )
    mixed = {}
    for weight in (0.0, 3.0):
        log = RecordingLog()
        replace(method, adversarial_weight=weight).fit_predict(data, seed=0, log=log)
        mixed[weight] = log.by_epoch("foreign_neighbours")[61]
    assert mixed[3.0] > 2 * mixed[0.0]


def test_a_log_does_not_change_the_result(mixed_blobs):
    data, _ = mixed_blobs
    log = RecordingLog()
    y_pred = BRIEF.fit_predict(data, seed=3, log=log)
    np.testing.assert_array_equal(y_pred, BRIEF.fit_predict(data, seed=3))
    np.testing.assert_array_equal(log.by_epoch("y_pred")[6], y_pred)
    assert log.by_epoch("embedding")[6].shape == (180, 8)


def test_paired_views_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs mixed-modal samples"):
        BRIEF.fit_predict(data, seed=0)
