"""SACC and CC: which augmentations are contrasted, known losses, toy images they must solve."""

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.errors import InputError
from mmbench.methods.cc import CC
from mmbench.methods.sacc import SACC, ContrastiveNetwork, cluster_loss, instance_loss
from mmbench.nn.images import resized
from mmbench.nn.losses import cluster_contrast, nt_xent

QUICK = SACC(
    backbone="narrow",
    side=25,  # the least that this backbone takes
    epochs=10,
    batch_size=30,
    learning_rate=1e-3,
    jitter=0.5,
    weak_blur=False,
    min_crop=0.3,
    strong="plain",
)
QUICK_CC = CC(**{f.name: getattr(QUICK, f.name) for f in fields(CC)})


@pytest.fixture
def images(image_blobs):
    """Ninety of the toy images, and their clusters."""
    data, y_true = image_blobs
    return Dataset.paired([data.views[0].values[:90]], n_clusters=3), y_true[:90]


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def soft(*shape, seed=0):
    return rows(*shape, seed=seed).softmax(dim=-1)


def slope(loss, x):
    """Return the gradient of a loss, a function of one array, at x."""
    x = x.clone().requires_grad_()
    loss(x).backward()
    return x.grad


# ------------------------------------------------------------------------------------ wiring


def test_the_strong_augmentation_meets_one_weak_one_by_instances_and_both_by_clusters():
    z_i, z_j, z_s = rows(3, 6, 5)
    assert instance_loss(z_i, z_j, z_s) == nt_xent(z_i, z_j, 0.5) + nt_xent(z_j, z_s, 0.5)
    c_i, c_j, c_s = soft(3, 6, 4)
    pairs = [(c_i, c_j), (c_i, c_s), (c_j, c_s)]
    expected = sum(cluster_contrast(p, q, 1.0) for p, q in pairs)
    torch.testing.assert_close(cluster_loss(c_i, c_j, c_s), expected)


def test_the_form_for_stl_10_has_two_pairs_at_both_levels_around_the_first_weak_one():
    z_i, z_j, z_s = rows(3, 6, 5)
    expected = nt_xent(z_i, z_j, 0.5) + nt_xent(z_i, z_s, 0.5)
    torch.testing.assert_close(instance_loss(z_i, z_j, z_s, "stl-10"), expected)
    c_i, c_j, c_s = soft(3, 6, 4)
    expected = cluster_contrast(c_i, c_j) + cluster_contrast(c_i, c_s)
    torch.testing.assert_close(cluster_loss(c_i, c_j, c_s, "stl-10"), expected)


def test_where_the_strong_augmentation_equals_the_second_weak_one():
    z_i, z_j = rows(2, 6, 5)
    expected = nt_xent(z_i, z_j, 0.5) + nt_xent(z_j, z_j, 0.5)
    torch.testing.assert_close(instance_loss(z_i, z_j, z_j), expected)


def test_the_first_weak_augmentation_meets_the_strong_one_by_clusters_alone():
    z_i, z_j, z_s, z_other = rows(4, 6, 5)
    torch.testing.assert_close(
        slope(lambda z: instance_loss(z, z_j, z_s), z_i),
        slope(lambda z: instance_loss(z, z_j, z_other), z_i),
    )
    c_i, c_j, c_s, c_other = soft(4, 6, 3)
    difference = slope(lambda c: cluster_loss(c, c_j, c_s), c_i) - slope(
        lambda c: cluster_loss(c, c_j, c_other), c_i
    )
    assert difference.abs().max() > 1e-3
    # the second weak one meets it by instances too
    difference = slope(lambda z: instance_loss(z_i, z, z_s), z_j) - slope(
        lambda z: instance_loss(z_i, z, z_other), z_j
    )
    assert difference.abs().max() > 1e-3


def test_no_gradient_is_stopped():
    z = list(rows(3, 6, 5))
    for place in range(3):
        loss = lambda x, p=place: instance_loss(*z[:p], x, *z[p + 1 :])  # noqa: E731
        assert slope(loss, z[place]).abs().max() > 0


# ------------------------------------------------------------------------------ known values


def test_the_loss_of_instances_at_two_known_pairs():
    eye = torch.eye(2)
    assert instance_loss(eye, eye, None).item() == pytest.approx(0.239545, abs=1e-6)
    a, b = torch.tensor([[1, 0], [0.6, 0.8]]), torch.tensor([[0.8, 0.6], [0, 1]])
    assert instance_loss(a, b, None).item() == pytest.approx(0.870714, abs=1e-6)


