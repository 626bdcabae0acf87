"""The two terms of MIB clustering, what shares its weights, and the toys that it must solve."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.errors import InputError
from mmbench.methods import build
from mmbench.methods.mib_clustering import MIBClustering, information_terms
from mmbench.nn.information import divergence, shared_information
from mmbench.nn.networks import AssignmentNetwork, shared_encoders
from mmbench.nn.preprocessing import row_numbers

QUICK = MIBClustering(
    hidden=(128, 64), overcluster_heads=2, epochs=40, min_steps=40, batch_size=256
)


def fitted(method, data, seed=0):
    log = RecordingLog()
    return method.fit_predict(data, seed=seed, log=log), log


def soft_assignments(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype).softmax(dim=-1)


def small_network(seed=0):
    torch.manual_seed(seed)
    encoders = shared_encoders(2, (6, 16, 8))
    return AssignmentNetwork(encoders, 8, 3, n_heads=2, n_overclusters=9)


# ------------------------------------------------------------------------------------- toys


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    y_pred, log = fitted(QUICK, data)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    assert log.last("agreement") > 0.9
    assert log.last("size_entropy") > 0.9 * math.log(3)


def test_samples_that_lack_a_view_are_assigned_by_the_others(incomplete_blobs):
    data, y_true = incomplete_blobs
    y_pred, log = fitted(QUICK, data)
    has = row_numbers(data) >= 0
    lacking = ~has.all(axis=0)
    assert adjusted_rand_score(y_true[lacking], y_pred[lacking]) > 0.95
    for view, mine in zip(data.views, has, strict=True):
        part = log.last("view_assignments")[view.name]
        assert (part[~mine] == -1).all()
        np.testing.assert_array_equal(part[mine & lacking], y_pred[mine & lacking])


def test_each_view_alone_finds_the_clusters(paired_blobs):
    data, y_true = paired_blobs
    _, log = fitted(QUICK, data)
    for part in log.last("view_assignments").values():
        assert adjusted_rand_score(y_true, part) > 0.95


@pytest.mark.parametrize(
    "variant",
    [
        {"superfluous_weight": 0.0},
        {"overcluster_weight": 0.0},
        {"shared_encoder": False},
        {"alternating": True},
    ],
)
def test_every_variant_solves_the_toy(paired_blobs, variant):
    data, y_true = paired_blobs
    y_pred, _ = fitted(replace(QUICK, **variant), data)
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_heads_of_their_own_number_the_clusters_as_they_like(paired_blobs):
    # each view finds the three clusters, which is all that its own shared information asks for;
    # only heads that the views share make them number the clusters alike
    data, y_true = paired_blobs
    views = [torch.as_tensor(x) for x in data.paired_features(at_least=2)]
    agreements = []
    for seed in range(8):
        torch.manual_seed(seed)
        apart = [
            AssignmentNetwork(
                shared_encoders(1, (x.shape[1], 16)), 16, 3, n_heads=1, n_overclusters=6
            )
            for x in views
        ]
        optimiser = torch.optim.Adam([p for n in apart for p in n.parameters()], lr=1e-2)
        chosen = []
        for network, x in zip(apart, views, strict=True):
            for _ in range(60):
                p, q = (network(x + 0.05 * torch.randn_like(x), 0)[0] for _ in range(2))
                optimiser.zero_grad()
                (-shared_information(p, q, entropy_weight=2.0).sum()).backward()
                optimiser.step()
            chosen.append(network(x, 0)[0][0].argmax(dim=1))
        if min(adjusted_rand_score(y_true, y) for y in chosen) > 0.95:
            agreements.append((chosen[0] == chosen[1]).float().mean().item())
    assert len(agreements) >= 4
    assert np.mean(agreements) < 0.6
    _, log = fitted(QUICK, data)
    assert log.last("agreement") > 0.9


def test_too_much_weight_on_the_superfluous_from_the_start_collapses(paired_blobs):
    data, _ = paired_blobs
    # in the epochs of QUICK the information only begins to rise, on some processors later
    longer = replace(QUICK, epochs=120)
    _, sound = fitted(longer, data)
    _, collapsed = fitted(replace(longer, superfluous_weight=10.0, warmup=0.0), data)
    assert collapsed.last("information") < 0.01 < 0.3 < sound.last("information")


def test_beside_a_view_of_noise_there_is_nothing_to_share(paired_blobs):
    data, y_true = paired_blobs
    noise = np.random.default_rng(0).random((data.n_samples, 8), dtype=np.float32)
    with_noise = Dataset.paired([data.views[0].values, noise], n_clusters=3)
    y_pred, log = fitted(QUICK, with_noise)
    _, log_of_clean = fitted(QUICK, data)
    assert log.last("information") < 0.1 * log_of_clean.last("information")
    assert adjusted_rand_score(y_true, y_pred) < 0.3
    assert adjusted_rand_score(y_true, log_of_clean.last("y_pred")) > 0.95
    assert adjusted_rand_score(y_true, log.last("view_assignments")["view-2"]) < 0.1


def test_other_seeds_give_other_weights(paired_blobs):
    data, _ = paired_blobs
    brief = replace(QUICK, epochs=2, min_steps=1)
    losses = [fitted(brief, data, seed)[1].values("loss") for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


# ---------------------------------------------------------------------------------- refusals


def test_mixed_modal_samples_are_refused(mixed_blobs):
    with pytest.raises(IncompatibleDataError, match="2 samples to train on that have image and"):
        QUICK.fit_predict(mixed_blobs[0], seed=0)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        QUICK.fit_predict(one_view_blobs[0], seed=0)


def test_a_view_without_partner_is_refused_by_name(three_view_blobs):
    data, _ = three_view_blobs
    alone = np.arange(100, 180)
    views = [View(v.values[:100], np.arange(100), v.name, v.modality) for v in data.views[:2]] + [
        View(data.views[2].values[alone], alone, "audio", "audio")
    ]
    with pytest.raises(IncompatibleDataError, match="have audio and another view, has 0"):
        QUICK.fit_predict(replace(data, views=tuple(views)), seed=0)


# ------------------------------------------------------------------------------------- terms


def test_the_terms_are_those_of_the_head_and_the_mean_of_the_others():
    p = soft_assignments(1, 20, 3), soft_assignments(4, 20, 6, seed=1)
    q = soft_assignments(1, 20, 3, seed=2), soft_assignments(4, 20, 6, seed=3)
    found = information_terms(p, q, 2.0)
    for row, a, b in zip(found, p, q, strict=True):
        heads = list(zip(a, b, strict=True))
        shared = [shared_information(x, y, entropy_weight=2.0) for x, y in heads]
        superfluous = [(divergence(x, y) + divergence(y, x)) / 2 for x, y in heads]
        torch.testing.assert_close(row[0], torch.stack(shared).mean())
        torch.testing.assert_close(row[1], torch.stack(superfluous).mean())


def test_the_terms_are_symmetric_in_the_views():
    p = soft_assignments(1, 20, 3), soft_assignments(4, 20, 6, seed=1)
    q = soft_assignments(1, 20, 3, seed=2), soft_assignments(4, 20, 6, seed=3)
    torch.testing.assert_close(information_terms(p, q, 2.0), information_terms(q, p, 2.0))


@pytest.mark.parametrize("detached", ["none", "bound", "assignments"])
def test_what_is_detached_changes_the_gradient_alone(detached):
    p = soft_assignments(1, 20, 3), soft_assignments(4, 20, 6, seed=1)
    q = soft_assignments(1, 20, 3, seed=2), soft_assignments(4, 20, 6, seed=3)
    torch.testing.assert_close(information_terms(p, q, 2.0, detached), information_terms(p, q, 2.0))


def test_the_gradient_of_the_terms_is_that_of_finite_differences():
    def terms(logits):
        p, q = logits.softmax(dim=-1)
        return information_terms((p[:1], p[1:]), (q[:1], q[1:]), 2.0)

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(terms, logits)


@pytest.mark.parametrize("detached", ["bound", "assignments"])
@pytest.mark.parametrize("seed", range(3))
def test_a_small_half_step_never_raises_its_bound(detached, seed):
    network = small_network(seed).double().eval()
    x, y = torch.randn(2, 40, 6, dtype=torch.float64)
    before_p, before_q = network(x, 0)[0][0].detach(), network(y, 1)[0][0].detach()

    def bound():
        p, q = network(x, 0)[0][0], network(y, 1)[0][0]
        if detached == "bound":
            superfluous = divergence(p, before_q) + divergence(q, before_p)
        else:
            superfluous = divergence(before_p, q) + divergence(before_q, p)
        return superfluous / 2 - shared_information(p, q, entropy_weight=2.0)

    at_first = bound()
    exact = torch.autograd.grad(at_first, list(network.parameters()), allow_unused=True)
    head = information_terms(network(x, 0), network(y, 1), 2.0, detached)[0]
    loss = head[1] - head[0]
    found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    with torch.no_grad():
        for parameter, mine, theirs in zip(network.parameters(), found, exact, strict=True):
            if theirs is not None:
                torch.testing.assert_close(mine, theirs)
                parameter -= 1e-4 * mine
        assert bound() < at_first


# ------------------------------------------------------------------------------------ network


def test_overclustering_trains_the_encoder():
    network = small_network()
    x, y = torch.randn(2, 30, 6)
    terms = information_terms(network(x, 0), network(y, 1), 2.0)
    (terms[1, 1] - terms[1, 0]).backward()
    assert network.encoders[0][0].weight.grad.abs().sum() > 0
    assert network.overclusters.weight.grad.abs().sum() > 0
    assert network.clusters.weight.grad.abs().sum() == 0


@pytest.mark.parametrize("over", [0.0, 0.5])
def test_the_loss_weighs_the_terms_as_asked(paired_blobs, over):
    method = replace(QUICK, epochs=3, min_steps=1, warmup=0.0, overcluster_weight=over)
    _, log = fitted(replace(method, superfluous_weight=0.3), paired_blobs[0])
    terms = ("shared", "superfluous", "overcluster_shared", "overcluster_superfluous", "loss")
    logged = {name: np.array(log.values(name)) for name in terms}
    fine = -logged["overcluster_shared"] + 0.3 * logged["overcluster_superfluous"]
    expected = -logged["shared"] + 0.3 * logged["superfluous"] + over * fine
    np.testing.assert_allclose(logged["loss"], expected, rtol=1e-5)


def bare(**changes):
    """A method that disturbs nothing, so that the terms of a batch can be computed beforehand."""
    return replace(QUICK, noise=0.0, dropout=0.0, **changes)


@pytest.mark.parametrize(
    ("epoch", "alternating", "detached"),
    [(0, True, "assignments"), (1, True, "bound"), (0, False, "none"), (1, False, "none")],
)
def test_alternation_detaches_the_bound_in_odd_epochs_and_the_assignments_in_even(
    epoch, alternating, detached
):
    network = small_network().eval()
    x, y = torch.randn(2, 30, 6)
    terms = bare(alternating=alternating).batch_terms(
        network, [x, y], torch.arange(30).tile(2, 1), epoch
    )
    expected = information_terms(network(x, 0), network(y, 1), QUICK.entropy_weight, detached)
    weights = list(network.parameters())
    found = torch.autograd.grad(terms[0, 1], weights, allow_unused=True)
    for mine, theirs in zip(
        found, torch.autograd.grad(expected[0, 1], weights, allow_unused=True), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_terms_of_three_incomplete_views_are_summed_over_pairs_of_rows_that_meet():
    rng = np.random.default_rng(0)
    network = AssignmentNetwork(
        shared_encoders(3, (6, 8)), 8, 3, n_heads=2, n_overclusters=4
    ).eval()
    inputs = [torch.randn(40, 6) for _ in range(3)]
    for missing in (0.3, 0.6, 0.9):
        rows = torch.as_tensor(
            np.where(rng.random((3, 25)) < missing, -1, rng.integers(40, size=(3, 25)))
        )
        expected = torch.zeros(2, 2)
        for u, v in ((0, 1), (0, 2), (1, 2)):
            both = (rows[u] >= 0) & (rows[v] >= 0)
            # views with a single row in the batch are left out
            if both.any() and min((rows[u] >= 0).sum(), (rows[v] >= 0).sum()) > 1:
                p, q = (network(inputs[w][rows[w][both]], w) for w in (u, v))
                expected += information_terms(p, q, QUICK.entropy_weight)
        torch.testing.assert_close(bare().batch_terms(network, inputs, rows, 0), expected)


def test_views_without_common_samples_are_connected_by_a_third(three_view_blobs):
    data, y_true = three_view_blobs
    half = data.n_samples // 2
    image, text, audio = data.views
    views = (
        View(image.values[:half], np.arange(half), image.name, image.modality),
        text,
        View(audio.values[half:], np.arange(half, data.n_samples), audio.name, audio.modality),
    )
    y_pred, _ = fitted(QUICK, replace(data, views=views))
    assert adjusted_rand_score(y_true, y_pred) > 0.95


def test_encoders_are_shared_where_asked_for(paired_blobs):
    data, _ = paired_blobs
    brief = MIBClustering(hidden=(4,), epochs=1, min_steps=1)
    both = [fitted(replace(brief, shared_encoder=s), data)[1].values("loss") for s in (True, False)]
    assert both[0] != both[1]


# -------------------------------------------------------------------------------- bookkeeping


@pytest.mark.parametrize(
    ("batch_size", "min_steps", "n_epochs"),
    [
        (45, 1, 5),  # four batches: as given
        (45, 40, 10),  # 4 steps an epoch
        (60, 40, 7),  # three batches, so halved: 6 steps an epoch
        (1000, 40, 40),  # one batch of all samples
    ],
)
def test_small_sets_get_smaller_batches_and_more_epochs(
    paired_blobs, batch_size, min_steps, n_epochs
):
    method = MIBClustering(hidden=(4,), epochs=5, batch_size=batch_size, min_steps=min_steps)
    _, log = fitted(method, paired_blobs[0])
    assert len(log.values("loss")) == n_epochs


def test_beta_grows_over_the_warmup_and_then_stays(paired_blobs):
    method = MIBClustering(hidden=(4,), epochs=10, min_steps=1, superfluous_weight=0.3, warmup=0.3)
    _, log = fitted(method, paired_blobs[0])
    assert log.values("beta") == pytest.approx([0, 0.1, 0.2] + [0.3] * 7)
    _, log = fitted(replace(method, warmup=0.0), paired_blobs[0])
    assert log.values("beta") == [0.3] * 10


def test_a_batch_of_one_row_which_would_train_nothing_is_refused():
    with pytest.raises(InputError, match="batch_size"):
        build("mib_clustering", {"batch_size": 1})
