"""Soft assignments and targets against hand-made cases; the space and the training they act in."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.embedded import one_space, pretrain, self_train, student_t, target_distribution
from mmbench.nn.information import divergence
from mmbench.nn.networks import Autoencoder, reconstruction_error
from mmbench.nn.preprocessing import joint_features


def random_soft(n, n_clusters):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, n_clusters, generator=generator).softmax(dim=1)


# ------------------------------------------------------------------------- soft assignments


def test_a_row_at_distances_0_and_1_is_two_thirds_of_the_nearer_cluster():
    z, centres = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    # 1 / (1 + 0) beside 1 / (1 + 1)
    torch.testing.assert_close(student_t(z, centres), torch.tensor([[2 / 3, 1 / 3]]))


def test_soft_assignments_are_those_of_a_slow_loop_and_sum_to_one():
    generator = torch.Generator().manual_seed(0)
    z, centres = torch.randn(6, 4, generator=generator), torch.randn(3, 4, generator=generator)
    soft = student_t(z, centres)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    for i in range(6):
        kernel = [1 / (1 + math.dist(z[i].tolist(), m.tolist()) ** 2) for m in centres]
        assert soft[i].tolist() == pytest.approx([k / sum(kernel) for k in kernel], abs=1e-6)


def test_soft_assignments_are_float32_under_autocast():
    z, centres = torch.tensor([[1.001, 0.0]]), torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        soft = student_t(z, centres)
    assert soft.dtype == torch.float32
    torch.testing.assert_close(soft, student_t(z, centres))


def test_the_target_of_a_two_by_two_case_is_the_one_by_hand():
    soft = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    # the sums of the columns are 1.2 and 0.8
    first, second = (0.64 / 1.2, 0.04 / 0.8), (0.16 / 1.2, 0.36 / 0.8)
    expected = torch.tensor([[p / sum(row) for p in row] for row in (first, second)])
    torch.testing.assert_close(target_distribution(soft), expected)


def test_the_target_is_sharper_and_certain_assignments_stay():
    soft = random_soft(30, 4)
    target = target_distribution(soft)
    torch.testing.assert_close(target.sum(dim=1), torch.ones(30))
    assert target.max(dim=1).values.mean() > soft.max(dim=1).values.mean()
    certain = torch.eye(3).repeat(2, 1)
    torch.testing.assert_close(target_distribution(certain), certain)


def test_the_target_takes_from_the_larger_of_two_clusters():
    # the last row is undecided, and the first cluster has more of the others
    soft = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    assert target_distribution(soft)[3, 1] > 0.5


def test_the_gradient_is_the_one_of_the_paper_and_pulls_towards_the_likelier_centre():
    z = torch.tensor([[0.2, 0.1], [0.4, -0.3], [1.1, 0.0]], requires_grad=True)
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    soft = student_t(z, centres)
    target = target_distribution(soft).detach()
    (slope,) = torch.autograd.grad(3 * divergence(target, soft), z)
    # equation 4, of the sum over samples, for one degree of freedom
    away = z[:, None] - centres
    force = (target - soft) / (1 + away.square().sum(dim=2))
    torch.testing.assert_close(slope, 2 * (force[..., None] * away).sum(dim=1))

    after = student_t(z - 0.1 * slope, centres)
    likelier = soft.argmax(dim=1, keepdim=True)
    assert (after.gather(1, likelier) > soft.gather(1, likelier)).all()


# ---------------------------------------------------------------------------------- the space


def test_rows_are_centred_and_as_long_as_their_number_of_features_on_average(paired_blobs):
    data, _ = paired_blobs
    x, fitted = one_space(data, seed=0, device="cpu")
    assert x.shape == (180, 20)
    assert x.dtype == torch.float32
    assert x.square().mean().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(20))
    assert fitted is x


def test_views_weigh_the_same_whatever_their_width():
    rng = np.random.default_rng(0)
    narrow = rng.uniform(size=(50, 4))
    x, _ = one_space(
        Dataset.paired([narrow, np.tile(narrow, 5)], n_clusters=2), seed=0, device="cpu"
    )
    torch.testing.assert_close(x[:, :4].square().sum(dim=1), x[:, 4:].square().sum(dim=1))


def test_mixed_modal_rows_are_the_aligned_components_up_to_one_factor(mixed_blobs):
    data, _ = mixed_blobs
    x, _ = one_space(data, seed=0, device="cpu")
    aligned = joint_features(data, max_features=2048, seed=0)
    np.testing.assert_allclose(x.numpy(), aligned / np.sqrt(np.square(aligned).mean()), rtol=1e-5)


def test_held_out_rows_decide_neither_centre_nor_scale(split_paired_blobs):
    data, _ = split_paired_blobs
    x, fitted = one_space(data, seed=0, device="cpu")
    assert len(x) == 180
    torch.testing.assert_close(fitted, x[torch.as_tensor(data.fit_index)])
    torch.testing.assert_close(fitted.mean(dim=0), torch.zeros(20))
    assert fitted.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_constant_views_become_zeros():
    x, _ = one_space(Dataset.paired([np.ones((5, 3))], n_clusters=2), seed=0, device="cpu")
    torch.testing.assert_close(x, torch.zeros(5, 3))


def test_what_has_no_one_space_is_refused(incomplete_blobs, paired_blobs):
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        one_space(incomplete_blobs[0], seed=0, device="cpu")
    few = replace(paired_blobs[0], fit_index=np.arange(2))
    with pytest.raises(IncompatibleDataError, match="each of 3 clusters, has 2"):
        one_space(few, seed=0, device="cpu")
    rows = np.arange(4)
    images = View(np.zeros((2, 1, 4, 4), np.uint8), rows[:2], "image", "image")
    texts = View(np.zeros((2, 3), np.float32), rows[2:], "text", "text")
    with pytest.raises(IncompatibleDataError, match="needs feature views, but image holds images"):
        one_space(Dataset((images, texts), 2, 4), seed=0, device="cpu")


# ------------------------------------------------------------------------------ self-training


@pytest.fixture
def pretrained(paired_blobs):
    data, y_true = paired_blobs
    torch.manual_seed(0)
    x, _ = one_space(data, seed=0, device="cpu")
    network = Autoencoder(x.shape[1], (32,), 4)
    pretrain(network, x, epochs=20, batch_size=30, learning_rate=1e-3, log=RecordingLog())
    return network, x, y_true


def trained(network, x, **changed):
    """Return the assignments and the log; 180 samples have 6 batches of 30 an epoch."""
    log = RecordingLog()
    settings = {
        "clustering_weight": 1.0,
        "reconstruction_weight": 0.0,
        "first_epoch": 10,
        "epochs": 8,
        "batch_size": 30,
        "learning_rate": 1e-3,
        "update_interval": 6,
        "tolerance": 0.0,
        "seed": 0,
    }
    return self_train(network, x, x, 3, **(settings | changed), log=log), log


def test_pretraining_lowers_the_error_that_it_logs(paired_blobs):
    x, _ = one_space(paired_blobs[0], seed=0, device="cpu")
    torch.manual_seed(0)
    log = RecordingLog()
    network = Autoencoder(x.shape[1], (32,), 4)
    pretrain(network, x, epochs=10, batch_size=30, learning_rate=1e-3, log=log)
    assert list(log.by_epoch("loss")) == list(range(10))
    assert log.by_epoch("reconstruction")[9] < log.by_epoch("reconstruction")[0] / 2


def test_self_training_makes_assignments_surer_and_keeps_the_clusters(pretrained):
    network, x, y_true = pretrained
    y_pred, log = trained(network, x, epochs=30)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert log.by_epoch("divergence")[39] == pytest.approx(log.by_epoch("loss")[39])
    assert log.by_epoch("embedding")[39].shape == (180, 4)
    z = torch.as_tensor(log.by_epoch("embedding")[39])
    centres = torch.stack([z[torch.as_tensor(y_pred) == k].mean(dim=0) for k in range(3)])
    assert student_t(z, centres).max(dim=1).values.mean() > 0.9


def test_the_log_begins_with_k_means_and_ends_with_the_result(pretrained):
    network, x, _ = pretrained
    y_pred, log = trained(network, x)
    assert list(log.by_epoch("y_pred")) == list(range(9, 18))
    assert np.array_equal(log.by_epoch("y_pred")[17], y_pred)
    assert list(log.by_epoch("loss")) == list(range(10, 18))


@pytest.mark.parametrize(
    ("interval", "epochs"),
    [(1, [10, 11, 12, 13, 14, 15, 16, 17]), (13, [12, 15]), (100, [])],
)
def test_targets_are_renewed_after_so_many_batches_rounded_up_to_epochs(
    pretrained, interval, epochs
):
    network, x, _ = pretrained
    _, log = trained(network, x, update_interval=interval)
    assert list(log.by_epoch("changed")) == epochs


def test_training_ends_once_few_samples_change_their_cluster(pretrained):
    network, x, _ = pretrained
    y_pred, log = trained(network, x, update_interval=12, tolerance=0.5)
    assert list(log.by_epoch("loss")) == [10, 11]
    assert log.by_epoch("changed")[11] < 0.5
    assert list(log.by_epoch("y_pred"))[-1] == 11
    assert np.array_equal(log.by_epoch("y_pred")[11], y_pred)
    assert list(log.by_epoch("embedding")) == [11]


def test_the_decoder_is_left_alone_unless_reconstruction_counts(pretrained):
    network, x, _ = pretrained
    before = [weight.clone() for weight in network.decoder.parameters()]
    trained(network, x)
    for weight, old in zip(network.decoder.parameters(), before, strict=True):
        assert torch.equal(weight, old)
    _, log = trained(network, x, reconstruction_weight=1.0, clustering_weight=0.1)
    loss = 0.1 * log.by_epoch("divergence")[17] + log.by_epoch("reconstruction")[17]
    assert log.by_epoch("loss")[17] == pytest.approx(loss, abs=1e-6)
    assert reconstruction_error(network(x), x) < log.by_epoch("reconstruction")[10]
