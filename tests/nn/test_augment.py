"""Augmentations against PIL, against slow loops, and by what must not change."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from mmbench.nn import augment
from mmbench.nn.augment import OPERATIONS, Augmentation, edges, imagenet_normalized

WHOLE = torch.eye(3)[None]  # the map that leaves an image where it is


def strong(side, **changes):
    return Augmentation(side, jitter=0.5, operations=5, **changes)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth_images(n, channels=3, side=32, seed=0):
    coarse = torch.rand(n, channels, 5, 5, generator=seeded(seed))
    fine = functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
    return (fine.clamp(0, 1) * 255).byte()


# ------------------------------------------------------------------------- all augmentations


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("augmentation", [Augmentation(28, rotation=10), strong(28, rotation=10)])
def test_the_result_has_the_side_asked_for_and_lies_in_0_to_1(augmentation, channels):
    images = torch.randint(0, 256, (64, channels, 20, 36), dtype=torch.uint8)
    before = images.clone()
    x = augmentation(images, seeded())
    assert x.shape == (64, channels, 28, 28)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("augmentation", [Augmentation(16), strong(16)])
def test_every_image_of_a_batch_has_its_own_draw(augmentation):
    x = augmentation(smooth_images(1).expand(32, -1, -1, -1), seeded())
    different = torch.cdist(x.flatten(1), x.flatten(1)) > 1e-3
    assert different[~torch.eye(32, dtype=torch.bool)].all()


@pytest.mark.parametrize("augmentation", [Augmentation(16), strong(16)])
def test_a_generator_or_the_global_seed_decides_every_draw(augmentation):
    images = smooth_images(16)
    first = augmentation(images, seeded(1))
    assert torch.equal(first, augmentation(images, seeded(1)))
    assert not torch.equal(first, augmentation(images, seeded(2)))
    torch.manual_seed(1)
    assert torch.equal(first, augmentation(images))


@pytest.mark.parametrize("augmentation", [Augmentation(16), strong(16)])
def test_autocast_does_not_round_images(augmentation):
    images = smooth_images(16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = augmentation(images, seeded())
    assert torch.equal(rounded, augmentation(images, seeded()))


@pytest.mark.parametrize("channels", [1, 3])
def test_strengths_of_zero_leave_an_image_unchanged(channels):
    images = smooth_images(8, channels)
    still = Augmentation(32, min_crop=1, flip=False, rotation=0, jitter=0, blur=False)
    torch.testing.assert_close(still(images), images.float() / 255)


def test_a_grey_image_in_three_channels_stays_grey_without_hue_or_colour():
    images = smooth_images(32, channels=1)
    in_one = Augmentation(32)(images, seeded())
    in_three = Augmentation(32)(images.expand(-1, 3, -1, -1), seeded())
    torch.testing.assert_close(in_three, in_one.expand(-1, 3, -1, -1), atol=1e-4, rtol=0)


def test_normalisation_gives_zero_at_the_mean_of_imagenet():
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    torch.testing.assert_close(imagenet_normalized(mean), torch.zeros(2, 3, 4, 4))
    one = imagenet_normalized(torch.ones(1, 1, 2, 2))
    assert one.flatten()[0].item() == pytest.approx((1 - 1.347 / 3) / (0.678 / 3))


def test_edges_are_the_sobel_gradients_of_the_brightness():
    ramp = torch.arange(6.0).expand(1, 3, 5, 6) / 8
    across, down = edges(ramp)[0]
    # (1 + 2 + 1) times the difference of the neighbours, left minus right
    torch.testing.assert_close(across[1:-1, 1:-1], torch.full((3, 4), -8 / 8))
    torch.testing.assert_close(down[1:-1, 1:-1], torch.zeros(3, 4))
    torch.testing.assert_close(edges(ramp.mT)[0], torch.stack([down.T, across.T]))
    assert edges(torch.rand(4, 1, 7, 9)).shape == (4, 2, 7, 9)


# ---------------------------------------------------------------------------------- geometry


def test_crops_lie_inside_the_image_with_the_areas_and_ratios_asked_for():
    height, width = 40, 30
    images = torch.zeros(2000, 1, height, width, dtype=torch.uint8)
    maps = augment._random_crops(images, min_crop=0.2, flip=True, generator=seeded())
    wide, high = maps[:, 0, 0].abs(), maps[:, 1, 1]
    assert (maps[:, 0, 2].abs() + wide <= 1 + 1e-6).all()
    assert (maps[:, 1, 2].abs() + high <= 1 + 1e-6).all()
    area, ratio = wide * high, wide * width / (high * height)
    assert 0.2 <= area.min() < 0.22
    assert 0.95 < area.max() <= 1 + 1e-6
    assert 3 / 4 - 1e-5 <= ratio.min() < 0.76
    assert 1.31 < ratio.max() <= 4 / 3 + 1e-5
    assert 0.45 < (maps[:, 0, 0] < 0).float().mean() < 0.55


def test_fixed_crops_are_squares_of_one_size_at_any_place():
    images = torch.zeros(500, 1, 40, 30, dtype=torch.uint8)
    maps = augment._random_crops(images, 0.3, flip=False, generator=seeded(), fixed=True)
    side = (0.3 * 40 * 30) ** 0.5
    torch.testing.assert_close(maps[:, 0, 0], torch.full((500,), side / 30))
    torch.testing.assert_close(maps[:, 1, 1], torch.full((500,), side / 40))
    for axis, room in ((0, 1 - side / 30), (1, 1 - side / 40)):
        assert -room <= maps[:, axis, 2].min() < -0.98 * room
        assert 0.98 * room < maps[:, axis, 2].max() <= room


def test_a_crop_takes_its_part_of_the_image():
    images = smooth_images(1)
    top_left = torch.tensor([[[0.5, 0, -0.5], [0, 0.5, -0.5], [0, 0, 1]]])
    x = augment.warped(images, top_left, WHOLE, side=16)
    torch.testing.assert_close(x, images[:, :, :16, :16].float() / 255)


def test_a_flip_mirrors_left_and_right():
    images = smooth_images(64)
    # the smallest crop is the whole, so the flip is the only draw that shows
    x = Augmentation(32, min_crop=1, jitter=0, blur=False)(images, seeded()) * 255
    kept = (x - images).abs().amax(dim=(1, 2, 3)) < 0.01
    mirrored = (x - images.flip(3)).abs().amax(dim=(1, 2, 3)) < 0.01
    assert (kept ^ mirrored).all()
    assert 20 < mirrored.sum() < 44


def test_a_rotation_is_at_most_the_angle_asked_for():
    maps = augment._random_turns(500, 10.0, seeded())
    angles = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert 9.5 < angles.abs().max() <= 10
    assert angles.min() < -9
    torch.testing.assert_close(maps @ maps.mT, torch.eye(3).expand(500, 3, 3))


def test_sampling_agrees_with_the_affine_grid_of_torch():
    maps = augment._random_crops(torch.zeros(9, 1, 8, 8), 0.1, flip=True, generator=seeded())
    expected = functional.affine_grid(maps[:, :2], [9, 1, 12, 12], align_corners=False)
    torch.testing.assert_close(augment._grid(maps, 12), expected)


def test_pixels_from_outside_of_the_crop_are_black():
    white = torch.full((1, 1, 20, 20), 255, dtype=torch.uint8)
    middle = torch.diag(torch.tensor([0.5, 0.5, 1.0]))[None]  # the image goes on around it
    right = torch.tensor([[[1, 0, 0.5], [0, 1, 0], [0, 0, 1.0]]])
    x = augment.warped(white, middle, right, side=20)
    expected = torch.ones(1, 1, 20, 20)
    expected[..., 15:] = 0
    torch.testing.assert_close(x, expected)


# ------------------------------------------------------------------------------------ colours


def factor(level):
    return 0.9 * level / 10 + 0.05


def affine(image, *matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


IN_PIL = {
    "autocontrast": lambda x, v: ImageOps.autocontrast(x),
    "brightness": lambda x, v: ImageEnhance.Brightness(x).enhance(factor(v)),
    "colour": lambda x, v: ImageEnhance.Color(x).enhance(factor(v)),
    "contrast": lambda x, v: ImageEnhance.Contrast(x).enhance(factor(v)),
    "equalize": lambda x, v: ImageOps.equalize(x),
    "identity": lambda x, v: x,
    "posterize": lambda x, v: ImageOps.posterize(x, 4 * v // 10 + 4),
    "rotate": lambda x, v: x.rotate(30 * v // 10, Image.Resampling.BILINEAR),
    "sharpness": lambda x, v: ImageEnhance.Sharpness(x).enhance(factor(v)),
    "shear-x": lambda x, v: affine(x, 1, 0.03 * v, 0, 0, 1, 0),
    "shear-y": lambda x, v: affine(x, 1, 0, 0, 0.03 * v, 1, 0),
    "solarize": lambda x, v: ImageOps.solarize(x, 256 - 256 * v // 10),
    "translate-x": lambda x, v: affine(x, 1, 0, 0.03 * v * x.width, 0, 1, 0),
    "translate-y": lambda x, v: affine(x, 1, 0, 0, 0, 1, 0.03 * v * x.height),
}
MOVING = {"rotate", "shear-x", "shear-y", "translate-x", "translate-y"}


def by_pil(image, name, level):
    """Return one operation on one uint8 image, (channels, side, side), by PIL."""
    array = image.permute(1, 2, 0).squeeze(-1).numpy()
    result = np.asarray(IN_PIL[name](Image.fromarray(array), level))
    return torch.as_tensor(result.copy()).view(*image.shape[1:], -1).permute(2, 0, 1)


def by_mmbench(images, name, level):
    n = len(images)
    drawn, levels = torch.full((n,), OPERATIONS.index(name)), torch.full((n,), level)
    turned = augment.moves(drawn, levels, torch.ones(n))
    x = augment.warped(images, WHOLE.expand(n, -1, -1), turned, images.shape[-1])
    augment.recolour(x, drawn, levels)
    return x * 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [1, 4, 9])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_agrees_with_pil(name, level, channels):
    images = smooth_images(4, channels)
    ours = by_mmbench(images, name, level)
    theirs = torch.stack([by_pil(image, name, level) for image in images])
    difference = (ours - theirs).abs()
    if name in MOVING:
        # where the black begins, the two round a border pixel to different sides
        assert (difference > 2).float().mean() < 0.03
    else:
        assert difference.max() <= 1.5
    changed = (ours - images).abs().max() > 0.4
    nothing_to_do = name == "identity" or (name == "colour" and channels == 1)
    assert changed != nothing_to_do


@pytest.mark.parametrize("name", sorted(MOVING))
def test_the_sign_of_a_draw_reverses_a_geometric_operation(name):
    drawn, levels = torch.full((1,), OPERATIONS.index(name)), torch.full((1,), 5)
    there, back = (augment.moves(drawn, levels, torch.full((1,), s)) for s in (1.0, -1.0))
    torch.testing.assert_close(there @ back, WHOLE)
    assert not torch.equal(there, WHOLE)


def test_recolouring_touches_only_the_images_that_drew_an_operation():
    images = smooth_images(len(OPERATIONS)).float() / 255
    x = images.clone()
    augment.recolour(x, torch.arange(len(OPERATIONS)), torch.full((len(OPERATIONS),), 5))
    for place, name in enumerate(OPERATIONS):
        assert torch.equal(x[place], images[place]) == (name in MOVING or name == "identity")


def test_flat_and_tiny_images_pass_every_operation():
    for x in (torch.full((1, 3, 16, 16), 0.5), torch.rand(1, 1, 8, 8)):
        for place in range(len(OPERATIONS)):
            y = x.clone()
            augment.recolour(y, torch.tensor([place]), torch.tensor([9]))
            assert y.isfinite().all()
            assert 0 <= y.min() <= y.max() <= 1


def test_jitter_agrees_with_a_loop_over_images_and_changes_in_any_order():
    """Strengths so small that nothing leaves [0, 1]: there the two must be equal."""
    n, strength = 40, 0.2
    x = 0.4 + 0.2 * smooth_images(n).float() / 255
    fused = augment._jittered(x, strength, seeded())

    generator = seeded()  # the same draws again
    changes = 1 + 0.8 * strength * (2 * torch.rand(3, n, generator=generator) - 1)
    turns = 0.2 * strength * (2 * torch.rand(n, generator=generator) - 1)
    still = torch.rand(n, generator=generator) >= 0.8
    grey = torch.rand(n, generator=generator) < 0.2
    assert 0 < still.sum() < n / 2
    assert 0 < grey.sum() < n / 2
    for place in range(n):
        y = x[place]
        for step in torch.randperm(4).tolist() if not still[place] else []:
            amount = changes[step, place] if step < 3 else turns[place]
            y = one_change(y, step, amount)
        if grey[place]:
            y = brightness_of(y).expand(3, -1, -1)
        torch.testing.assert_close(fused[place], y, atol=2e-5, rtol=0)


def brightness_of(y):
    return (torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1) * y).sum(dim=0, keepdim=True)


def one_change(y, step, amount):
    if step == 0:
        return amount * y
    if step == 1:
        return amount * y + (1 - amount) * brightness_of(y).mean()
    if step == 2:
        return amount * y + (1 - amount) * brightness_of(y)
    return torch.einsum("ij,jhw->ihw", augment._hue_matrices(amount.view(1), 3)[0], y)


def test_a_rotation_of_the_hue_keeps_the_brightness_and_is_periodic():
    x = torch.rand(3, 50)
    matrices = augment._hue_matrices(torch.tensor([0.0, 0.1, 1.0]), 3)
    luma = torch.tensor([0.299, 0.587, 0.114])
    for matrix in matrices:
        torch.testing.assert_close(luma @ matrix @ x, luma @ x, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrices[0], torch.eye(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(matrices[2], torch.eye(3), atol=1e-5, rtol=0)
    # forwards, red becomes green, as in HSV
    red_turned = augment._hue_matrices(torch.tensor([1 / 3]), 3)[0] @ torch.eye(3)[0]
    assert red_turned.argmax() == 1


def test_a_blur_agrees_with_scipy_away_from_the_border():
    x = torch.rand(2, 3, 32, 32, generator=seeded(), dtype=torch.float64)
    ours = augment.blurred(x, torch.tensor([0.7, 1.5], dtype=torch.float64))
    for place, sigma in enumerate([0.7, 1.5]):
        theirs = gaussian_filter(x[place].numpy(), (0, sigma, sigma), truncate=6)
        np.testing.assert_allclose(ours[place, :, 10:-10, 10:-10], theirs[:, 10:-10, 10:-10])


def test_a_blur_keeps_a_flat_image_and_vanishes_with_its_width():
    sigma = torch.tensor([2.0])
    torch.testing.assert_close(
        augment.blurred(torch.full((1, 1, 9, 9), 0.3), sigma), torch.full((1, 1, 9, 9), 0.3)
    )
    x = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(augment.blurred(x, torch.tensor([0.01])), x)


def test_the_strong_augmentation_changes_more_than_the_weak_one():
    images = smooth_images(200)
    mild, severe = Augmentation(32, min_crop=1, jitter=0.5), strong(32, min_crop=1)
    moved_mild, moved_severe = (
        (f(images, seeded()) - images / 255).square().mean().item() for f in (mild, severe)
    )
    assert moved_severe > 1.5 * moved_mild


def test_half_of_five_operations_are_applied_on_average(monkeypatch):
    drawn = []
    recolour = augment.recolour
    monkeypatch.setattr(
        augment, "recolour", lambda x, d, v: (drawn.append((d, v)), recolour(x, d, v))
    )
    strong(16)(smooth_images(2000, side=16), seeded())
    assert len(drawn) == 5
    operations = torch.stack([d for d, _ in drawn])
    counts = torch.bincount(operations.flatten(), minlength=14) / operations.numel()
    identity = OPERATIONS.index("identity")
    # half are idle, and one of the fourteen is idle by itself
    assert counts[identity].item() == pytest.approx(0.5 + 0.5 / 14, abs=0.02)
    others = torch.cat([counts[:identity], counts[identity + 1 :]])
    torch.testing.assert_close(others, torch.full((13,), 0.5 / 14), atol=0.008, rtol=0)
    levels = torch.stack([v for _, v in drawn])
    assert levels.unique().tolist() == list(range(1, 10))
