"""Which encoder a view gets, and the layers of the convolutional one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.nn.encoders import ConvEncoder, view_encoders

SIZES = {"hidden": (6,), "n_latent": 5, "kernels": (3,), "channels": 2}


def data(*shapes):
    """Return one view for each shape of its rows, which is that of an image or (n_features,)."""
    arrays = [np.random.default_rng(0).random((9, int(np.prod(shape)))) for shape in shapes]
    plain = Dataset.paired(arrays, n_clusters=2, name="toy")
    views = zip(plain.views, shapes, strict=True)
    marked = (replace(v, image_shape=shape if len(shape) == 3 else ()) for v, shape in views)
    return replace(plain, views=tuple(marked))


def kinds(encoders):
    return ["conv" if isinstance(encoder, ConvEncoder) else "dense" for encoder in encoders]


@pytest.mark.parametrize(
    ("kernels", "channels", "n_outputs"),
    [
        pytest.param((5, 3), 32, 288, id="mvc: 28, 24, 20, 10, 8, 6, 3"),
        pytest.param((3, 3), 64, 1024, id="DeepMVC: 28, 26, 24, 12, 10, 8, 4"),
    ],
)
def test_the_published_encoders_have_these_layers_and_outputs(kernels, channels, n_outputs):
    block = [nn.Conv2d, nn.ReLU, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    network = ConvEncoder((1, 28, 28), kernels, channels)
    assert [type(layer) for layer in network.layers] == [nn.Unflatten, *block, *block, nn.Flatten]
    assert network(torch.rand(2, 784)).shape == (2, n_outputs)
    views = data((1, 28, 28), (1, 28, 28))
    settings = {**SIZES, "kernels": kernels, "channels": channels}
    assert view_encoders(views, "auto", **settings)[1] == n_outputs


def test_a_block_is_two_convolutions_and_a_pooling():
    torch.manual_seed(0)
    network = ConvEncoder((3, 8, 8), (3,), 2).eval()
    _, first, _, second, norm, *_ = network.layers
    norm.running_mean += 0.1
    images = torch.rand(4, 3, 8, 8)
    x = functional.conv2d(images, first.weight, first.bias).relu()
    x = functional.conv2d(x, second.weight, second.bias)
    x = ((x - 0.1) / (1 + norm.eps) ** 0.5).relu()
    expected = torch.empty(4, 2, 2, 2)
    for row in range(2):
        for column in range(2):
            patch = x[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            expected[:, :, row, column] = patch.amax(dim=(2, 3))
    torch.testing.assert_close(network(images.flatten(1)), expected.flatten(1))


def test_images_are_convolved_in_float32_on_a_cpu():
    network, x = ConvEncoder((1, 8, 8), (3,), 2), torch.rand(4, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(x).dtype == torch.float32


def test_views_of_square_images_are_convolved_and_others_match_their_outputs():
    views = data((1, 8, 8), (7,), (3, 8, 8), (1, 8, 6))
    encoders, n_outputs = view_encoders(views, "auto", **SIZES)
    assert kinds(encoders) == ["conv", "dense", "conv", "dense"]
    for encoder, view in zip(encoders, views.views, strict=True):
        assert encoder(torch.as_tensor(view.flat())).shape == (9, n_outputs) == (9, 8)


@pytest.mark.parametrize(
    ("shapes", "encoder"),
    [
        pytest.param([(1, 8, 8), (1, 8, 8)], "dense", id="dense is asked for"),
        pytest.param([(64,), (64,)], "auto", id="no images"),
        pytest.param([(1, 8, 8), (1, 12, 12)], "auto", id="images of two sizes"),
        pytest.param([(1, 5, 5), (1, 5, 5)], "auto", id="images of which nothing would be left"),
    ],
)
def test_dense_encoders_are_used_otherwise(shapes, encoder):
    encoders, n_outputs = view_encoders(data(*shapes), encoder, **SIZES)
    assert kinds(encoders) == ["dense", "dense"]
    assert n_outputs == 5


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ([(1, 8, 8), (7,)], "view-2 are 7"),
        ([(1, 8, 6), (1, 8, 8)], "view-1 are 1 x 8 x 6"),
        ([(1, 8, 8), (1, 12, 12)], "view-2 are 1 x 12 x 12"),
        ([(1, 5, 5), (1, 5, 5)], "view-1 are 1 x 5 x 5"),
    ],
)
def test_views_that_cannot_be_convolved_are_refused_where_it_is_asked_for(shapes, found):
    message = (
        f"toy: encoder conv needs square images of one size.* kernels of 3, but rows of {found}$"
    )
    with pytest.raises(IncompatibleDataError, match=message):
        view_encoders(data(*shapes), "conv", **SIZES)
