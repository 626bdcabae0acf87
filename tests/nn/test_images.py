"""Images on their way into a network."""

import numpy as np
import torch

from mmbench.nn.images import centre_crop, image_batches, on_device, predicted, resized


def test_large_images_are_reduced_once_to_twice_the_side():
    images = np.full((3, 1, 100, 150), 77, np.uint8)
    reduced = on_device(images, 28, "cpu")
    assert reduced.shape == (3, 1, 56, 84)
    assert reduced.dtype == torch.uint8
    assert (reduced == 77).all()
    assert on_device(images, 50, "cpu").shape == images.shape


def test_no_images_stay_no_images():
    assert len(on_device(np.empty((0, 3, 100, 150), np.uint8), 28, "cpu")) == 0


def test_images_on_the_device_keep_their_order_and_their_bytes():
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 16, 20), np.uint8)
    np.testing.assert_array_equal(on_device(images, 28, "cpu").numpy(), images)


def test_an_image_of_the_side_asked_for_is_only_divided():
    images = torch.randint(0, 256, (2, 3, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(resized(images, 28), images / 255)


def test_resizing_shrinks_with_a_filter_and_enlarges_within_0_to_1():
    images = torch.randint(0, 256, (2, 1, 40, 60), dtype=torch.uint8)
    small = resized(images, 4)
    assert small.shape == (2, 1, 4, 4)
    # a filter averages many pixels: noise all but vanishes
    assert small.std() < 0.3 * (images / 255).std()
    large = resized(images, 80)
    assert large.shape == (2, 1, 80, 80)
    assert 0 <= large.min() <= large.max() <= 1


def test_the_middle_of_an_image_has_the_same_share_of_both_sides():
    images = torch.arange(32 * 16).reshape(1, 1, 32, 16)
    assert torch.equal(centre_crop(images, 20 / 32), images[:, :, 6:26, 3:13])
    assert centre_crop(images, 1.0).shape == images.shape


def test_an_epoch_has_every_full_batch_of_the_images_to_train_on():
    images = torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1)
    batches = list(image_batches(images, torch.arange(2, 9), batch_size=3))
    assert [batch.shape for batch in batches] == [(3, 1, 1, 1)] * 2
    drawn = torch.cat(batches).flatten().tolist()
    assert len(set(drawn)) == 6
    assert set(drawn) <= set(range(2, 9))


def test_predictions_are_made_in_eval_mode_and_the_mode_is_restored():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(4))
    images = torch.randint(0, 256, (5, 1, 2, 2), dtype=torch.uint8)
    for training in (True, False):
        network.train(training)
        x = predicted(network, images, 2, network)
        assert network.training == training
        torch.testing.assert_close(x, images.flatten(1) / 255, rtol=1e-4, atol=0)
        assert not x.requires_grad
