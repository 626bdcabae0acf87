"""What COMPLETER predicts and counts, and the toys it must solve."""

import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score
from torch.nn import functional

from mmbench.data import IncompatibleDataError
from mmbench.methods.completer import Completer, CompletionNetwork
from mmbench.nn.information import shared_information
from mmbench.nn.preprocessing import row_numbers

QUICK = Completer(
    hidden=(64, 64),
    n_latent=16,
    predictor_hidden=(16, 32, 16),
    epochs=60,
    prediction_start=20,
    batch_size=60,
    learning_rate=1e-3,
)


def network():
    torch.manual_seed(0)
    return CompletionNetwork([5, 4], (8,), 6, (6, 7, 6)).eval()


@pytest.mark.parametrize("data_setting", ["paired_blobs", "split_paired_blobs", "incomplete_blobs"])
def test_separated_blobs_are_recovered(request, data_setting):
    data, y_true = request.getfixturevalue(data_setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.9


def test_samples_that_lack_a_view_are_assigned_by_predicted_codes(incomplete_blobs):
    data, y_true = incomplete_blobs
    lacking = ~(row_numbers(data) >= 0).all(axis=0)
    y_pred = QUICK.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true[lacking], y_pred[lacking]) > 0.8


def test_a_missing_code_is_the_prediction_from_the_other_view():
    net = network()
    a, b = torch.rand(3, 5), torch.rand(3, 4)
    rows = torch.tensor([[0, 1, 2, -1], [0, -1, 1, 2]])
    found = net.codes([a, b], rows)
    of_a, of_b = net.encoders[0](a), net.encoders[1](b)
    torch.testing.assert_close(found[[0, 2]], torch.cat([of_a[[0, 2]], of_b[[0, 1]]], dim=1))
    torch.testing.assert_close(found[1], torch.cat([of_a[1], net.predictors[0](of_a[1:2])[0]]))
    torch.testing.assert_close(found[3], torch.cat([net.predictors[1](of_b[2:])[0], of_b[2]]))


def test_terms_are_information_reconstruction_and_prediction():
    net = network()
    views = [torch.rand(7, 5), torch.rand(7, 4)]
    codes = [encoder(x) for encoder, x in zip(net.encoders, views, strict=True)]
    mse = functional.mse_loss
    expected = [
        shared_information(*codes, entropy_weight=10.0),
        mse(net.decoders[0](codes[0]), views[0]) + mse(net.decoders[1](codes[1]), views[1]),
        mse(net.predictors[0](codes[0]), codes[1]) + mse(net.predictors[1](codes[1]), codes[0]),
    ]
    torch.testing.assert_close(net.terms(views, 10.0), torch.stack(expected))


def test_the_terms_are_the_same_whichever_view_comes_first():
    torch.manual_seed(0)
    network = CompletionNetwork([6, 4], (8,), 5, (3, 4)).eval()
    views = [torch.rand(20, 6), torch.rand(20, 4)]
    terms = network.terms(views, 10.0)
    for parts in (network.encoders, network.decoders, network.predictors):
        first, second = parts
        parts[0], parts[1] = second, first
    torch.testing.assert_close(network.terms(views[::-1], 10.0), terms)


def test_codes_are_distributions_as_long_as_asked_for():
    code = network().encoders[0](torch.rand(3, 5))
    assert code.shape == (3, 6)
    torch.testing.assert_close(code.sum(dim=1), torch.ones(3))


def test_prediction_counts_from_its_epoch_on(paired_blobs):
    log = RecordingLog()
    method = Completer(hidden=(8,), n_latent=4, epochs=4, prediction_start=2)
    method.fit_predict(paired_blobs[0], seed=0, log=log)
    terms = ("loss", "reconstruction", "shared", "prediction")
    losses = [
        (loss - (0.1 * reconstruction - shared), 0.1 * prediction)
        for loss, reconstruction, shared, prediction in zip(*map(log.values, terms), strict=True)
    ]
    assert [extra for extra, _ in losses[:2]] == pytest.approx([0, 0], abs=1e-5)
    for extra, prediction in losses[2:]:
        assert extra == pytest.approx(prediction, abs=1e-5)
        assert prediction > 1e-4


def test_three_views_are_refused(three_view_blobs):
    with pytest.raises(IncompatibleDataError, match="takes at most 2 views, has 3"):
        QUICK.fit_predict(three_view_blobs[0], seed=0)


def test_mixed_modal_samples_are_refused(mixed_blobs):
    with pytest.raises(IncompatibleDataError, match="have image and another view, has 0"):
        QUICK.fit_predict(mixed_blobs[0], seed=0)
