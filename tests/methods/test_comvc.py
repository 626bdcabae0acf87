"""The contrast of CoMVC in closed form, its weight, and the toys it must solve."""

import math
from dataclasses import replace

import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.comvc import CoMVC, contrastive_loss
from mmbench.nn.batches import paired_tensors
from mmbench.nn.ddc import FusionOutput
from mmbench.nn.losses import nt_xent
from mmbench.nn.networks import normalised_mlp

QUICK = CoMVC(hidden=(64, 64), n_latent=32, epochs=40, batch_size=60)


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_images_are_clustered_with_convolutions(two_view_images):
    data, y_true = two_view_images
    method = replace(QUICK, encoder="conv", kernels=(3,), channels=4)
    assert adjusted_rand_score(y_true, method.fit_predict(data, seed=0)) > 0.95


def test_equal_rows_cost_twice_the_logarithm_of_their_number():
    same = torch.ones(4, 3)
    assert contrastive_loss([same, same], 0.1).item() == pytest.approx(2 * math.log(7), abs=1e-5)


def test_two_orthogonal_samples_have_their_closed_form():
    # each anchor has its positive at cosine 1 and two negatives at 0
    expected = 2 * math.log(1 + 2 * math.exp(-1 / 0.5))
    assert contrastive_loss([torch.eye(2), torch.eye(2)], 0.5).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_both_directions_are_summed_and_pairs_averaged():
    z = [rows(6, 4, seed=s) for s in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = sum(2 * nt_xent(z[u], z[v], 0.1) for u, v in pairs) / 3
    torch.testing.assert_close(contrastive_loss(z, 0.1), expected)
    torch.testing.assert_close(contrastive_loss(z[::-1], 0.1), expected)


def test_the_contrast_has_the_smallest_weight_of_a_view_without_a_gradient():
    weights = torch.tensor([0.5, 0.2, 0.3], requires_grad=True)
    z = [rows(6, 4, seed=s) for s in range(3)]
    output = FusionOutput(z, z[0], z[0], z[0])
    term = CoMVC(contrast_weight=1.0).alignment(output, weights)["contrast"]
    torch.testing.assert_close(term, 0.2 * contrastive_loss(z, 0.1))
    assert not term.requires_grad


def test_the_contrast_is_a_tenth_of_the_least_weight_in_the_loss(paired_blobs):
    # with steps too small to matter both views keep half the weight
    still = {"learning_rate": 1e-9, "epochs": 1, "batch_size": 180}
    log = RecordingLog()
    replace(QUICK, **still).fit_predict(paired_blobs[0], seed=0, log=log)
    parts = log.last("compact") + log.last("orthogonal") + log.last("corner") + log.last("contrast")
    assert log.last("loss") == pytest.approx(parts)

    torch.manual_seed(0)
    views, _ = paired_tensors(paired_blobs[0], "cpu")
    encoders = [normalised_mlp((x.shape[1], 64, 64), 32) for x in views]
    z = [encoder(x) for encoder, x in zip(encoders, views, strict=True)]
    assert log.last("contrast") == pytest.approx(
        0.1 * 0.5 * contrastive_loss(z, 0.1).item(), rel=1e-4
    )


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        QUICK.fit_predict(one_view_blobs[0], seed=0)
