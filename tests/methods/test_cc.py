"""CC: its published schedule and its borders; `test_sacc.py` has what the two share."""

import pytest
import torch

from mmbench.data import IncompatibleDataError
from mmbench.errors import InputError
from mmbench.methods.cc import CC


def test_the_published_schedule():
    published = CC()
    assert (published.backbone, published.side) == ("resnet34", 224)
    assert (published.epochs, published.batch_size) == (1000, 256)
    assert published.learning_rate == 3e-4


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
