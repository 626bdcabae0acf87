"""The contrast of CoMVC in closed form, its weight, and the toys it must solve."""

import math

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.comvc import CoMVC, contrast
from mmbench.nn.losses import nt_xent

QUICK = CoMVC(hidden=(64, 64), n_latent=32, epochs=40, batch_size=60)


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, setting):
    data, y_true = request.getfixturevalue(setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_equal_rows_cost_twice_the_logarithm_of_their_number():
    same = torch.ones(4, 3)
    assert contrast([same, same], 0.1).item() == pytest.approx(2 * math.log(7), abs=1e-5)


def test_two_orthogonal_samples_have_their_closed_form():
    # each anchor has its positive at cosine 1 and two negatives at 0
    expected = 2 * math.log(1 + 2 * math.exp(-1 / 0.5))
    assert contrast([torch.eye(2), torch.eye(2)], 0.5).item() == pytest.approx(expected, abs=1e-6)


def test_both_directions_are_summed_and_pairs_averaged():
    z = [rows(6, 4, seed=s) for s in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = sum(2 * nt_xent(z[u], z[v], 0.1) for u, v in pairs) / 3
    torch.testing.assert_close(contrast(z, 0.1), expected)
    torch.testing.assert_close(contrast(z[::-1], 0.1), expected)


def test_the_contrast_weighs_a_tenth_of_the_least_weight_of_a_view(paired_blobs):
    data, _ = paired_blobs
    kept = {}
    QUICK.fit_predict(data, seed=0, log=lambda epoch, **values: kept.update(values))
    parts = kept["compact"] + kept["orthogonal"] + kept["corner"] + kept["contrast"]
    assert kept["loss"] == pytest.approx(parts)
    # n = 60 pairs, so a contrast is at most 2 log 119 where all is alike, plus 2 · 2 / .1
    assert 0 < kept["contrast"] <= 0.1 * 0.5 * (2 * math.log(119) + 40)


def test_one_view_is_refused(one_view_blobs):
    with pytest.raises(IncompatibleDataError, match="needs 2 views, has 1"):
        QUICK.fit_predict(one_view_blobs[0], seed=0)
