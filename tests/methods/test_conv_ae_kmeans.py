"""The convolutional autoencoder: its shapes, what it learns, toy images it must solve."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.errors import InputError
from mmbench.methods import build
from mmbench.methods.conv_ae_kmeans import ConvAEKMeans, ConvAutoencoder

QUICK = ConvAEKMeans(side=16, widths=(8, 16, 32), epochs=25, batch_size=30, learning_rate=5e-3)


def test_bars_and_discs_are_separated(image_blobs):
    data, y_true = image_blobs
    log = RecordingLog()
    y_pred = QUICK.fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    # better than the mean image, whose error is the variance of the pixels
    pixels = data.views[0].values / 255
    assert log.last("loss") < 0.5 * (pixels - pixels.mean(axis=0)).var()
    assert log.last("embedding").shape == (data.n_samples, 10)


@pytest.mark.parametrize(("channels", "side"), [(1, 32), (3, 16), (3, 40)])
def test_the_reconstruction_has_the_shape_of_the_image(channels, side):
    network = ConvAutoencoder(channels, side, (4, 6, 8), n_latent=5)
    x = torch.rand(3, channels, side, side)
    assert network.encoder(x).shape == (3, 5)
    assert network(x).shape == x.shape


def test_the_same_seed_gives_the_same_clusters_also_where_samples_are_held_out(split_image_blobs):
    data, y_true = split_image_blobs
    method = replace(QUICK, epochs=8)
    first = method.fit_predict(data, seed=1)
    np.testing.assert_array_equal(method.fit_predict(data, seed=1), first)
    held_out = np.setdiff1d(np.arange(data.n_samples), data.fit_index)
    assert adjusted_rand_score(y_true[held_out], first[held_out]) > 0.5


def test_features_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs images, has feature views"):
        QUICK.fit_predict(data, seed=0)


def test_a_side_that_cannot_be_halved_three_times_is_refused():
    with pytest.raises(InputError, match=r"side.*multiple of 8"):
        build("conv_ae_kmeans", {"side": 28})
