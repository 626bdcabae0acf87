"""CMMC against the pitfalls of its description; toy data whose views agree, or do not."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.cmmc import (
    CMMC,
    Network,
    add_finetune_gradients,
    contrasts,
    finetune_loss,
    linear_cka,
    min_max,
)

QUICK = CMMC(
    hidden=(32,),
    n_latent=16,
    n_high_level=16,
    pretrain_epochs=30,
    joint_epochs=60,
    finetune_epochs=10,
    batch_size=100,
    learning_rate=1e-3,
)
BRIEF = replace(QUICK, pretrain_epochs=2, joint_epochs=2, finetune_epochs=2)


def toy(
    *, n_samples: int = 300, widths: tuple[int, ...] = (6, 4), noise: float = 0.4, seed: int = 0
) -> tuple[Dataset, np.ndarray]:
    """Return three balanced blobs in each view, and which blob each sample is of."""
    rng = np.random.default_rng(seed)
    y_true = rng.permutation(np.arange(n_samples) % 3)
    views = [
        2 * rng.normal(size=(3, width))[y_true] + noise * rng.normal(size=(n_samples, width))
        for width in widths
    ]
    return Dataset.paired(views, n_clusters=3, name="toy"), y_true


def small_network(widths: tuple[int, ...] = (6, 4), n_clusters: int = 3) -> Network:
    torch.manual_seed(0)
    return Network(widths, (8,), 5, 4, n_clusters)


def random_soft(n_views: int, n_samples: int = 40, n_clusters: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n_views, n_samples, n_clusters, generator=generator).softmax(dim=2)


def cka_by_loops(a: Tensor, b: Tensor) -> float:
    """Return the same from the Gram matrices of samples, the kernel form of the definition."""

    def gram(x: Tensor) -> Tensor:
        centred = x.double() - x.double().mean(dim=0)
        return centred @ centred.T

    def alignment(k: Tensor, m: Tensor) -> float:
        n = len(k)
        return sum(float(k[i, j] * m[i, j]) for i in range(n) for j in range(n))

    k, m = gram(a), gram(b)
    return alignment(k, m) / math.sqrt(alignment(k, k) * alignment(m, m))


# ------------------------------------------------------------------------------------ losses


def test_the_joint_loss_does_not_depend_on_the_order_of_the_views():
    features = list(torch.randn(3, 12, 5, generator=torch.Generator().manual_seed(1)))
    soft = list(random_soft(3))
    expected = torch.stack(contrasts(features, soft))
    for order in ([1, 0, 2], [2, 0, 1]):
        got = torch.stack(contrasts([features[v] for v in order], [soft[v] for v in order]))
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_the_joint_loss_does_not_depend_on_the_order_of_the_samples():
    features = list(torch.randn(2, 40, 5, generator=torch.Generator().manual_seed(1)))
    soft = list(random_soft(2))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    expected = torch.stack(contrasts(features, soft))
    got = torch.stack(contrasts([f[order] for f in features], [q[order] for q in soft]))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_the_balance_of_a_view_counts_once_for_each_pair_it_is_in():
    collapsed = torch.tensor([[1.0, 0.0, 0.0]]).repeat(6, 1)
    zero = torch.zeros(3, 6, 2)
    two, three = (contrasts(list(zero[:n]), [collapsed] * n)[1].item() for n in (2, 3))
    assert three == pytest.approx(3 * two, abs=1e-5)


@pytest.mark.parametrize(
    ("n_clusters", "floor"), [(2, 0.3133), (5, 0.9048), (7, 1.1654), (10, 1.4612), (20, 2.0782)]
)
def test_the_double_softmax_has_its_floor(n_clusters, floor):
    targets = torch.arange(n_clusters)
    sure = 1000 * torch.eye(n_clusters)
    published = finetune_loss(sure, targets, double_softmax=True) / n_clusters
    assert published.item() == pytest.approx(floor, abs=1e-4)
    assert published.item() == pytest.approx(math.log(1 + (n_clusters - 1) / math.e), abs=1e-6)
    plain = finetune_loss(sure, targets, double_softmax=False)
    assert plain.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("double_softmax", [True, False])
def test_uniform_assignments_cost_log_k_in_fine_tuning(double_softmax):
    loss = finetune_loss(torch.zeros(4, 5), torch.tensor([0, 1, 2, 3]), double_softmax) / 4
    assert loss.item() == pytest.approx(math.log(5), abs=1e-6)


def test_the_fine_tuning_loss_equals_a_slow_loop():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 3, 1, 2, 2, 0])
    expected = 0.0
    for row, target in zip(logits.double().tolist(), targets.tolist(), strict=True):
        soft = [math.exp(a) / sum(math.exp(b) for b in row) for a in row]
        expected -= math.log(math.exp(soft[target]) / sum(math.exp(q) for q in soft))
    assert finetune_loss(logits, targets, True).item() == pytest.approx(expected, abs=1e-5)


# ------------------------------------------------------------------------------- fine-tuning


def test_gradients_in_chunks_equal_those_of_all_samples():
    data, _ = toy(n_samples=50)
    views = [torch.as_tensor(x) for x in data.paired_features()]
    clusters = list(torch.randint(3, (2, 50), generator=torch.Generator().manual_seed(0)))
    gradients, losses = [], []
    for chunk in (50, 7, 1):
        network = small_network()
        losses.append(
            add_finetune_gradients(network, views, clusters, double_softmax=True, chunk=chunk)
        )
        gradients.append([p.grad for p in network.parameters()])
    for chunked, loss in zip(gradients[1:], losses[1:], strict=True):
        assert loss == pytest.approx(losses[0], abs=1e-5)
        for part, whole in zip(chunked, gradients[0], strict=True):
            assert (part is None) == (whole is None)
            if whole is not None:
                torch.testing.assert_close(part, whole, rtol=0, atol=1e-5)


def test_fine_tuning_reaches_encoders_and_labels_alone():
    data, _ = toy(n_samples=50)
    network = small_network()
    views = [torch.as_tensor(x) for x in data.paired_features()]
    clusters = [torch.arange(50) % 3] * 2
    add_finetune_gradients(network, views, clusters, double_softmax=True)
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    assert {name.split(".")[0] for name in reached} == {"autoencoders", "labels"}
    assert all("encoder" in name for name in reached if name.startswith("autoencoders"))
    assert network.features.weight.grad is None


def test_fine_tuning_does_not_depend_on_how_k_means_numbers_its_clusters():
    data, _ = toy(n_samples=50)
    views = [torch.as_tensor(x) for x in data.paired_features()]
    # of two clusters: with more, several matchings may be equally good
    clusters = list(torch.randint(2, (2, 50), generator=torch.Generator().manual_seed(0)))
    losses = [
        add_finetune_gradients(small_network(n_clusters=2), views, c, double_softmax=True)
        for c in (clusters, [1 - found for found in clusters])
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_min_max_takes_columns_to_0_and_1_and_a_constant_one_to_0():
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    torch.testing.assert_close(min_max(x), torch.tensor([[0.0, 0], [1, 0], [0.5, 0]]))


# ----------------------------------------------------------------------------------- the claim


def test_cka_equals_a_slow_loop_over_gram_matrices():
    a, b = torch.randn(2, 15, 4, generator=torch.Generator().manual_seed(0))
    assert linear_cka(a, b).item() == pytest.approx(cka_by_loops(a, b), abs=1e-5)


def test_cka_is_1_for_a_rotated_shifted_and_scaled_copy():
    a = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    assert linear_cka(a, 3 * a @ rotation + 7).item() == pytest.approx(1, abs=1e-5)


def test_cka_of_unrelated_embeddings_is_near_0_and_of_constant_ones_0():
    a, b = torch.randn(2, 3000, 3, generator=torch.Generator().manual_seed(0))
    assert linear_cka(a, b).item() < 0.01
    assert linear_cka(a, torch.ones(3000, 2)).item() == 0


# ---------------------------------------------------------------------------------- the method


@pytest.fixture(scope="module")
def solved() -> tuple[np.ndarray, np.ndarray, RecordingLog]:
    data, y_true = toy()
    log = RecordingLog()
    return QUICK.fit_predict(data, seed=0, log=log), y_true, log


def test_separated_blobs_are_recovered(solved):
    y_pred, y_true, _ = solved
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_three_views_are_recovered():
    data, y_true = toy(widths=(6, 4, 5))
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_after_the_joint_phase_clusters_are_balanced_and_views_agree():
    data, _ = toy()
    log = RecordingLog()
    method = replace(QUICK, finetune_epochs=0)
    y_pred = method.fit_predict(data, seed=0, log=log)
    shares = np.bincount(y_pred, minlength=3) / len(y_pred)
    assert np.count_nonzero(shares) >= 2
    assert -(shares[shares > 0] * np.log(shares[shares > 0])).sum() > 0.9 * math.log(3)
    parts = log.values("view_assignments")[0]
    assert (parts["view-1"] == parts["view-2"]).mean() > 0.8


def test_the_label_contrast_is_what_makes_the_views_agree():
    data, _ = toy()
    log = RecordingLog()
    replace(QUICK, label_weight=0.0, finetune_epochs=0).fit_predict(data, seed=0, log=log)
    parts = log.values("view_assignments")[0]
    assert (parts["view-1"] == parts["view-2"]).mean() < 0.8


def test_wrong_pairs_lose_the_information_of_the_second_view():
    rng = np.random.default_rng(0)
    data, y_true = toy()
    views = data.paired_features()
    shuffled = Dataset.paired([views[0], views[1][rng.permutation(300)]], n_clusters=3)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(shuffled, seed=0)) < 0.6


def test_high_level_features_come_to_share_more_than_low_level_ones(solved):
    _, _, log = solved
    before_z, after_z, before_h, after_h = (
        next(iter(log.by_epoch(f"cka_{level}_{when}").values()))
        for level in "zh"
        for when in ("before", "after")
    )
    assert after_h > 0.9
    assert after_h - before_h > after_z - before_z
    assert list(log.by_epoch("cka_h_before")) == [29]
    assert list(log.by_epoch("cka_h_after")) == [89]


def test_every_epoch_is_logged_with_the_parts_of_its_loss(solved):
    _, _, log = solved
    assert list(log.by_epoch("loss")) == list(range(100))
    assert all(a <= b for (a, _), (b, _) in pairwise(log.calls))
    for epoch in (0, 29, 50):
        given = {name: log.by_epoch(name)[epoch] for name in ("loss", "reconstruction_view-1")}
        assert all(math.isfinite(value) for value in given.values())
    loss, view_1, view_2, feature, label = (
        log.by_epoch(name)[89]
        for name in (
            "loss",
            "reconstruction_view-1",
            "reconstruction_view-2",
            "feature_contrast",
            "label_contrast",
        )
    )
    assert loss == pytest.approx(view_1 + view_2 + feature + label, abs=1e-5)
    assert log.by_epoch("loss")[29] < log.by_epoch("loss")[0] / 4


def test_the_log_has_twenty_checkpoints_that_end_with_the_result(solved):
    y_pred, _, log = solved
    history = log.by_epoch("y_pred")
    assert len(history) == 20
    assert np.array_equal(history[99], y_pred)
    assert log.by_epoch("embedding")[99].shape == (300, 16)


def test_the_same_seed_gives_the_same_bits():
    data, _ = toy(noise=2.0)
    logs = [RecordingLog(), RecordingLog()]
    first, second = (BRIEF.fit_predict(data, seed=3, log=log) for log in logs)
    assert np.array_equal(first, second)
    assert logs[0].by_epoch("loss") == logs[1].by_epoch("loss")
    assert np.array_equal(logs[0].by_epoch("embedding")[5], logs[1].by_epoch("embedding")[5])


def test_another_seed_gives_other_weights():
    data, _ = toy(noise=2.0)
    logs = [RecordingLog(), RecordingLog()]
    for seed, log in enumerate(logs):
        BRIEF.fit_predict(data, seed=seed, log=log)
    assert logs[0].by_epoch("loss") != logs[1].by_epoch("loss")


@pytest.mark.parametrize("n_samples", [3, 99, 101])
def test_any_number_of_samples_trains(n_samples):
    data, _ = toy(n_samples=n_samples)
    log = RecordingLog()
    y_pred = replace(BRIEF, pretrain_epochs=20).fit_predict(data, seed=0, log=log)
    assert y_pred.shape == (n_samples,)
    assert log.by_epoch("loss")[19] < log.by_epoch("loss")[0]


def test_samples_that_are_held_out_are_assigned_but_not_trained_on():
    data, y_true = toy()
    fit_index = np.arange(0, 300, 2)
    split = replace(data, fit_index=fit_index)
    y_pred = QUICK.fit_predict(split, seed=0)
    held_out = np.setdiff1d(np.arange(300), fit_index)
    assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) > 0.95
    views = [x.copy() for x in data.paired_features()]
    for x in views:
        x[held_out] = 0
    blanked = replace(Dataset.paired(views, n_clusters=3), fit_index=fit_index)
    others = QUICK.fit_predict(blanked, seed=0)
    assert np.array_equal(others[fit_index], y_pred[fit_index])


def test_images_are_taken_as_their_pixels_between_0_and_1():
    data, _ = toy(n_samples=60)
    features = data.paired_features()[0]
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 2, 3), dtype=np.uint8)
    logs = [RecordingLog(), RecordingLog()]
    for log, view in zip(logs, (images, images.reshape(60, 6) / 255), strict=True):
        BRIEF.fit_predict(Dataset.paired([features, view], n_clusters=3), seed=0, log=log)
    assert logs[0].values("loss") == pytest.approx(logs[1].values("loss"))


@pytest.mark.parametrize(
    "change",
    [
        {"feature_weight": 0.0},
        {"label_weight": 0.0},
        {"finetune_epochs": 0},
        {"pretrain_epochs": 0, "reconstruction_weight": 0.0},
        {"double_softmax": False},
    ],
    ids=str,
)
def test_every_variant_differs_from_the_plain_entry(change: dict[str, Any]):
    data, _ = toy(noise=2.0)
    logs = [RecordingLog(), RecordingLog()]
    BRIEF.fit_predict(data, seed=0, log=logs[0])
    replace(BRIEF, **change).fit_predict(data, seed=0, log=logs[1])
    assert logs[0].by_epoch("loss") != logs[1].by_epoch("loss")
    assert all(math.isfinite(loss) for loss in logs[1].by_epoch("loss").values())


def test_training_works_under_the_autocast_that_a_caller_sets():
    data, y_true = toy()
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        y_pred = QUICK.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def refused(change: Callable[[Dataset], Dataset]) -> None:
    data, _ = toy(n_samples=12)
    BRIEF.fit_predict(change(data), seed=0)


def test_one_view_is_refused():
    with pytest.raises(IncompatibleDataError, match="toy: needs 2 views, has 1"):
        refused(lambda data: replace(data, views=data.views[:1]))


def test_fewer_samples_to_train_on_than_clusters_are_refused():
    with pytest.raises(
        IncompatibleDataError, match="a sample to train on for each of 3 clusters, has 2"
    ):
        refused(lambda data: replace(data, fit_index=np.array([0, 5])))
