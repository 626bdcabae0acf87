"""DMIM against slow loops and closed forms, its schedule, and the toys that it must solve."""

import math

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.errors import InputError
from mmbench.methods import build
from mmbench.methods.dmim import (
    DMIM,
    Network,
    balanced_targets,
    common_features,
    shared_terms,
    superfluous_term,
)


def fitted(method, data, seed=0):
    log = RecordingLog()
    return method.fit_predict(data, seed=seed, log=log), log


def soft_assignments(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator)).softmax(dim=-1)


# -------------------------------------------------------------------------------------- terms


def test_shared_information_of_equal_one_hot_assignments_is_the_log_of_their_number():
    soft = [(torch.eye(2).repeat(5, 1), torch.eye(4).repeat(5, 1)) for _ in range(2)]
    clusters, over = shared_terms([(a, b[:10]) for a, b in soft])
    assert clusters.item() == pytest.approx(math.log(2), abs=1e-6)
    assert over.item() == pytest.approx(math.log(4), abs=0.05)  # 10 rows of 4 clusters


def test_shared_information_of_a_small_example():
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    q = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])
    clusters, over = shared_terms([(p, p), (q, q)])
    assert clusters.item() == over.item() == pytest.approx(0.027166, abs=1e-6)


def test_shared_information_is_summed_over_pairs_of_views():
    soft = [(soft_assignments(20, 3, seed=v), soft_assignments(20, 6, seed=v)) for v in range(3)]
    total = shared_terms(soft)
    by_pair = [shared_terms([soft[u], soft[v]]) for u, v in ((0, 1), (0, 2), (1, 2))]
    torch.testing.assert_close(
        total, tuple(torch.stack(x).sum() for x in zip(*by_pair, strict=True))
    )


@pytest.mark.parametrize(("reduction", "divisor"), [("mean", 6 * 4), ("batchmean", 6)])
def test_the_superfluous_term_by_a_slow_loop(reduction, divisor):
    codes = [torch.randn(6, 4, generator=torch.Generator().manual_seed(v)) for v in range(2)]
    torch.manual_seed(5)
    found = superfluous_term(codes, reduction)
    torch.manual_seed(5)
    prior = torch.randn(6, 4)
    total = 0.0
    for z in codes:
        for i in range(6):
            p = [math.exp(x) for x in prior[i].tolist()]
            q = [math.exp(x) for x in z[i].tolist()]
            for j in range(4):
                share, other = p[j] / sum(p), q[j] / sum(q)
                total += share * math.log(share / other)
    assert found.item() == pytest.approx(total / divisor, rel=1e-5)
    assert found > 0


def test_the_superfluous_term_is_zero_for_codes_equal_to_the_prior():
    torch.manual_seed(3)
    prior = torch.randn(6, 4)
    torch.manual_seed(3)
    assert superfluous_term([prior, prior + 2], "mean").item() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(
    "weights",
    [{}, {"overcluster_weight": 0.5, "superfluous_weight": 3.0, "balance_weight": 0.0}],
)
def test_the_loss_weighs_its_terms(paired_blobs, weights):
    method = DMIM(epochs=20, learning_rate=0.01, **weights)
    _, log = fitted(method, paired_blobs[0])
    names = ("shared", "overcluster_shared", "superfluous", "balance", "loss")
    shared, over, superfluous, balance, loss = (np.array(log.values(name)) for name in names)
    expected = method.superfluous_weight * superfluous + method.balance_weight * balance
    expected -= shared + method.overcluster_weight * over
    assert over[-1] > 0.02
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


# ------------------------------------------------------------------------------------ targets


def test_targets_of_a_case_by_hand():
    # three samples prefer cluster 0, but only two fit; the least certain one goes to cluster 1
    soft = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    assert balanced_targets(soft).tolist() == [0, 0, 1, 1]


def test_targets_by_the_iteration_on_powers_instead_of_logarithms():
    soft = soft_assignments(300, 4)
    cells = soft.double().numpy().T ** 10
    samples = np.full((300, 1), 1 / 300)
    for i in range(75):
        clusters = 1 / 4 / (cells @ samples)
        scaled = 1 / 300 / (clusters.T @ cells).T
        done = i % 10 == 0 and np.abs(samples / scaled - 1).sum() <= 1e-2
        samples = scaled
        if done:
            break
    expected = (cells * clusters).argmax(axis=0)
    np.testing.assert_array_equal(balanced_targets(soft).numpy(), expected)


def test_targets_of_peaked_assignments_whose_power_underflows_are_balanced():
    soft = torch.tensor([[1.0, 1e-5], [1.0, 2e-5], [1.0, 4e-5], [1.0, 8e-5]])
    assert balanced_targets(soft).tolist() == [0, 0, 1, 1]


def test_targets_are_about_equal_in_number():
    sizes = balanced_targets(soft_assignments(900, 3, scale=0.5)).bincount()
    assert sizes.min() > 280


def test_targets_change_every_fifth_epoch_and_come_from_one_view(paired_blobs, monkeypatch):
    calls = []

    def recorded(soft):
        calls.append(soft)
        return balanced_targets(soft)

    monkeypatch.setattr("mmbench.methods.dmim.balanced_targets", recorded)
    fitted(DMIM(epochs=11), paired_blobs[0])
    assert len(calls) == 3
    calls.clear()
    fitted(DMIM(epochs=11, balance_view="all", batch_size=40), paired_blobs[0])
    assert [soft.shape for soft in calls] == [(paired_blobs[0].n_samples, 3)] * 6


