"""Compare the speed of augmentations of whole batches with a pipeline of PIL for single images.

One batch is augmented three times (weak, weak, strong). The goals are to be at least as fast as the
PIL pipeline below (better twice as fast) and to take at most a fifth of a training step of
`sacc-small`. Times are processor times, so other work on the machine has little effect:

    OMP_NUM_THREADS=1 python perf/augment_speed.py
"""

import argparse
import math
import random
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor

from mmbench.methods.sacc import SACC, ContrastiveNetwork

SIDE = 32
BATCH = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    torch.manual_seed(0)
    random.seed(0)
    batch = images(BATCH)
    method = SACC(backbone="narrow", side=SIDE, batch_size=BATCH, weak_blur=False, jitter=0.5)
    weak, strong = method.augmentations().values()
    on_device = torch.as_tensor(batch)

    def batched() -> None:
        weak(on_device, None), weak(on_device, None), strong(on_device, None)

    def one_by_one() -> None:
        for augment in (weak_pil, weak_pil, strong_pil):
            torch.stack([augment(Image.fromarray(x.transpose(1, 2, 0))) for x in batch])

    network = ContrastiveNetwork("narrow", 3, SIDE, n_clusters=10).train()

    optimiser = torch.optim.Adam(network.parameters(), lr=3e-4, fused=True)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
            loss, *_ = method.losses(network, on_device)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    # in turns, so that other work on the machine slows all of them alike
    seconds = best_of_turns([batched, one_by_one, step], repeats)
    names = ("batched", "PIL one by one", "training step in bfloat16, augmentation included")
    for name, taken in zip(names, seconds, strict=True):
        print(f"{1000 * taken:8.1f} ms  {name}")
    print(f"{seconds[1] / seconds[0]:8.2f} x   as fast as PIL (goal 1, better 2)")
    print(f"{100 * seconds[0] / seconds[2]:8.1f} %   of a training step (goal 20)")


def best_of_turns(functions: list[Callable[[], None]], repeats: int) -> list[float]:
    """Return the least processor seconds of each of several functions, called in turns."""
    best = [math.inf] * len(functions)
    for _ in range(repeats):
        for place, function in enumerate(functions):
            begins = time.process_time()
            function()
            best[place] = min(best[place], time.process_time() - begins)
    return best


def images(n: int) -> np.ndarray:
    """Return smooth random images in colour, (n, 3, side, side) uint8."""
    coarse = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic")
    return (smooth.clamp(0, 1) * 255).byte().numpy()


# --------------------------------------------------------------------- the pipeline of PIL


def weak_pil(image: Image.Image) -> Tensor:
    """Crop, flip, jitter and grey, as torchvision's transforms do for images of PIL."""
    return to_tensor(to_grey(jitter(flip(crop(image)), 0.4, 0.1)))


def strong_pil(image: Image.Image) -> Tensor:
    """Crop, jitter, grey, blur, flip, five operations of 14, ImageNet's mean and deviation."""
    image = to_grey(jitter(crop(image), 0.4, 0.1))
    if random.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2)))
    image = flip(image)
    for operation in random.choices(OPERATIONS, k=5):
        level = random.randint(1, 9)
        if random.random() < 0.5:
            image = operation(image, level)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (to_tensor(image) - mean[:, None, None]) / std[:, None, None]


def to_tensor(image: Image.Image) -> Tensor:
    array = torch.from_numpy(np.array(image))
    return array.permute(2, 0, 1).contiguous().float().div(255)


def crop(image: Image.Image) -> Image.Image:
    width, height = image.size
    box = (0, 0, width, height)
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            box = (left, top, left + w, top + h)
            break
    return image.crop(box).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def flip(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image) if random.random() < 0.5 else image


def jitter(image: Image.Image, strength: float, hue: float) -> Image.Image:
    if random.random() >= 0.8:
        return image
    for change in random.sample(range(4), 4):
        factor = random.uniform(1 - strength, 1 + strength)
        if change == 0:
            image = ImageEnhance.Brightness(image).enhance(factor)
        elif change == 1:
            image = ImageEnhance.Contrast(image).enhance(factor)
        elif change == 2:
            image = ImageEnhance.Color(image).enhance(factor)
        else:
            h, s, v = image.convert("HSV").split()
            turned = np.array(h) + np.uint8(round(random.uniform(-hue, hue) * 255) % 256)
            image = Image.merge("HSV", (Image.fromarray(turned), s, v)).convert("RGB")
    return image


def to_grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB") if random.random() < 0.2 else image


def factor(level: int) -> float:
    return 0.9 * level / 10 + 0.05


def sign() -> int:
    return random.choice((-1, 1))


def affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


OPERATIONS: list[Callable[[Image.Image, int], Image.Image]] = [
    lambda x, v: ImageOps.autocontrast(x),
    lambda x, v: ImageEnhance.Brightness(x).enhance(factor(v)),
    lambda x, v: ImageEnhance.Color(x).enhance(factor(v)),
    lambda x, v: ImageEnhance.Contrast(x).enhance(factor(v)),
    lambda x, v: ImageOps.equalize(x),
    lambda x, v: x,
    lambda x, v: ImageOps.posterize(x, 4 * v // 10 + 4),
    lambda x, v: x.rotate(sign() * (30 * v // 10)),
    lambda x, v: ImageEnhance.Sharpness(x).enhance(factor(v)),
    lambda x, v: affine(x, 1, sign() * 0.3 * v / 10, 0, 0, 1, 0),
    lambda x, v: affine(x, 1, 0, 0, sign() * 0.3 * v / 10, 1, 0),
    lambda x, v: ImageOps.solarize(x, 256 - 256 * v // 10),
    lambda x, v: affine(x, 1, 0, sign() * 0.3 * v / 10 * SIDE, 0, 1, 0),
    lambda x, v: affine(x, 1, 0, 0, 0, 1, sign() * 0.3 * v / 10 * SIDE),
]


if __name__ == "__main__":
    main()