def test_the_loss_of_clusters_at_two_known_pairs():
    eye = torch.eye(2)
    assert cluster_loss(eye, eye, None).item() == pytest.approx(0.551445, abs=1e-6)
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    q = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])
    assert cluster_loss(p, q, None).item() == pytest.approx(0.874289, abs=1e-6)


def test_the_losses_where_all_rows_are_equal():
    same = torch.ones(200, 128)
    assert instance_loss(same, same, None).item() == pytest.approx(5.989, abs=1e-3)
    assert instance_loss(same, same, same).item() == pytest.approx(2 * math.log(399), abs=1e-4)
    uniform = torch.full((200, 10), 0.1)
    assert cluster_loss(uniform, uniform, uniform).item() == pytest.approx(3 * math.log(19))


@pytest.mark.parametrize("pairs", ["paper", "stl-10"])
def test_the_order_of_images_and_the_numbers_of_clusters_do_not_matter(pairs):
    z, c, order = rows(3, 8, 5), soft(3, 8, 4), torch.randperm(8)
    torch.testing.assert_close(
        instance_loss(*z[:, order], pairs=pairs), instance_loss(*z, pairs=pairs)
    )
    torch.testing.assert_close(
        cluster_loss(*c[:, order][..., [2, 0, 3, 1]], pairs=pairs), cluster_loss(*c, pairs=pairs)
    )


def test_the_first_pair_is_symmetric_and_clusters_are_in_all_three():
    z_i, z_j = rows(2, 8, 5)
    torch.testing.assert_close(instance_loss(z_i, z_j, None), instance_loss(z_j, z_i, None))
    c_i, c_j, c_s = soft(3, 8, 4)
    torch.testing.assert_close(cluster_loss(c_i, c_j, c_s), cluster_loss(c_s, c_j, c_i))


def test_a_cluster_without_any_mass_gives_a_finite_loss_and_gradient():
    c = soft(6, 3)
    c[:, 1] = 0
    gradient = slope(lambda x: cluster_loss(x, c, c), c)
    assert cluster_loss(c, c, c).isfinite()
    assert gradient.isfinite().all()


def test_the_balance_penalises_unequal_clusters():
    """A certain 90/10 partition costs 2 (log 2 - H) per pair more than one of 50/50."""
    uneven = torch.eye(2)[[0] * 90 + [1] * 10]
    even = torch.eye(2)[[0] * 50 + [1] * 50]
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    price = cluster_loss(uneven, uneven, None) - cluster_loss(even, even, None)
    assert price.item() == pytest.approx(2 * (math.log(2) - entropy), abs=1e-5)
    without = {"balance_weight": 0.0}
    torch.testing.assert_close(
        cluster_loss(uneven, uneven, None, **without), cluster_loss(even, even, None, **without)
    )


# ------------------------------------------------------------------------- network, schedule


def test_a_network_starts_near_the_losses_of_equal_rows():
    torch.manual_seed(0)
    n, n_clusters = 60, 10
    network = ContrastiveNetwork("narrow", 3, 28, n_clusters)
    batch = torch.randint(0, 256, (n, 3, 28, 28), dtype=torch.uint8)
    _, instance, cluster = QUICK.losses(network, batch)
    assert instance.item() == pytest.approx(2 * math.log(2 * n - 1), rel=0.1)
    assert cluster.item() == pytest.approx(3 * math.log(2 * n_clusters - 1), rel=0.1)


def test_a_prediction_does_not_depend_on_the_other_images_nor_on_the_batches():
    torch.manual_seed(0)
    network = ContrastiveNetwork("narrow", 1, 28, 4).train()
    x = torch.randint(0, 256, (30, 1, 20, 20), dtype=torch.uint8)
    together = network.soft_assignments(x)
    torch.testing.assert_close(network.soft_assignments(x[:3]), together[:3])
    assert network.training
    assert together.grad_fn is None
    torch.testing.assert_close(network.embedding(x).norm(dim=1), torch.ones(30))


def test_it_gives_soft_assignments_and_directions_of_the_resized_images():
    torch.manual_seed(0)
    network = ContrastiveNetwork("narrow", 3, 28, n_clusters=4).eval()
    x = torch.randint(0, 256, (6, 3, 20, 36), dtype=torch.uint8)
    z, soft = network(resized(x, 28))
    assert z.shape == (6, 128)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(network.soft_assignments(x), soft)
    torch.testing.assert_close(network.embedding(x), functional.normalize(z))


def test_its_outputs_are_float32_under_autocast():
    network = ContrastiveNetwork("narrow", 1, 28, n_clusters=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z, soft = network(torch.rand(4, 1, 28, 28))
    assert z.dtype == soft.dtype == torch.float32
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(4))