# ------------------------------------------------------------------------------------ network


def test_views_share_one_running_statistic_which_every_pass_updates():
    network = Network(5, 3, 30, n_trunks=1)
    a, b = torch.randn(20, 5), torch.randn(20, 5) + 4
    norm = network.trunk(0)[1]
    expected = torch.zeros(5)
    for x, view in ((a, 0), (b, 1), (a, 0)):
        network(x, view)
        expected = 0.9 * expected + 0.1 * network.trunk(view)[0](x).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, expected)
    assert network.trunk(0) is network.trunk(1)
    assert Network(5, 3, 30, n_trunks=2).trunk(0) is not Network(5, 3, 30, n_trunks=2).trunk(1)


def test_initial_weights_are_small_and_biases_zero():
    torch.manual_seed(0)
    layers = [
        m for m in Network(100, 8, 80, n_trunks=1).modules() if isinstance(m, torch.nn.Linear)
    ]
    weights = torch.cat([layer.weight.detach().flatten() for layer in layers])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    assert not any(layer.bias.any() for layer in layers)


def test_a_code_is_drawn_around_its_mean():
    torch.manual_seed(0)
    network = Network(4, 3, 30, n_trunks=1)
    x = torch.randn(1, 4).expand(20000, 4)
    mean, scale = network.code(network.trunk(0).eval()(x[:1])).chunk(2, dim=1)
    codes = network.eval().draw_code(x, 0)
    torch.testing.assert_close(codes.mean(dim=0), mean[0], atol=0.02, rtol=0)
    deviation = torch.nn.functional.softplus(scale)[0]
    torch.testing.assert_close(codes.std(dim=0), deviation, atol=0.02, rtol=0)


# ------------------------------------------------------------------------------------- inputs


def test_views_of_one_width_enter_as_stored():
    rng = np.random.default_rng(0)
    arrays = [rng.random((9, 4), dtype=np.float32) for _ in range(2)]
    data = Dataset.paired(arrays, n_clusters=2)
    for found, x in zip(common_features(arrays, data, "stored", 100, seed=0), arrays, strict=True):
        np.testing.assert_array_equal(found, x)


def test_scales_of_views_and_rows():
    x = np.array([[3, 4], [0, 0], [6, 8]], np.float32)
    data = Dataset.paired([x, x], n_clusters=2)
    rows = common_features([x, x], data, "rows", 100, seed=0)[0]
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [0.6, 0.8]], rtol=1e-6)
    unit = common_features([x, 7 * x], data, "unit", 100, seed=0)
    assert np.square(unit[0]).mean() == pytest.approx(1)
    np.testing.assert_allclose(unit[0], unit[1], rtol=1e-6)


@pytest.mark.parametrize(("max_features", "width"), [(100, 4), (3, 3)])
def test_views_of_different_widths_are_reduced_to_common_ones(max_features, width):
    rng = np.random.default_rng(0)
    arrays = [rng.random((9, n), dtype=np.float32) for n in (4, 30)]
    data = Dataset.paired(arrays, n_clusters=2)
    found = common_features(arrays, data, "stored", max_features, seed=0)
    assert [x.shape for x in found] == [(9, width)] * 2


# --------------------------------------------------------------------------------------- toys


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"superfluous_weight": 0.0},
        {"superfluous_reduction": "batchmean"},
        {"overcluster_weight": 0.0},
        {"shared_trunk": False},
        {"batch_size": 60, "epochs": 40},
        {"scale": "unit"},
    ],
)
def test_separated_blobs_are_recovered(paired_blobs, variant):
    data, y_true = paired_blobs
    y_pred, log = fitted(DMIM(**({"epochs": 120} | variant)), data)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert log.last("clusters_used") == 3


def test_without_the_balance_term_clusters_stay_empty(paired_blobs):
    _, log = fitted(DMIM(epochs=120, balance_weight=0.0), paired_blobs[0])
    assert log.last("clusters_used") < 3


def test_other_seeds_give_other_weights(paired_blobs):
    brief = DMIM(epochs=2)
    losses = [fitted(brief, paired_blobs[0], seed)[1].values("loss") for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_the_mean_assignment_is_that_of_all_views(paired_blobs):
    data, _ = paired_blobs
    predictions = {
        view: fitted(DMIM(epochs=30, assignment_view=view), data)[0] for view in (0, 1, "mean")
    }
    agree = predictions[0] == predictions[1]
    np.testing.assert_array_equal(predictions["mean"][agree], predictions[0][agree])
    assert not np.array_equal(predictions["mean"], predictions[1])


def test_the_view_that_assigns_is_the_one_named(paired_blobs):
    for position, name in ((0, "image"), (1, "text")):
        method = DMIM(epochs=20, assignment_view=position)
        y_pred, log = fitted(method, paired_blobs[0])
        np.testing.assert_array_equal(y_pred, log.last("view_assignments")[name])


# ----------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["balance_view", "assignment_view"])
def test_a_view_that_is_not_there_is_refused(paired_blobs, name):
    with pytest.raises(IncompatibleDataError, match=rf"{name} expected in 0\.\.1, got 2"):
        DMIM(**{name: 2}).fit_predict(paired_blobs[0], seed=0)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        DMIM().fit_predict(one_view_blobs[0], seed=0)


def test_a_batch_of_one_row_which_would_train_nothing_is_refused():
    with pytest.raises(InputError, match="batch_size"):
        build("dmim", {"batch_size": 1})
