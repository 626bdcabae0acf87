"""Losses, sizes and schedules of methods against numbers that their released code gave."""

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from releases import RELEASES, Release
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from mmbench.config import read_methods
from mmbench.data import Dataset, View
from mmbench.nn.images import image_batches
from mmbench.reporting.published import read_published

ROOT = Path(__file__).parents[2]
each_release = pytest.mark.parametrize("name", RELEASES)


def dataset(release: Release, n_samples: int, shapes: Sequence[tuple[int, ...]]) -> Dataset:
    """Return views of random pixels or features, with rows of these shapes."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (n_samples, *shape), dtype=np.uint8) for shape in shapes]
    arrays = [x if x.ndim > 2 else x / np.float32(255) for x in pixels]
    data = Dataset.paired(arrays, n_clusters=release.shape[1])
    if not release.mixed:
        return data
    turns = [np.arange(v, n_samples, len(shapes)) for v in range(len(shapes))]
    kept = zip(data.views, turns, strict=True)
    views = tuple(View(v.values[rows], rows, v.name, v.modality) for v, rows in kept)
    return replace(data, views=views)


def brief(method: Any, **changes: Any) -> Any:
    """Return the method with changes, and one epoch in each phase whose epochs are not given."""
    return replace(method, **dict.fromkeys(phases(method), 1) | changes)


def phases(method: Any) -> list[str]:
    """Return the names of the hyperparameters that count epochs."""
    return [f.name for f in fields(method) if f.name.endswith("epochs")]


def train(method: Any, data: Dataset) -> tuple[int, int]:
    """Return how many parameters got a gradient, and how many steps the optimisers took."""
    sizes: dict[Tensor, int] = {}
    steps = []

    def count(optimiser: torch.optim.Optimizer, *_: Any) -> None:
        steps.append(optimiser)
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        sizes.update({p: p.numel() for p in parameters if p.grad is not None})

    hook = register_optimizer_step_post_hook(count)
    try:
        method.fit_predict(data, seed=0)
    finally:
        hook.remove()
    return sum(sizes.values()), len(steps)


@each_release
def test_the_loss_is_that_of_the_released_code(name):
    release = RELEASES[name]
    with torch.no_grad():
        terms = [term.item() for term in release.compute()]
    assert terms == pytest.approx(release.terms, rel=1e-5)


@each_release
def test_the_network_has_as_many_parameters_as_that_of_the_released_code(name):
    release = RELEASES[name]
    _, n_clusters, shapes = release.shape
    data = dataset(release, n_clusters, shapes)
    parameters, _ = train(brief(release.method, **release.quick), data)
    assert parameters == release.parameters


@pytest.mark.parametrize("name", [name for name, release in RELEASES.items() if release.narrow])
def test_the_schedule_has_as_many_steps_as_that_of_the_released_code(name):
    """Counted are the steps of one more epoch in each phase."""
    release = RELEASES[name]
    n_samples, _, shapes = release.shape
    data = dataset(release, n_samples, [(2,)] * len(shapes))
    method = replace(release.method, **release.narrow)
    _, once = train(brief(method), data)
    steps = 0
    for phase in phases(method):
        _, twice = train(brief(method, **{phase: 2}), data)
        steps += getattr(method, phase) * (twice - once)
    assert steps == release.steps


@pytest.mark.parametrize("name", ["sacc", "cc"])
def test_images_are_trained_on_in_as_many_batches_as_by_the_released_code(name):
    release = RELEASES[name]
    pixels = torch.empty(release.shape[0], 1, 1, 1)
    rows = torch.arange(len(pixels))
    n_batches = len([*image_batches(pixels, rows, release.method.batch_size)])
    assert release.method.epochs * n_batches == release.steps
    method = brief(release.method, backbone="narrow", side=25, batch_size=10)
    assert train(method, dataset(release, 25, ((3, 25, 25),)))[1] == 2


def test_every_method_that_follows_released_code_is_compared_with_it():
    entries = read_methods([ROOT / "config/methods.yaml"]).values()
    assert {entry.uses for entry in entries if entry.fidelity == "reference"} <= set(RELEASES)


def test_the_table_of_sources_agrees_with_the_catalogue_and_with_what_is_compared():
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| entry \| fidelity \|.*\n(?:\|.*\n)+", text, flags=re.MULTILINE)
    lines = ([c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines()[2:])
    rows = {name.strip("`"): cells for name, *cells in lines}
    entries = read_methods([ROOT / "config/methods.yaml"])
    plain = {name: entry for name, entry in entries.items() if not entry.extends}
    assert {name: cells[0] for name, cells in rows.items()} == {
        name: entry.fidelity for name, entry in plain.items()
    }
    compared = {name: RELEASES[e.uses].code for name, e in plain.items() if e.uses in RELEASES}
    repositories = {name: re.findall(r"`([^`]+/[^`]+)`", cells[1]) for name, cells in rows.items()}
    assert {name: found for name, found in repositories.items() if found} == {
        name: [code.split()[0]] for name, code in compared.items()
    }
    printed = read_published(ROOT / "config/published.csv")
    assert {name for name, cells in rows.items() if cells[3] != "–"} == {
        row.entry for row in printed if row.verified == "yes" and row.data and row.entry
    }
