"""Random augmentations of whole batches of images, on the device of the images.

Every image is drawn for separately. Geometric operations (crop, flip, rotation, shear,
translation) are composed into one affine map per image, which is sampled once, and linear
changes of colour (brightness, contrast, saturation, hue, grey) into one matrix per image. The
other operations are applied one by one, each to the images that drew it.

Draws are made on the CPU, from a given generator or the global one, so that a seed gives the
same images on every device. Saturation and hue leave grey images unchanged.

Source: the weak augmentation is that of Contrastive Clustering (Li et al., AAAI 2021), after
SimCLR (Chen et al., ICML 2020, appendix A); the strong one that of SACC (Deng et al.,
arXiv:2206.00380), with the operations and strengths of RandAugment as FixMatch has them.
Departures from their pipelines of PIL and torchvision, which round to bytes at every step:
pixels are sampled once and bilinearly, not nearest; the strong augmentation applies its
geometric operations before its colours, whatever order they were drawn in; colours are clipped
to [0, 1] after the whole jitter, not after each part, so that the order of its parts does not
matter; hue rotates the chrominance of YIQ, not the angle of HSV; a blur is an exact Gaussian
that weighs only pixels inside, and its width is proportional to the side, as given for 224 px.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

# weights of red, green and blue in the brightness (ITU-R 601)
_LUMA = (0.299, 0.587, 0.114)
_RGB_TO_YIQ = (_LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

_ZERO = torch.zeros(())

# range of the standard deviation of a blur at this side
_BLUR_SIDE = 224
_BLUR_SIGMA = (0.1, 2.0)


@dataclass(frozen=True)
class Augmentation:
    """Crop, flip, colour jitter, grey and blur, and optionally operations of `OPERATIONS`.

    Attributes:
        side: of the result, in pixels.
        min_crop: smallest share of an image's area that a crop keeps; the largest is 1.
        flip: mirror half of the images from left to right.
        rotation: largest angle in degrees.
        jitter: strength s of the colour jitter: brightness, contrast and saturation of four in
            five images change by a factor in 1 ± 0.8 s, and hue by up to 0.2 s of a turn; one
            in five becomes grey. 0 leaves all colours unchanged.
        blur: blur half of the images.
        operations: how many are drawn for each image, with replacement and at one of nine
            levels each; each is applied with probability one half.
        fixed_crop: every crop is a square with the share `min_crop` of the area.
    """

    side: int
    min_crop: float = 0.08
    flip: bool = True
    rotation: float = 0.0
    jitter: float = 1.0
    blur: bool = True
    operations: int = 0
    fixed_crop: bool = False

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        """Return augmented images, (n, channels, side, side) float32 in [0, 1].

        Args:
            images: (n, channels, height, width) uint8.
            generator: on the CPU; by default the global one.
        """
        n = len(images)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            crops = (self.min_crop, self.flip, generator, self.fixed_crop)
            to_source = _random_crops(images, *crops)
            to_crop = _random_turns(n, self.rotation, generator)
            operations = list(_random_operations(n, self.operations, generator))
            for drawn, levels, signs in operations:
                to_crop = to_crop @ moves(drawn, levels, signs)
            x = warped(images, to_source, to_crop, self.side)
            if self.jitter:
                x = _jittered(x, self.jitter, generator)
            if self.blur:
                x = _randomly_blurred(x, generator)
            for drawn, levels, _ in operations:
                recolour(x, drawn, levels)
            return x


def imagenet_normalized(x: Tensor) -> Tensor:
    """Return images less the mean colour of ImageNet, divided by its standard deviation.

    Args:
        x: (n, channels, height, width) in [0, 1]; other than three channels are normalised by
            the averages over the colours.
    """
    mean, std = x.new_tensor(_IMAGENET_MEAN), x.new_tensor(_IMAGENET_STD)
    if x.shape[1] != 3:
        mean, std = mean.mean(), std.mean()
    return (x - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)


def edges(x: Tensor) -> Tensor:
    """Return the horizontal and the vertical Sobel gradient of the brightness of images.

    From (n, channels, height, width) to (n, 2, height, width), with a border of zeros.
    """
    kernel = x.new_tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    return functional.conv2d(_grey(x), torch.stack([kernel, kernel.T])[:, None], padding=1)


# ---------------------------------------------------------------------------------- geometry
# Maps are (n, 3, 3), from the position of a pixel in the result to its position in the source,
# in homogeneous coordinates in which the frame is [-1, 1] x [-1, 1] and y points down.


def warped(images: Tensor, to_source: Tensor, to_crop: Tensor, side: int) -> Tensor:
    """Return images sampled bilinearly, (n, channels, side, side) float32 in [0, 1].

    Args:
        images: (n, channels, height, width) uint8.
        to_source: (n, 3, 3), from the frame of the crop to that of the image.
        to_crop: (n, 3, 3), from the frame of the result to that of the crop. Pixels outside the
            crop are black.
        side: of the result, in pixels.
    """
    device = images.device
    grid = _grid((to_source @ to_crop).to(device), side)
    x = functional.grid_sample(
        images.float() / 255, grid, padding_mode="border", align_corners=False
    )
    moved = (to_crop != torch.eye(3)).any(dim=2).any(dim=1)
    if moved.any():
        rows = moved.nonzero().squeeze(1)
        in_crop = _grid(to_crop[rows].to(device), side)
        inside = (in_crop.abs() <= 1).all(dim=-1)
        x[rows.to(device)] *= inside[:, None]
    return x


def moves(drawn: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    """Return (n, 3, 3) maps of one operation per image, the identity if it is not geometric.

    Args:
        drawn: (n,) indices into `OPERATIONS`.
        levels: (n,) in 1..9.
        signs: (n,) 1 or -1, the direction.
    """
    amount = {
        name: torch.where(drawn == OPERATIONS.index(name), signs * unit * levels / 10, 0.0)
        for name, unit in _GEOMETRIC.items()
    }
    angle = torch.deg2rad(amount["rotate"].trunc())
    right, down = amount["translate-x"], amount["translate-y"]
    # at most one of the five differs from zero; PIL shears about the top left corner, (-1, -1)
    return _maps(
        [angle.cos(), amount["shear-x"] - angle.sin(), amount["shear-x"] + right],
        [amount["shear-y"] + angle.sin(), angle.cos(), amount["shear-y"] + down],
    )


def _random_operations(
    n: int, count: int, generator: Generator | None
) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """Return what `moves` takes, for each of `count` operations that follow each other."""
    if not count:
        return ()
    drawn = torch.randint(len(OPERATIONS), (n, count), generator=generator)
    idle = torch.rand(n, count, generator=generator) < 0.5
    drawn[idle] = OPERATIONS.index("identity")
    levels = torch.randint(1, 10, (n, count), generator=generator)
    signs = 2.0 * torch.randint(2, (n, count), generator=generator) - 1
    return zip(drawn.T, levels.T, signs.T, strict=True)


def _random_crops(
    images: Tensor, min_crop: float, flip: bool, generator: Generator | None, fixed: bool = False
) -> Tensor:
    """Return maps from a random crop, of aspect ratio 3:4 to 4:3, to its image.

    The crop is the first of ten draws that fits, or else the largest crop of such a ratio. A
    `fixed` one is a square of area `min_crop`, of which only the place is random.
    """
    n, _, height, width = images.shape
    spread = 0.0 if fixed else 1.0
    area = min_crop + spread * (1 - min_crop) * torch.rand(n, 10, generator=generator)
    log_ratio = spread * math.log(4 / 3) * (2 * torch.rand(n, 10, generator=generator) - 1)
    ratio = log_ratio.exp()
    wide = (area * ratio * height / width).sqrt()  # as a share of the image's width
    high = (area / ratio * width / height).sqrt()
    fits = (wide <= 1) & (high <= 1)
    first = fits.int().argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    wide = torch.where(found, wide.gather(1, first).squeeze(1), min(1, 4 / 3 * height / width))
    high = torch.where(found, high.gather(1, first).squeeze(1), min(1, 4 / 3 * width / height))
    x, y = (2 * torch.rand(2, n, generator=generator) - 1) * torch.stack([1 - wide, 1 - high])
    if flip:
        wide = torch.where(torch.rand(n, generator=generator) < 0.5, -wide, wide)
    return _maps([wide, _ZERO, x], [_ZERO, high, y])


def _random_turns(n: int, degrees: float, generator: Generator | None) -> Tensor:
    """Return rotations by random angles of at most so many degrees."""
    if degrees == 0:
        return torch.eye(3).repeat(n, 1, 1)
    angle = math.radians(degrees) * (2 * torch.rand(n, generator=generator) - 1)
    return _maps([angle.cos(), -angle.sin(), _ZERO], [angle.sin(), angle.cos(), _ZERO])


def _maps(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Return (n, 3, 3) maps from the entries, (n,) each or scalars, of their first two rows."""
    entries = torch.broadcast_tensors(*first, *second, _ZERO, _ZERO, torch.ones(()))
    return torch.stack(entries, dim=1).view(-1, 3, 3)


