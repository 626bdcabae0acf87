"""What every method of the package promises, whatever it does inside.

A method that trains for minutes with its defaults gets small settings in `QUICK`.
"""

import hashlib
import importlib
import random
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.errors import InputError
from mmbench.methods import build, load, shipped, silent

# settings that make a method end within a second or two; quality does not matter here
QUICK = {
    "ae_kmeans": {"hidden": (32,), "n_latent": 8, "epochs": 2, "batch_size": 32},
    "cc": {"backbone": "narrow", "side": 32, "epochs": 1, "batch_size": 30},
    "cmmc": {
        "hidden": (32,),
        "n_latent": 8,
        "n_high_level": 8,
        "pretrain_epochs": 2,
        "joint_epochs": 2,
        "finetune_epochs": 2,
        "batch_size": 32,
    },
    "completer": {
        "hidden": (32,),
        "n_latent": 8,
        "predictor_hidden": (8, 8),
        "epochs": 2,
        "prediction_start": 1,
        "batch_size": 32,
    },
    "comvc": {"hidden": (32,), "n_latent": 8, "n_hidden": 8, "epochs": 2},
    "conv_ae_kmeans": {"widths": (4, 8, 8), "epochs": 2, "batch_size": 32},
    "dcca_kmeans": {"hidden": (32,), "n_components": 3, "epochs": 2, "batch_size": 60},
    "dcn": {
        "hidden": (32,),
        "n_latent": 8,
        "pretrain_epochs": 2,
        "epochs": 3,
        "batch_size": 32,
    },
    "dec": {
        "hidden": (32,),
        "n_latent": 8,
        "pretrain_epochs": 2,
        "epochs": 3,
        "batch_size": 32,
        "update_interval": 2,
    },
    "dm2c": {
        "widths": (32, 16, 8),
        "mapping_widths": (8, 8),
        "pretrain_epochs": 2,
        "joint_epochs": 2,
        "batch_size": 32,
    },
    "dmim": {"hidden": (32,), "epochs": 2, "min_steps": 4, "batch_size": 32},
    "gw_kmeans": {"n_starts": 5},
    "idec": {
        "hidden": (32,),
        "n_latent": 8,
        "pretrain_epochs": 2,
        "epochs": 3,
        "batch_size": 32,
        "update_interval": 2,
    },
    "iic": {"backbone": "narrow", "epochs": 1, "batch_size": 60, "heads": 1},
    "imsat": {"hidden": (32, 32), "epochs": 2, "batch_size": 32},
    "infoddc": {"hidden": (32,), "n_latent": 8, "n_hidden": 8, "pretrain_epochs": 1, "epochs": 2},
    "joint_space": {
        "widths": (32, 16, 8),
        "pretrain_epochs": 2,
        "joint_epochs": 2,
        "batch_size": 32,
    },
    "mv_iic": {"hidden": (32,), "n_latent": 8, "n_overclusters": 10, "epochs": 2},
    "sacc": {"backbone": "narrow", "side": 32, "epochs": 1, "batch_size": 30},
    "simvc": {"hidden": (32,), "n_latent": 8, "n_hidden": 8, "epochs": 2},
}
SECONDS = 30  # for one fit, on a busy machine

SETTINGS = [
    "paired_blobs",
    "three_view_blobs",
    "one_view_blobs",
    "mixed_blobs",
    "incomplete_blobs",
    "image_blobs",
    "split_paired_blobs",
    "split_mixed_blobs",
    "split_image_blobs",
]
WITHOUT_TORCH = [
    "majority",
    "random",
    "kmeans_view",
    "kmeans_concat",
    "spectral_concat",
    "cca_kmeans",
    "coreg_spectral",
    "snf",
    "nmf_concat",
    "gmm_concat",
    "late_fusion",
    "kmeans_per_modality",
]

every_method = pytest.mark.parametrize("name", shipped())
every_setting = pytest.mark.parametrize("data_setting", SETTINGS)


@pytest.fixture
def data(request, data_setting):
    return request.getfixturevalue(data_setting)[0]


@every_method
@every_setting
def test_data_are_clustered_or_refused_and_left_as_they_were(name, data):
    before = digest(data)
    with refusal_allowed():
        y_pred = fitted(name, data, log=CheckingLog(data))
        assert_valid(y_pred, data)
    assert digest(data) == before


@every_method
@every_setting
def test_the_seed_alone_decides(name, data):
    with refusal_allowed():
        first, again = (fitted_after(state, name, data) for state in (1, 2))
        np.testing.assert_array_equal(first, again)


@every_method
@every_setting
def test_one_cluster_can_be_asked_for(name, data):
    data = replace(data, n_clusters=1)
    with refusal_allowed():
        np.testing.assert_array_equal(fitted(name, data), 0)


@every_method
@every_setting
def test_as_many_clusters_as_samples_can_be_asked_for(name, data):
    data = first_samples(data, 8)
    with refusal_allowed():
        assert_valid(fitted(name, data), data)


