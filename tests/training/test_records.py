"""What a record tells of a run, and that the same seed gives the same run."""

import os

import numpy as np
import pytest

from mmbench.runs import STATUSES
from mmbench.training import Event, provenance

TORCH = "import torch"
TRAIN_A_LINE = """
    x = torch.as_tensor(data.views[0].values)
    model = torch.nn.Linear(x.shape[1], data.n_clusters)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(5):
        logits = model(x + 0.1 * torch.randn_like(x))
        loss = (logits.float() ** 2).mean() + np.random.rand()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
        log(epoch, loss=loss, bf16=logits.dtype == torch.bfloat16, threads=torch.get_num_threads())
    log(4, embedding=logits, y_pred=logits.argmax(1))
    return logits.argmax(dim=1)
"""


def test_a_record_tells_what_ran_where_and_what_it_cost(cell, monkeypatch):
    monkeypatch.chdir(cell.folder)
    method = cell.method("time.sleep(0.2); log(0, loss=1.0); time.sleep(0.1)")
    cell.fit(
        cell.job(method, params={"folder": "x"}, seeds=(3, 4), threads=2, precision="bfloat16")
    )
    first, second = (run.record for run in cell.runs())
    assert (first.seed, first.status, first.reason, first.log_tail) == (3, "ok", "", "")
    assert (first.method, first.uses, first.fingerprint) == ("toy", str(method), "f")
    assert first.params == {"folder": "x", "factor": 1}, "defaults are included"
    assert (first.precision, first.threads) == ("bfloat16", 2)
    assert first.device == provenance.cpu_model() != ""
    assert {"python", "numpy"} <= set(first.versions)
    assert "torch" not in first.versions
    assert (first.git_commit, first.git_clean) == (None, None)
    assert len(first.data_checksum) == 64
    assert first.started.startswith("20")
    assert first.started.endswith("Z")
    assert first.seconds["setup"] > 0.05 > second.seconds["setup"]
    assert 0.2 <= first.seconds["training"] < 2
    assert 0.1 <= first.seconds["inference"] < 1
    assert first.seconds["waiting"] == 0
    parts = ("waiting", "setup", "training", "inference")
    assert first.seconds["total"] == pytest.approx(sum(first.seconds[part] for part in parts))
    assert first.status in STATUSES


def test_peak_memory_is_that_of_the_seed_and_not_of_an_earlier_one(cell):
    method = cell.method("np.ones(40_000_000 if seed == 0 else 1)")
    large, small = cell.fit(cell.job(method, seeds=(0, 1)))
    assert large.memory["host"] - small.memory["host"] > 250e6  # 40 million float64 are 320 MB
    assert large.memory["device"] == 0


