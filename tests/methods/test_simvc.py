"""SiMVC on toys; its loss and fusion have their tests in tests/nn/test_ddc.py."""

from dataclasses import replace

import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.simvc import SiMVC
from mmbench.nn.ddc import FusionNetwork, ddc_terms
from mmbench.nn.networks import normalised_mlp

QUICK = SiMVC(hidden=(64, 64), n_latent=32, epochs=40, batch_size=60)


@pytest.mark.parametrize("data_setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_images_are_clustered_with_convolutions(two_view_images):
    data, y_true = two_view_images
    method = replace(QUICK, encoder="conv", kernels=(3,), channels=4)
    assert adjusted_rand_score(y_true, method.fit_predict(data, seed=0)) > 0.95


def test_the_loss_is_the_same_whichever_view_comes_first():
    torch.manual_seed(0)
    network = FusionNetwork([normalised_mlp((n, 8), 5) for n in (6, 4)], 5, 7, 3).eval()
    network.logits.data = torch.tensor([0.3, -0.2])
    views = [torch.rand(20, 6), torch.rand(20, 4)]
    first = network(views)
    network.encoders[0], network.encoders[1] = network.encoders[1], network.encoders[0]
    network.logits.data = network.logits.data.flip(0)
    second = network(views[::-1])
    torch.testing.assert_close(second.fused, first.fused)
    torch.testing.assert_close(
        ddc_terms(second.soft, second.hidden), ddc_terms(first.soft, first.hidden)
    )


def test_the_log_has_the_terms_and_the_weight_of_each_view(paired_blobs):
    data, _ = paired_blobs
    log = RecordingLog()
    QUICK.fit_predict(data, seed=0, log=log)
    terms = [log.last(name) for name in ("compact", "orthogonal", "corner")]
    assert log.last("loss") == pytest.approx(sum(terms))
    assert log.last("weight_image") + log.last("weight_text") == pytest.approx(1)
    assert log.last("clusters_used") == 3
    assert log.last("embedding").shape == (180, 32)


def test_incomplete_views_are_refused(incomplete_blobs):
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image"):
        QUICK.fit_predict(incomplete_blobs[0], seed=0)