@every_method
@pytest.mark.parametrize("data_setting", [s for s in SETTINGS if s.startswith("split")])
def test_held_out_samples_teach_nothing(name, data):
    with refusal_allowed():
        y_pred = fitted(name, data)
        y_again = fitted(name, with_other_held_out_values(data))
        np.testing.assert_array_equal(y_pred[data.fit_index], y_again[data.fit_index])


@pytest.mark.parametrize("name", [n for n in shipped() if n != "imported"])  # it never trains
def test_some_setting_is_accepted(name, request):
    for data_setting in SETTINGS:
        data, _ = request.getfixturevalue(data_setting)
        try:
            fitted(name, data)
        except IncompatibleDataError:
            continue
        return
    pytest.fail(f"{name} refuses every setting")


@every_method
def test_hyperparameters_are_frozen_have_defaults_and_no_unknown_names(name):
    method = load(name)()
    with pytest.raises(InputError, match="unknown key 'no_such_parameter'"):
        build(name, {"no_such_parameter": 1})
    with pytest.raises(FrozenInstanceError):
        setattr(method, next((f.name for f in fields(method)), "anything"), None)


@every_method
def test_the_module_says_its_source_and_its_departures(name):
    about = importlib.import_module(f"mmbench.methods.{name}").__doc__
    assert "\nSource: " in about
    assert "\nDepartures: " in about


def test_classical_methods_do_not_import_torch():
    imports = "; ".join(f"import mmbench.methods.{name}" for name in WITHOUT_TORCH)
    told = "import sys; print([m for m in ('torch', 'lightning') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}; {told}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def fitted(name, data, *, seed=0, log=silent):
    """Return the assignments; a warning or a fit that takes too long is a failure."""
    method = build(name, QUICK.get(name, {}))
    with time_limit(name), warnings.catch_warnings():
        warnings.simplefilter("error")
        return method.fit_predict(data, seed=seed, device="cpu", log=log)


def fitted_after(state, name, data):
    """Return the assignments for seed 7, with the global generators left in some state."""
    random.seed(state)
    np.random.seed(state)  # noqa: NPY002 - it is the global state that must not matter
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(state)
    return fitted(name, data, seed=7)


@contextmanager
def time_limit(name):
    def too_slow(*_):
        pytest.fail(f"{name} trains for more than {SECONDS} s: give it small settings in QUICK")

    previous = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def refusal_allowed():
    """Let a refusal pass that names what cannot be done and says why, in one line."""
    try:
        yield
    except IncompatibleDataError as refusal:
        subject, _, reason = str(refusal).partition(": ")
        assert subject
        assert reason
        assert "\n" not in reason


def assert_valid(y_pred, data):
    assert isinstance(y_pred, np.ndarray)
    assert y_pred.shape == (data.n_samples,)
    assert np.issubdtype(y_pred.dtype, np.integer)
    assert y_pred.min() >= 0
    assert y_pred.max() < data.n_clusters


def digest(data):
    """Return a hash of every array of the data set."""
    arrays = [data.fit_index]
    for view in data.views:
        arrays += [view.values, view.sample_index]
    return [
        hashlib.sha256(a.tobytes() + str((a.shape, a.dtype)).encode()).hexdigest() for a in arrays
    ]


def first_samples(data, n):
    """Return the first n samples, each to be a cluster of its own."""
    views = []
    for view in data.views:
        rows = np.flatnonzero(view.sample_index < n)
        views.append(View(view.values[rows], view.sample_index[rows], view.name, view.modality))
    fit_index = data.fit_index[data.fit_index < n]
    return Dataset(tuple(views), n, n, data.name, fit_index)


def with_other_held_out_values(data):
    """Return the data with the values of held-out samples turned upside down."""
    views = []
    for view in data.views:
        values = view.values.copy()
        held_out = ~np.isin(view.sample_index, data.fit_index)
        values[held_out] = (255 if view.is_image else 1) - values[held_out]
        views.append(View(values, view.sample_index, view.name, view.modality))
    return replace(data, views=tuple(views))


class CheckingLog:
    """A log that checks what it is handed."""

    def __init__(self, data):
        self.data = data
        self.epoch = 0

    def __call__(
        self, epoch, *, loss=None, y_pred=None, embedding=None, view_assignments=None, **terms
    ):
        n_samples = self.data.n_samples
        assert epoch >= self.epoch, "epochs must not decrease"
        self.epoch = epoch
        for name, value in {"loss": 0.0 if loss is None else loss, **terms}.items():
            assert np.isfinite(value), f"{name} is not finite"
        if y_pred is not None:
            assert_valid(np.asarray(y_pred), self.data)
        if embedding is not None:
            shape = np.shape(embedding)
            assert len(shape) == 2
            assert shape[0] == n_samples
        for view in self.data.views if view_assignments is not None else ():
            part = np.asarray(view_assignments[view.name])
            assert part.shape == (n_samples,)
            described = np.isin(np.arange(n_samples), view.sample_index)
            assert (part[~described] == -1).all()
            assert (part[described] >= 0).all()
            assert part.max() < self.data.n_clusters