def test_the_limits_of_threads_and_devices_are_set_before_the_method_is_imported(cell):
    keys = [f"{library}_NUM_THREADS" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")]
    run = cell.try_out(
        "print(FOUND); raise ValueError",
        imports=f"FOUND = [os.environ[k] for k in {keys}], os.environ['CUDA_VISIBLE_DEVICES']",
        threads=3,
    )
    assert run.record.log_tail.splitlines()[0] == "(['3', '3', '3', '3'], '')"


def test_what_is_logged_is_stored_with_the_run(cell):
    run = cell.try_out(
        """
        log(0, loss=2.0, y_pred=0 * y_pred, gap=0.5)
        views = {"text": y_pred}
        log(1, loss=1.0, y_pred=y_pred, embedding=np.ones((180, 2)), view_assignments=views)
        """
    )
    assert run.record.losses == {"loss": [[0, 2.0], [1, 1.0]], "gap": [[0, 0.5]]}
    assert run.history.dtype == np.int16
    np.testing.assert_array_equal(run.history, [0 * run.y_pred, run.y_pred])
    np.testing.assert_array_equal(run.epochs, [0, 1])
    assert run.embedding.dtype == np.float16
    assert run.embedding.shape == (180, 2)
    np.testing.assert_array_equal(run.view_assignments["text"], run.y_pred)


def test_a_progress_bar_hears_of_every_seed_and_epoch(cell):
    heard = []
    method = cell.method("log(0, loss=0.5); log(1, gap=1.0)")
    cell.fit(cell.job(method, seeds=(0, 1)), on_event=heard.append)
    assert [(e.kind, e.seed, e.epoch, e.loss) for e in heard] == [
        event
        for seed in (0, 1)
        for event in [
            ("started", seed, None, None),
            ("epoch", seed, 0, 0.5),
            ("epoch", seed, 1, None),
            ("done", seed, None, None),
        ]
    ]
    assert isinstance(heard[0], Event)
    assert heard[-1].record.status == "ok"


def test_a_method_that_scales_its_data_in_place_spoils_them_for_no_other_seed(cell):
    method = cell.method("x = data.views[0].values; log(0, total=x.sum()); x *= 2")
    told = cell.fit(cell.job(method, seeds=(0, 1)))
    assert told[0].losses == told[1].losses


def test_unseeded_draws_of_numpy_and_random_are_the_same_for_the_same_seed(cell):
    method = cell.method(
        "return ((np.random.rand(180) + random.random()) % 1 * data.n_clusters).astype(int)",
        imports="import random",
    )
    cell.fit(cell.job(method, seeds=(0, 1)))
    cell.fit(cell.job(method, seeds=(1,)), block="again")
    first, second = cell.runs()
    (again,) = cell.runs("again")
    assert not np.array_equal(first.y_pred, second.y_pred)
    np.testing.assert_array_equal(second.y_pred, again.y_pred)


def test_torch_gives_the_same_bits_for_the_same_seed_alone_or_in_a_block(cell):
    method = cell.method(TRAIN_A_LINE, imports=TORCH)
    cell.fit(cell.job(method, seeds=(0, 1)))
    cell.fit(cell.job(method, seeds=(1,)), block="again")
    first, second = cell.runs()
    (again,) = cell.runs("again")
    assert again.record.losses == second.record.losses != first.record.losses
    np.testing.assert_array_equal(second.y_pred, again.y_pred)
    np.testing.assert_array_equal(second.history, again.history)
    assert again.record.losses["bf16"] == [[epoch, 0.0] for epoch in range(5)]
    assert again.record.losses["threads"] == [[epoch, 1.0] for epoch in range(5)]
    assert "torch" in again.record.versions


def test_bfloat16_wraps_a_method_with_torch_in_autocast(cell):
    run = cell.try_out(TRAIN_A_LINE, imports=TORCH, precision="bfloat16")
    assert run.record.status == "ok"
    assert run.record.losses["bf16"] == [[epoch, 1.0] for epoch in range(5)]
    assert run.embedding.shape == (180, 3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_learns_in_either_precision(cell, precision):
    run = cell.try_out(
        """
        x = torch.as_tensor(data.views[0].values)
        model = torch.nn.Linear(x.shape[1], 1)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
        for epoch in range(60):
            loss = ((model(x).float().squeeze(1) - x.sum(dim=1)) ** 2).mean()
            optimiser.zero_grad(); loss.backward(); optimiser.step()
            log(epoch, loss=loss)
        return np.zeros(data.n_samples, int)
        """,
        imports=TORCH,
        precision=precision,
    )
    losses = [value for _, value in run.record.losses["loss"]]
    assert losses[-1] < 0.1 * losses[0]


def test_torch_refuses_what_it_cannot_repeat(cell):
    run = cell.try_out("print(torch.are_deterministic_algorithms_enabled()); 1 / 0", imports=TORCH)
    assert run.record.log_tail.startswith("True")


def test_a_method_finds_what_the_caller_could_import(cell, monkeypatch):
    (cell.folder / "my_helpers").mkdir()
    (cell.folder / "my_helpers" / "shift.py").write_text("BY = 1\n")
    monkeypatch.syspath_prepend(str(cell.folder / "my_helpers"))
    run = cell.try_out("return (y_pred + shift.BY) % 3", imports="import shift")
    assert run.record.status == "ok"


def test_a_file_named_like_a_library_in_the_current_directory_replaces_none(cell, monkeypatch):
    (cell.folder / "numpy.py").write_text("raise RuntimeError('not the real one')\n")
    monkeypatch.chdir(cell.folder)
    assert cell.try_out("").record.status == "ok"
    assert os.getcwd() == str(cell.folder)
