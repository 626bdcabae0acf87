"""What DEC, IDEC, DCN and IMSAT share: toy data in every setting they take, and refusals.

Each of them clusters one space of all samples: joined views, or modalities aligned by PCA.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from recording_log import RecordingLog
from sklearn.metrics import adjusted_rand_score

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.methods.dcn import DCN
from mmbench.methods.dec import DEC
from mmbench.methods.idec import IDEC
from mmbench.methods.imsat import IMSAT

AUTOENCODER = {
    "hidden": (32,),
    "n_latent": 8,
    "pretrain_epochs": 15,
    "epochs": 15,
    "batch_size": 30,
}
SELF_TRAINED = {**AUTOENCODER, "update_interval": 6, "tolerance": 0.0}


@dataclass(frozen=True)
class Case:
    quick: Any
    width: int  # of the embedding
    brief: dict[str, int]  # two epochs of each phase
    briefest: dict[str, int]  # two epochs of clustering alone


PHASES = {"pretrain_epochs": 2, "epochs": 2}, {"pretrain_epochs": 0, "epochs": 2}
CASES = {
    "dec": Case(DEC(**SELF_TRAINED), 8, *PHASES),
    "idec": Case(IDEC(**SELF_TRAINED), 8, *PHASES),
    "dcn": Case(DCN(**AUTOENCODER), 8, *PHASES),
    "imsat": Case(
        IMSAT(hidden=(64, 64), epochs=30, batch_size=45), 3, {"epochs": 2}, {"epochs": 2}
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def twin_modalities(n_samples=150):
    """Return three blobs; each sample has one of two modalities, which look the same."""
    rng = np.random.default_rng(0)
    y_true = rng.permutation(np.arange(n_samples) % 3)
    centres = np.array([[0.0, 0, 0, 0], [4, 0, 0, 0], [0, 2, 0, 0]])
    x = (centres[y_true] + 0.2 * rng.normal(size=(n_samples, 4))).astype(np.float32)
    rows = np.arange(n_samples)
    views = tuple(View(x[rows % 2 == i], rows[rows % 2 == i], f"m{i}", f"m{i}") for i in (0, 1))
    return Dataset(views, 3, n_samples), y_true


def test_separated_blobs_are_recovered(case, paired_blobs):
    data, y_true = paired_blobs
    log = RecordingLog()
    y_pred = case.quick.fit_predict(data, seed=0, log=log)
    assert adjusted_rand_score(y_true, y_pred) > 0.9
    last = max(log.by_epoch("loss"))
    assert np.array_equal(log.by_epoch("y_pred")[last], y_pred)
    assert log.by_epoch("embedding")[last].shape == (180, case.width)


def test_mixed_modal_samples_of_one_space_are_recovered(case):
    data, y_true = twin_modalities()
    assert adjusted_rand_score(y_true, case.quick.fit_predict(data, seed=0)) > 0.9


def test_images_are_taken_as_pixels(case, image_blobs):
    data, y_true = image_blobs
    assert adjusted_rand_score(y_true, case.quick.fit_predict(data, seed=0)) > 0.9


def test_blobs_are_recovered_under_bfloat16(case, paired_blobs):
    data, y_true = paired_blobs
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        y_pred = case.quick.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true, y_pred) > 0.9


@pytest.mark.parametrize("n_samples", [2, 3, 31])
def test_few_samples_and_a_short_last_batch_are_fine(case, n_samples):
    x = np.random.default_rng(0).normal(size=(n_samples, 4))
    data = Dataset.paired([x], n_clusters=2)
    y_pred = replace(case.quick, **case.briefest).fit_predict(data, seed=0)
    assert y_pred.shape == (n_samples,)
    assert set(y_pred) <= {0, 1}


def test_the_same_seed_gives_the_same_bits(case, paired_blobs):
    data, _ = paired_blobs
    logs = [RecordingLog(), RecordingLog()]
    brief = replace(case.quick, **case.brief)
    first, second = (brief.fit_predict(data, seed=3, log=log) for log in logs)
    assert np.array_equal(first, second)
    (one,), (other,) = (log.by_epoch("embedding").values() for log in logs)
    assert np.array_equal(one, other)


def test_samples_that_are_held_out_are_assigned(case, split_paired_blobs):
    data, y_true = split_paired_blobs
    held_out = np.setdiff1d(np.arange(180), data.fit_index)
    y_pred = case.quick.fit_predict(data, seed=0)
    assert adjusted_rand_score(y_true[held_out], y_pred[held_out]) > 0.9


def test_incomplete_views_are_refused(case, incomplete_blobs):
    data, _ = incomplete_blobs
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image describes"):
        case.quick.fit_predict(data, seed=0)
