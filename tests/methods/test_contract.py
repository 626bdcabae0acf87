"""The contract of every method in the package, and of the method that the README shows.

Which data a method takes stands in the table of docs/methods.md. A method without a row there
may refuse any data, but not all.

A method that trains for minutes with its defaults gets small parameters in `QUICK`.
"""

import hashlib
import importlib
import random
import re
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pytest
from recording_log import RecordingLog

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.errors import InputError
from mmbench.methods import build, load, shipped, silent

# parameters with which a method ends within a second or two; quality does not matter here
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
    "dmim": {"epochs": 2},
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
    "mib_clustering": {"hidden": (32,), "epochs": 2, "min_steps": 4, "batch_size": 32},
    "mv_iic": {"hidden": (32,), "n_latent": 8, "n_overclusters": 10, "epochs": 2},
    "sacc": {"backbone": "narrow", "side": 32, "epochs": 1, "batch_size": 30},
    "simvc": {"hidden": (32,), "n_latent": 8, "n_hidden": 8, "epochs": 2},
}
SECONDS = 30  # for one fit, on a busy machine

# the fixture of each kind of data, by the columns of docs/methods.md that grant it
KINDS = {
    "one_view_blobs": {"one view"},
    "paired_blobs": {"two views"},
    "three_view_blobs": {"three views"},
    "mixed_blobs": {"mixed"},
    "incomplete_blobs": {"incomplete"},
    "image_blobs": {"images"},
    "split_paired_blobs": {"two views", "held out"},
    "split_mixed_blobs": {"mixed", "held out"},
    "split_incomplete_blobs": {"incomplete", "held out"},
    "split_image_blobs": {"images", "held out"},
}
SPLIT = [kind for kind, columns in KINDS.items() if "held out" in columns]
WITHOUT_TORCH = [
    "majority",
    "random",
    "imported",
    "kmeans_view",
    "kmeans_concat",
    "spectral_concat",
    "cca_kmeans",
    "coreg_spectral",
    "snf",
    "nmf_concat",
    "gmm_concat",
    "late_fusion",
    "kmeans_rotated",
    "kmeans_per_modality",
]
ROOT = Path(__file__).parents[2]
README = "the method of the README"


def accepted_columns():
    """Return the columns that say yes for each method, from the table of docs/methods.md."""
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| module \|.*\n(?:\|.*\n)+", text, flags=re.MULTILINE)
    head, _, *rows = ([c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines())
    accepted = {}
    for name, *cells in rows:
        assert set(cells) <= {"yes", "no"}, name
        columns = zip(head[1:], cells, strict=True)
        accepted[name.strip("`")] = {column for column, cell in columns if cell == "yes"}
    return accepted


ACCEPTED = accepted_columns()

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(params=[*shipped(), README])
def name(request, tmp_path):
    """Give the module of a method, or the path of the one that the README shows."""
    if request.param != README:
        return request.param
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    (source,) = [block for block in blocks if "METHOD = " in block]
    path = tmp_path / "my_method.py"
    path.write_text(source)
    return str(path)


@pytest.fixture
def data(request, kind):
    return request.getfixturevalue(kind)[0]


@every_kind
def test_data_are_clustered_as_the_table_says_and_not_changed(name, kind, data):
    before = digest(data)
    log = RecordingLog()
    with accepted_or_refused(name, kind):
        y_pred = fitted(name, data, log=log)
        assert_valid(y_pred, data)
        assert_valid_calls(log.calls, data)
    assert digest(data) == before


@every_kind
def test_the_seed_alone_decides(name, kind, data):
    with accepted_or_refused(name, kind):
        first, again = (fitted_after(state, name, data) for state in (1, 2))
        np.testing.assert_array_equal(first, again)


@every_kind
def test_one_cluster_can_be_asked_for(name, kind, data):
    data = replace(data, n_clusters=1)
    with accepted_or_refused(name, kind):
        np.testing.assert_array_equal(fitted(name, data), 0)


@every_kind
def test_as_many_clusters_as_samples_are_found_or_refused(name, kind, data):
    data = first_samples(data, 8)
    with refusal_allowed():
        assert_valid(fitted(name, data), data)


@pytest.mark.parametrize("kind", SPLIT)
def test_held_out_samples_teach_nothing(name, kind, data):
    with accepted_or_refused(name, kind):
        y_pred = fitted(name, data)
        y_again = fitted(name, with_other_held_out_values(data))
        np.testing.assert_array_equal(y_pred[data.fit_index], y_again[data.fit_index])


def test_some_kind_of_data_is_accepted(name, request):
    if name in ACCEPTED:  # then the other tests hold the method to its row
        assert ACCEPTED[name] or name == "imported"
        return
    for kind in KINDS:
        try:
            fitted(name, request.getfixturevalue(kind)[0])
        except IncompatibleDataError:
            continue
        return
    pytest.fail(f"{name} refuses every kind of data")


def test_hyperparameters_are_frozen_have_defaults_and_no_unknown_names(name):
    method = load(name)()
    with pytest.raises(InputError, match="unknown key 'no_such_parameter'"):
        build(name, {"no_such_parameter": 1})
    with pytest.raises(FrozenInstanceError):
        setattr(method, next((f.name for f in fields(method)), "anything"), None)


@pytest.mark.parametrize("documented", ACCEPTED)
def test_a_documented_method_states_its_source_and_its_departures(documented):
    about = importlib.import_module(f"mmbench.methods.{documented}").__doc__
    assert "\nSource: " in about
    assert "\nDepartures: " in about


def test_classical_methods_do_not_import_torch():
    imports = "; ".join(f"import mmbench.methods.{name}" for name in WITHOUT_TORCH)
    report = "import sys; print([m for m in ('torch', 'lightning') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}; {report}"], capture_output=True, text=True, check=True
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
    """Accept a refusal that names the data and gives the reason in one line."""
    try:
        yield
    except IncompatibleDataError as refusal:
        subject, _, reason = str(refusal).partition(": ")
        assert subject
        assert reason
        assert "\n" not in reason


@contextmanager
def accepted_or_refused(name, kind):
    """Fail if a documented method refuses what its row grants, or accepts what it does not."""
    with refusal_allowed():
        try:
            yield
        except IncompatibleDataError as refusal:
            if name in ACCEPTED and ACCEPTED[name] >= KINDS[kind]:
                pytest.fail(f"docs/methods.md says that {name} takes {kind}, but: {refusal}")
            raise
        if name in ACCEPTED and not ACCEPTED[name] >= KINDS[kind]:
            pytest.fail(f"docs/methods.md says that {name} does not take {kind}, but it does")


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


def assert_valid_calls(calls, data):
    """Check what a method logged."""
    epochs = [epoch for epoch, _ in calls]
    assert epochs == sorted(epochs)
    logged = [item for _, values in calls for item in values.items() if item[1] is not None]
    for key, value in logged:
        if key == "y_pred":
            assert_valid(np.asarray(value), data)
        elif key == "embedding":
            n_rows, _ = np.shape(value)
            assert n_rows == data.n_samples
        elif key == "view_assignments":
            assert_valid_view_assignments(value, data)
        else:
            assert np.isfinite(value), f"{key} is not finite"


def assert_valid_view_assignments(view_assignments, data):
    for view in data.views:
        assigned = np.asarray(view_assignments[view.name])
        assert assigned.shape == (data.n_samples,)
        described = np.isin(np.arange(data.n_samples), view.sample_index)
        assert (assigned[~described] == -1).all()
        assert (assigned[described] >= 0).all()
        assert assigned.max() < data.n_clusters
