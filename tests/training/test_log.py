"""The log of a seed keeps what figures and scores need, and refuses what they cannot use."""

import numpy as np
import pytest
import torch

from mmbench.data import Dataset
from mmbench.training.log import RunLog, as_numpy


@pytest.fixture
def log():
    """The log for four samples and three clusters in two views."""
    x = np.zeros((4, 2))
    return RunLog(Dataset.paired([x, x], n_clusters=3, names=["a", "b"]))


def test_figures_are_kept_by_name_and_epoch(log):
    log(0, loss=1.5, margin=2)
    log(2, loss=torch.tensor(0.5, requires_grad=True))
    assert log.losses == {"loss": [(0, 1.5), (2, 0.5)], "margin": [(0, 2.0)]}


def test_a_term_that_is_not_finite_is_left_out_and_stops_nothing(log):
    log(0, loss=1.0, ratio=float("nan"))
    assert log.losses == {"loss": [(0, 1.0)]}
    assert not log.diverged


def test_a_loss_that_is_not_finite_ends_the_training(log):
    with pytest.raises(FloatingPointError, match="the loss is nan at epoch 7"):
        log(7, loss=torch.tensor(torch.nan))
    assert log.diverged


def test_the_last_checkpoint_of_an_epoch_counts(log):
    log(0, y_pred=[0, 0, 0, 0])
    log(5, y_pred=[0, 1, 2, 0])
    log(5, y_pred=torch.tensor([2, 1, 2, 0]))
    assert log.epochs == [0, 5]
    np.testing.assert_array_equal(log.history, [[0, 0, 0, 0], [2, 1, 2, 0]])


def test_the_clock_of_the_training_stops_at_losses_and_assignments_alone(log):
    log(0, gap=1.0)
    assert log.last_call is None
    log(0, y_pred=[0, 0, 0, 0])
    before = log.last_call
    log(0, embedding=np.ones((4, 1)))
    assert log.last_call == before is not None


def test_an_embedding_beyond_float16_is_scaled_as_a_whole(log):
    log(0, embedding=np.array([[1e6, 0], [5e5, 0], [0, 0], [-1e6, 1e3]]))
    assert np.isfinite(log.embedding).all()
    ratios = log.embedding[:, 0].astype(float) / float(log.embedding[0, 0])
    np.testing.assert_allclose(ratios, [1, 0.5, 0, -1], rtol=1e-3)


def test_a_bfloat16_tensor_with_a_gradient_becomes_an_array():
    tensor = torch.tensor([0.5, 2.0], dtype=torch.bfloat16, requires_grad=True)
    np.testing.assert_array_equal(as_numpy(tensor), [0.5, 2.0])


def test_parts_may_leave_samples_out(log):
    log(0, view_assignments={"a": [0, -1, 2, -1]})
    np.testing.assert_array_equal(log.view_assignments["a"], [0, -1, 2, -1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"epoch": 1}, "epochs not to decrease, got 1 after 2"),
        ({"y_pred": [0, 1]}, r"y_pred at epoch 3: expected shape \(4,\), got \(2,\)"),
        ({"y_pred": [0.0, 1, 2, 0]}, "expected integers, got float64"),
        ({"y_pred": [0, 1, 2, 3]}, r"expected clusters in 0\.\.2, got 0\.\.3"),
        ({"y_pred": [0, 1, 2, -1]}, r"expected clusters in 0\.\.2, got -1\.\.2"),
        ({"view_assignments": {"c": [0, 0, 0, 0]}}, "expected a view of a, b, got 'c'"),
        (
            {"view_assignments": {"a": [0, 0, 0, -2]}},
            r"view_assignments\['a'\] at epoch 3: .* -1\.\.2, got -2\.\.0",
        ),
        ({"embedding": np.ones(4)}, r"embedding .*expected shape \(4, n_latent\), got \(4,\)"),
        ({"embedding": np.full((4, 1), np.nan)}, "embedding .*expected finite values"),
    ],
)
def test_what_cannot_be_kept_is_refused(log, call, message):
    log(2)
    with pytest.raises(ValueError, match=message):
        log(**{"epoch": 3} | call)


def test_a_history_holds_as_many_clusters_as_its_type():
    x = np.zeros((32769, 1))
    within = RunLog(Dataset.paired([x], n_clusters=32768))
    within(0, y_pred=np.arange(32769) % 32768)
    assert within.history[0].max() == 32767
    beyond = RunLog(Dataset.paired([x], n_clusters=32769))
    with pytest.raises(ValueError, match="at most 32768 clusters, got 32769"):
        beyond(0, y_pred=np.arange(32769))
