"""CC: its loss, its published schedule and what it refuses; see also `test_sacc.py`."""

import numpy as np
import pytest
import torch
from recording_log import RecordingLog

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.errors import InputError
from mmbench.methods.cc import CC
from mmbench.methods.sacc import ContrastiveNetwork
from mmbench.nn.losses import cluster_contrast, nt_xent


def test_the_published_schedule():
    published = CC()
    assert (published.backbone, published.side) == ("resnet34", 224)
    assert (published.epochs, published.batch_size) == (1000, 256)
    assert published.learning_rate == 3e-4


def test_its_loss_is_the_contrast_of_two_augmentations_at_both_levels():
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 28, 28), np.uint8)
    plain = {"jitter": 0, "weak_blur": False, "flip": False, "min_crop": 1.0}
    log = RecordingLog()
    method = CC(backbone="narrow", side=28, epochs=1, batch_size=12, **plain)
    method.fit_predict(Dataset.paired([images], n_clusters=3), seed=0, log=log)
    torch.manual_seed(0)
    z, c = ContrastiveNetwork("narrow", 1, 28, n_clusters=3)(torch.as_tensor(images) / 255)
    instance, cluster = nt_xent(z, z, 0.5).item(), cluster_contrast(c, c, 1.0).item()
    assert log.last("instance") == pytest.approx(instance, rel=1e-5)
    assert log.last("cluster") == pytest.approx(cluster, rel=1e-5)
    assert log.last("loss") == pytest.approx(instance + cluster, rel=1e-5)


def test_it_has_one_augmentation_with_the_settings_of_the_method():
    method = CC(side=28, jitter=0, weak_blur=False, flip=False, min_crop=1.0)
    (augment,) = method.augmentations().values()
    images = torch.randint(0, 256, (4, 3, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(augment(images, None), images / 255)


def test_features_are_refused(paired_blobs):
    data, _ = paired_blobs
    with pytest.raises(IncompatibleDataError, match="needs images, has feature views"):
        CC().fit_predict(data, seed=0)


def test_a_side_too_small_for_the_backbone_is_refused(image_blobs):
    data, _ = image_blobs
    with pytest.raises(InputError, match=r"side: expected at least 25 px.*'narrow'.*got 24"):
        CC(backbone="narrow", side=24).fit_predict(data, seed=0)
