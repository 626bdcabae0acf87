"""IIC for images: toy images it must solve, and its heads."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.methods.iic import IIC, Network
from mmbench.nn.augment import edges
from mmbench.nn.information import shared_information

QUICK = IIC(
    backbone="narrow",
    side=25,
    epochs=8,
    batch_size=30,
    repeats=2,
    learning_rate=1e-3,
    overclusters=3,
    crop=0.7,
)


def test_bars_and_discs_are_separated(image_blobs):
    data, y_true = image_blobs
    log = RecordingLog()
    y_pred = QUICK.fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.95
    losses, others = log.values("loss"), log.values("overcluster")
    # minus the information of three equally large clusters at best, of nine in the others
    assert -np.log(3) - 1e-4 <= losses[-1] < losses[0] < 0
    assert -np.log(9) - 1e-4 <= others[-1] < others[0] < 0
    epoch, values = log.calls[-1]
    assert epoch == QUICK.epochs - 1
    np.testing.assert_array_equal(values["embedding"].argmax(axis=1), y_pred)


def test_each_head_gives_soft_assignments_of_its_own():
    torch.manual_seed(0)
    network = Network(replace(QUICK, heads=4), channels=1, n_clusters=3)
    images = torch.randint(0, 256, (6, 1, 25, 25), dtype=torch.uint8)
    soft = network.eval()(images / 255, "cluster")
    assert soft.shape == (4, 6, 3)
    torch.testing.assert_close(soft.sum(dim=-1), torch.ones(4, 6))
    assert network(images / 255, "overcluster").shape == (4, 6, 9)
    for head in range(4):
        torch.testing.assert_close(network.soft_assignments(images, head), soft[head])
        network.eval()
    assert not torch.allclose(soft[0], soft[1])


def test_the_heads_take_turns_and_each_batch_has_several_augmentations_of_an_image(
    image_blobs, monkeypatch
):
    data = Dataset.paired([image_blobs[0].views[0].values[:20]], n_clusters=3)
    seen = []

    def spy(p, q):
        seen.append((p.detach(), q.detach()))
        return shared_information(p, q)

    monkeypatch.setattr("mmbench.methods.iic.shared_information", spy)
    log = RecordingLog()
    method = replace(QUICK, epochs=1, min_steps=7, batch_size=10, repeats=3, heads=2)
    method.fit_predict(data, seed=0, log=log)
    # an epoch has two batches for the auxiliary heads and four for the others
    assert len(log.values("loss")) == 2
    assert [p.shape[2] for p, _ in seen] == 2 * [9, 9, 3, 3, 3, 3]
    for crops, augmented in seen:
        assert crops.shape[:2] == augmented.shape[:2] == (2, 30)
        torch.testing.assert_close(crops[:, :10], crops[:, 20:])
        assert not torch.equal(augmented[:, :10], augmented[:, 20:])


def test_the_middle_of_an_image_is_assigned(image_blobs, monkeypatch):
    data = Dataset.paired([image_blobs[0].views[0].values[:12]], n_clusters=3)
    seen = []
    soft_assignments = Network.soft_assignments

    def spy(network, images, head):
        seen.append(images)
        return soft_assignments(network, images, head)

    monkeypatch.setattr(Network, "soft_assignments", spy)
    replace(QUICK, epochs=1, batch_size=12, crop=0.5).fit_predict(data, seed=0)
    (middle,) = seen
    np.testing.assert_array_equal(middle, data.images()[:, :, 4:12, 4:12])


@pytest.mark.parametrize(("sobel", "channels"), [(True, 2), (False, 3)])
def test_the_network_sees_edges_or_colours(sobel, channels):
    network = Network(replace(QUICK, sobel=sobel), channels=3, n_clusters=3)
    seen = []
    network.backbone.register_forward_hook(lambda _, x, __: seen.append(x[0]))
    images = torch.rand(4, 3, 25, 25)
    network(images, "cluster")
    assert seen[0].shape == (4, channels, 25, 25)
    torch.testing.assert_close(seen[0], edges(images) if sobel else images)


def test_features_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs images, has feature views"):
        QUICK.fit_predict(data, seed=0)
