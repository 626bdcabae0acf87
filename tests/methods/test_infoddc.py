"""The information of codes in InfoDDC, and the toys it must solve."""

import math
from dataclasses import replace

import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.methods.infoddc import InfoDDC, code_information
from mmbench.nn.information import shared_information

QUICK = InfoDDC(hidden=(64, 64), n_latent=32, pretrain_epochs=10, epochs=40, batch_size=60)


def codes(seed):
    return torch.randn(20, 4, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_images_are_clustered_with_convolutions(two_view_images):
    data, y_true = two_view_images
    method = replace(QUICK, encoder="conv", kernels=(3,), channels=4)
    assert adjusted_rand_score(y_true, method.fit_predict(data, seed=0)) > 0.95


def test_information_counts_each_pair_of_views_and_each_view_with_itself():
    a, b = codes(0), codes(1)
    expected = sum(
        shared_information(x, y, entropy_weight=10.0) for x, y in [(a, a), (a, b), (b, b)]
    )
    torch.testing.assert_close(code_information([a, b], 10.0), expected)
    torch.testing.assert_close(code_information([b, a], 10.0), expected)


def test_information_of_equal_crisp_codes_is_its_bound():
    p = torch.eye(4).repeat(5, 1)
    assert code_information([p, p], 10.0).item() == pytest.approx(3 * 19 * math.log(4), rel=1e-5)


def test_pretraining_maximises_the_information_alone(paired_blobs):
    data, _ = paired_blobs
    log = RecordingLog()
    InfoDDC(hidden=(8,), n_latent=8, pretrain_epochs=2, epochs=3).fit_predict(data, seed=0, log=log)
    losses, information = log.values("loss"), log.values("information")
    assert losses[:2] == pytest.approx(information[:2])
    assert all(loss > term for loss, term in zip(losses[2:], information[2:], strict=True))
