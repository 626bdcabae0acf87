"""The contact sheet: its layout, its first column, and no file after an error."""

import numpy as np
import pytest
from PIL import Image

from mmbench.cli.augmentation_sheet import augmentation_sheet
from mmbench.nn.augment import Augmentation


class Method:
    def augmentations(self):
        return {"weak": Augmentation(32), "strong": Augmentation(32, operations=5)}


class Failing:
    def augmentations(self):
        return {"weak": lambda x, generator: 1 / 0}


def noise(n, channels):
    return np.random.default_rng(0).integers(0, 256, (n, channels, 32, 32), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_shows_each_image_and_its_draws(tmp_path, channels):
    path = tmp_path / "sheet.png"
    images = noise(5, channels)
    augmentation_sheet(Method(), images, path, n_images=3, n_draws=2)
    with Image.open(path) as sheet:
        assert sheet.mode == "RGB"
        zoom, frame, gap = 2, 33, 8
        assert sheet.size == (zoom * frame * 5 + 2 * gap, zoom * frame * 3)
        corner = np.array(sheet)[: zoom * 32 : zoom, : zoom * 32 : zoom]
    expected = np.broadcast_to(images[0], (3, 32, 32))
    np.testing.assert_array_equal(corner.transpose(2, 0, 1), expected)


def test_an_augmentation_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError, match="zero"):
        augmentation_sheet(Failing(), noise(2, 3), tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())