@pytest.mark.slow
def test_the_published_setting_takes_a_step_at_224_with_four_images(images):
    """The whole schedule takes days on a GPU; one step of it must run anywhere."""
    data, _ = images
    four = data.views[0].values[:4].copy()
    torch.manual_seed(0)
    published = SACC()
    network = ContrastiveNetwork(published.backbone, 3, published.side, 10)
    z, c = network(resized(torch.as_tensor(four), published.side))
    assert z.shape == (4, 128)
    assert c.shape == (4, 10)
    torch.testing.assert_close(c.sum(dim=1), torch.ones(4))
    before = [p.detach().clone() for p in network.parameters()]
    optimiser = torch.optim.Adam(network.parameters(), lr=published.learning_rate)
    loss, instance, cluster = published.losses(network, torch.as_tensor(four))
    assert instance.item() == pytest.approx(2 * math.log(2 * 4 - 1), rel=0.1)
    assert cluster.item() == pytest.approx(3 * math.log(2 * 10 - 1), rel=0.1)
    torch.testing.assert_close(loss, instance + cluster)
    loss.backward()
    optimiser.step()
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert parameter.isfinite().all()
        assert not torch.equal(parameter, old)


def test_the_published_schedule():
    published = SACC()
    assert (published.backbone, published.side) == ("resnet34", 224)
    assert (published.epochs, published.batch_size) == (1000, 200)
    assert published.learning_rate == 3e-4
    assert list(published.augmentations()) == ["weak", "strong"]


@pytest.mark.parametrize("method", [QUICK, QUICK_CC], ids=["sacc", "cc"])
def test_a_small_set_is_trained_for_more_epochs_until_it_has_enough_steps(images, method):
    data, _ = images
    log = RecordingLog()
    # 2 batches of 45 an epoch
    replace(method, epochs=1, min_steps=5, batch_size=45).fit_predict(data, seed=0, log=log)
    assert list(log.by_epoch("loss")) == [0, 1, 2]
    assert list(log.by_epoch("embedding")) == [2]


def test_adam_decays_no_weights(images, monkeypatch):
    data, _ = images
    made = []
    adam = torch.optim.Adam

    def spy(*args, **kwargs):
        made.append(adam(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(torch.optim, "Adam", spy)
    for method in (QUICK, QUICK_CC):
        replace(method, epochs=1, batch_size=90).fit_predict(data, seed=0)
    for optimiser in made:
        assert [group["weight_decay"] for group in optimiser.param_groups] == [0]
    assert len(made) == 2


def test_a_side_too_small_for_the_backbone_is_refused(images):
    data, _ = images
    with pytest.raises(InputError, match=r"side: expected at least 97 px.*'resnet34'.*got 32"):
        SACC(side=32).fit_predict(data, seed=0)


def test_batch_statistics_are_of_one_augmentation_at_a_time():
    network = ContrastiveNetwork("narrow", 3, 28, 4)
    seen = []
    network.backbone.register_forward_hook(lambda _, x, __: seen.append(x[0]))
    QUICK.losses(network, torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8))
    assert [len(x) for x in seen] == [8, 8, 8]
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("method", [QUICK, QUICK_CC], ids=["sacc", "cc"])
def test_images_are_contrasted_with_the_whole_batch_and_not_with_a_part(
    images, method, monkeypatch
):
    """Losses of parts of a batch have fewer negatives and cost accuracy."""
    data, _ = images
    contrasted = []

    def spy(a, b, temperature):
        contrasted.append((len(a), len(b)))
        return nt_xent(a, b, temperature)

    monkeypatch.setattr("mmbench.methods.sacc.nt_xent", spy)
    replace(method, epochs=1, batch_size=45).fit_predict(data, seed=0)
    assert set(contrasted) == {(45, 45)}


@pytest.mark.parametrize(("strong", "normalized"), [("normalized", True), ("plain", False)])
def test_only_the_strong_augmentation_is_normalised_and_only_as_published(strong, normalized):
    network = ContrastiveNetwork("narrow", 3, 28, 4)
    seen = []
    network.backbone.register_forward_hook(lambda _, x, __: seen.append(x[0]))
    batch = torch.randint(0, 256, (32, 3, 28, 28), dtype=torch.uint8)
    replace(QUICK, strong=strong).losses(network, batch)
    assert [bool((x < 0).any()) for x in seen] == [False, False, normalized]


# -------------------------------------------------------------------------------- toy images


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(QUICK, id="paper"),
        pytest.param(replace(QUICK, pairs="stl-10"), id="stl-10", marks=pytest.mark.slow),
        pytest.param(replace(QUICK, cluster_weight=0.0, epochs=2), id="instances alone"),
        pytest.param(QUICK_CC, id="cc"),
    ],
)
def test_bars_and_discs_are_separated(images, method):
    data, y_true = images
    log = RecordingLog()
    y_pred = method.fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    # the guards against a collapse, which need no labels
    sizes = np.bincount(y_pred, minlength=3) / len(y_pred)
    assert (sizes > 0).sum() >= data.n_clusters - 1
    assert -(sizes * np.log(sizes + 1e-12)).sum() > 0.9 * math.log(3)
    assert log.values("loss")[-1] < log.values("loss")[0]
    # the last epoch is the result
    epoch, values = log.calls[-1]
    assert epoch == method.epochs - 1
    np.testing.assert_array_equal(values["y_pred"], y_pred)
    assert values["embedding"].shape == (data.n_samples, 128)
    assert values["loss"] == pytest.approx(
        values["instance"] + getattr(method, "cluster_weight", 1.0) * values["cluster"], rel=1e-5
    )