def _grid(maps: Tensor, side: int) -> Tensor:
    """Return (n, side, side, 2), the source position of each pixel of the result.

    Equals `affine_grid`, which takes longer than sampling the images.
    """
    places = (2 * torch.arange(side, device=maps.device) + 1) / side - 1
    x_part = maps[:, None, :2, 0] * places[:, None]  # (n, side, 2)
    y_part = maps[:, None, :2, 1] * places[:, None] + maps[:, None, :2, 2]
    return x_part[:, None] + y_part[:, :, None]


# ----------------------------------------------------------------------------------- colours


def _jittered(x: Tensor, strength: float, generator: Generator | None) -> Tensor:
    """Return images in [0, 1] with jittered colours, some of them grey.

    All changes are linear in the colours, and contrast also in the mean brightness, so each
    image has one matrix and one shift. The changes commute, since saturation and hue leave the
    brightness unchanged; their order would only matter with clipping between them.

    Args:
        x: (n, channels, height, width) in [0, 1].
        strength: s of `Augmentation.jitter`.
        generator: of the draws.
    """
    n, channels = x.shape[:2]
    changes = 1 + 0.8 * strength * (2 * torch.rand(3, n, generator=generator) - 1)
    turns = 0.2 * strength * (2 * torch.rand(n, generator=generator) - 1)
    still = torch.rand(n, generator=generator) >= 0.8
    grey = torch.rand(n, generator=generator) < 0.2

    # matrices are made on the CPU, where many small products are faster
    luma = _luma(channels)
    to_grey = luma.expand(channels, channels)  # maps every channel to the brightness
    mean = x.mean(dim=(2, 3)).cpu()
    brightness, contrast, saturation = changes.clamp_min(0)[..., None, None]
    saturate = saturation * torch.eye(channels) + (1 - saturation) * to_grey
    matrix = brightness * contrast * saturate @ _hue_matrices(turns, channels)
    # contrast scales the distance from the mean brightness, which the shift restores
    shift = brightness * (1 - contrast) * (mean @ luma).view(n, 1, 1).expand(n, channels, 1)
    matrix[still], shift = torch.eye(channels), shift.masked_fill(still.view(n, 1, 1), 0.0)
    matrix[grey] = to_grey @ matrix[grey]  # the shift is already grey
    recoloured = torch.baddbmm(shift.to(x.device), matrix.to(x.device), x.flatten(2))
    return recoloured.clamp_(0, 1).view_as(x)


def _luma(channels: int) -> Tensor:
    """Return (channels,), the weights of the channels in the brightness, which sum to 1."""
    return torch.tensor(_LUMA) if channels == 3 else torch.full((channels,), 1 / channels)


def _hue_matrices(turns: Tensor, channels: int) -> Tensor:
    """Return (n, channels, channels), which rotate the hue by (n,) fractions of a circle."""
    if channels != 3:
        return torch.eye(channels).repeat(len(turns), 1, 1)
    to_yiq = torch.tensor(_RGB_TO_YIQ)
    cos, sin = (2 * math.pi * turns).cos(), (2 * math.pi * turns).sin()
    turned = torch.zeros(len(turns), 3, 3)
    turned[:, 0, 0] = 1
    turned[:, 1, 1], turned[:, 1, 2] = cos, sin
    turned[:, 2, 1], turned[:, 2, 2] = -sin, cos
    return to_yiq.inverse() @ turned @ to_yiq


def _randomly_blurred(x: Tensor, generator: Generator | None) -> Tensor:
    """Blur half of the images in place, each by a random width; return all images."""
    low, high = _BLUR_SIGMA
    sigma = low + (high - low) * torch.rand(len(x), generator=generator)
    rows = (torch.rand(len(x), generator=generator) < 0.5).nonzero().squeeze(1)
    sigma = (sigma[rows] * x.shape[-1] / _BLUR_SIDE).to(x.device)
    rows = rows.to(x.device)
    x[rows] = blurred(x[rows], sigma)
    return x


def blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Return images blurred by a Gaussian that weighs only pixels inside.

    The blur is a product with one matrix for rows and columns, since images are small and each
    has a width of its own.

    Args:
        x: (n, channels, side, side).
        sigma: (n,), the standard deviations in pixels, positive.
    """
    place = torch.arange(x.shape[-1], device=x.device)
    distance = (place[:, None] - place) / sigma[:, None, None]
    weights = (-(distance**2) / 2).softmax(dim=-1)[:, None]  # (n, 1, side, side)
    return weights @ x @ weights.mT


def recolour(x: Tensor, drawn: Tensor, levels: Tensor) -> None:
    """Apply to each image the colour operation that it drew, if any, in place.

    Args:
        x: (n, channels, height, width) in [0, 1], also afterwards.
        drawn: (n,) indices into `OPERATIONS`, on the CPU.
        levels: (n,) in 1..9, on the CPU.
    """
    for name, operation in _COLOUR.items():
        rows = (drawn == OPERATIONS.index(name)).nonzero().squeeze(1)
        if len(rows):
            level = levels[rows].to(x.device)
            rows = rows.to(x.device)
            x[rows] = operation(x[rows], level.view(-1, 1, 1, 1))


def _autocontrast(x: Tensor, level: Tensor) -> Tensor:
    """Stretch each channel that is not constant to the range [0, 1]."""
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    width = high - low
    return torch.where(width > 0, (x - low) / width.clamp_min(1e-6), x)


def _sharpness(x: Tensor, level: Tensor) -> Tensor:
    """Blend with a mean of 3 x 3 pixels in which the centre has five times the weight."""
    smooth = x.clone()
    nine = functional.avg_pool2d(x, 3, stride=1) * 9
    smooth[..., 1:-1, 1:-1] = (nine + 4 * x[..., 1:-1, 1:-1]) / 13  # borders are unchanged
    return _blend(smooth, x, level)


def _equalize(x: Tensor, level: Tensor) -> Tensor:
    """Equalise the histogram of byte values of each channel."""
    n, channels = x.shape[:2]
    bytes_ = _bytes(x).flatten(2).view(n * channels, -1)
    rows = torch.arange(n * channels, device=x.device)[:, None]
    counts = torch.bincount((256 * rows + bytes_).flatten(), minlength=256 * n * channels)
    counts = counts.view(-1, 256)
    brightest = counts.gather(1, bytes_.amax(dim=1, keepdim=True))
    step = (bytes_.shape[1] - brightest) // 255
    darker = counts.cumsum(dim=1) - counts
    table = ((step // 2 + darker) // step.clamp_min(1)).clamp(max=255)
    # channels with too few pixels below the brightest are unchanged
    table = torch.where(step > 0, table, torch.arange(256, device=x.device))
    return (table.gather(1, bytes_) / 255).view_as(x)


def _posterize(x: Tensor, level: Tensor) -> Tensor:
    """Keep the highest bits of each byte, from 4 at level 1 to 7 at level 9."""
    lowest = 2 ** (4 - 4 * level // 10)
    return (_bytes(x) // lowest * lowest) / 255


def _solarize(x: Tensor, level: Tensor) -> Tensor:
    """Invert values at or above a threshold."""
    threshold = (256 - 256 * level // 10) / 255
    return torch.where(x < threshold - 0.5 / 255, x, 1 - x)


def _factor(level: Tensor) -> Tensor:
    """Return the weight of the image in a blend, from 0.14 at level 1 to 0.86 at level 9."""
    return 0.05 + 0.9 * level / 10


def _blend(plain: Tensor, x: Tensor, level: Tensor) -> Tensor:
    return torch.lerp(plain.expand_as(x), x, _factor(level))


def _grey(x: Tensor) -> Tensor:
    """Return the brightness, (n, 1, height, width)."""
    return (x * _luma(x.shape[1]).to(x.device).view(-1, 1, 1)).sum(dim=1, keepdim=True)


def _bytes(x: Tensor) -> Tensor:
    return (x * 255).round().long()


# -------------------------------------------------------------------------------- operations

_COLOUR: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": _autocontrast,
    "brightness": lambda x, level: _factor(level) * x,
    "colour": lambda x, level: _blend(_grey(x), x, level),
    "contrast": lambda x, level: _blend(_grey(x).mean(dim=(2, 3), keepdim=True), x, level),
    "equalize": _equalize,
    "posterize": _posterize,
    "sharpness": _sharpness,
    "solarize": _solarize,
}

# the largest amounts: degrees, of which whole ones are taken, counter-clockwise; the shift of a
# side relative to the distance from the other; units of half a side
_GEOMETRIC = {
    "rotate": 30.0,
    "shear-x": 0.3,
    "shear-y": 0.3,
    "translate-x": 0.6,
    "translate-y": 0.6,
}

# in the order of their drawn numbers
OPERATIONS = tuple(sorted([*_COLOUR, *_GEOMETRIC, "identity"]))