def test_without_the_strong_augmentation_it_is_cc_bit_for_bit(images):
    data, _ = images
    log, log_cc = RecordingLog(), RecordingLog()
    ours = replace(QUICK, strong="none", epochs=3).fit_predict(data, seed=5, log=log)
    theirs = replace(QUICK_CC, epochs=3).fit_predict(data, seed=5, log=log_cc)
    np.testing.assert_array_equal(ours, theirs)
    assert log.values("loss") == log_cc.values("loss")
    np.testing.assert_array_equal(log.last("embedding"), log_cc.last("embedding"))


def test_unlabelled_images_are_trained_on_only_if_asked_for(images):
    data, _ = images
    unlabelled = replace(data, unlabelled=data.views[0].values[::-1].copy())
    plain = replace(QUICK, epochs=1)
    log, unasked, without = RecordingLog(), RecordingLog(), RecordingLog()
    replace(plain, unlabelled=True).fit_predict(unlabelled, seed=0, log=log)
    assert "unlabelled" in log.calls[0][1]
    # nothing changes without the option, nor for a data set without unlabelled images
    y_pred = plain.fit_predict(unlabelled, seed=0, log=unasked)
    np.testing.assert_array_equal(
        replace(plain, unlabelled=True).fit_predict(data, seed=0, log=without), y_pred
    )
    assert unasked.values("loss") == without.values("loss") != log.values("loss")
    assert "unlabelled" not in unasked.calls[0][1]


def test_the_loss_of_unlabelled_images_does_not_train_the_clusters():
    torch.manual_seed(0)
    network = ContrastiveNetwork("narrow", 1, 25, n_clusters=3).train()
    batch = torch.randint(0, 256, (8, 1, 25, 25), dtype=torch.uint8)
    loss, instance, _ = QUICK.losses(network, batch, clusters=False)
    assert loss == QUICK.instance_weight * instance
    loss.backward()
    assert all(weight.grad is None for weight in network.cluster.parameters())
    assert all(weight.grad is not None for weight in network.instance.parameters())


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(images):
    data, _ = images
    method = replace(QUICK, epochs=2)
    first, again, other = RecordingLog(), RecordingLog(), RecordingLog()
    y_first = method.fit_predict(data, seed=3, log=first)
    torch.rand(7)
    np.testing.assert_array_equal(method.fit_predict(data, seed=3, log=again), y_first)
    assert first.values("loss") == again.values("loss")
    np.testing.assert_array_equal(first.last("embedding"), again.last("embedding"))
    method.fit_predict(data, seed=4, log=other)
    assert other.values("loss") != first.values("loss")


def test_bfloat16_trains_and_keeps_the_losses_close(images):
    data, _ = images
    method = replace(QUICK, epochs=2)
    exact, rounded = RecordingLog(), RecordingLog()
    method.fit_predict(data, seed=0, log=exact)
    # without the cache: it would keep the weights of the first step
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        method.fit_predict(data, seed=0, log=rounded)
    assert rounded.values("loss") == pytest.approx(exact.values("loss"), rel=0.02)
    assert rounded.values("loss")[1] < rounded.values("loss")[0]


def test_features_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs images, has feature views"):
        QUICK.fit_predict(data, seed=0)


def test_no_field_of_cc_means_anything_else_in_sacc():
    shared = {k: v for k, v in asdict(CC()).items() if k != "batch_size"}
    assert {k: asdict(SACC())[k] for k in shared} == shared
