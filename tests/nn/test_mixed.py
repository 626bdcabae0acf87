"""Tensors and batches of two modalities, and the shapes of their networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mmbench.data import Dataset, IncompatibleDataError, View
from mmbench.nn.batches import eval_outputs
from mmbench.nn.mixed import (
    InputScale,
    MixedTensors,
    leaky_decoder,
    leaky_encoder,
    mixed_batches,
    mixed_tensors,
)


def tensors_of(data: Dataset, input_scale: InputScale = "unit-variance") -> MixedTensors:
    """Return both modalities of mixed-modal data."""
    return mixed_tensors(data, input_scale=input_scale, seed=0, device="cpu")


@given(
    n_first=st.integers(1, 300),
    n_second=st.integers(1, 300),
    size=st.integers(2, 130),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_an_epoch_shows_every_row_and_every_batch_has_two_of_each_modality(
    n_first, n_second, size, seed
):
    torch.manual_seed(seed)
    batches = list(mixed_batches([n_first, n_second], size))
    assert len(batches) == -(-(n_first + n_second) // size)
    for modality, n_rows in enumerate([n_first, n_second]):
        drawn = [rows[modality] for rows in batches]
        assert all(len(rows) >= 2 for rows in drawn)
        assert set(torch.cat(drawn).tolist()) == set(range(n_rows))


def test_batches_of_equal_modalities_are_neither_stratified_nor_repeated():
    torch.manual_seed(0)
    batches = list(mixed_batches([500, 500], 100))
    assert sorted(torch.cat([rows[0] for rows in batches]).tolist()) == list(range(500))
    assert len({len(rows[0]) for rows in batches}) > 1


def test_normalisation_comes_after_the_activation_and_the_code_is_linear():
    kinds = [type(layer) for layer in leaky_encoder([7, 5, 3, 2])]
    block = [nn.Linear, nn.LeakyReLU, nn.BatchNorm1d]
    assert kinds == [*block, *block, nn.Linear]
    assert [type(layer) for layer in leaky_decoder([7, 5, 3, 2])] == [
        *block,
        *block,
        nn.Linear,
        nn.LeakyReLU,
    ]
    assert leaky_decoder([7, 5, 3, 2])(torch.randn(4, 2)).shape == (4, 7)


def test_an_output_without_its_activation_is_linear():
    assert isinstance(leaky_decoder([7, 3], linear_output=True)[-1], nn.Linear)


def test_a_row_in_eval_mode_does_not_depend_on_those_beside_it():
    network = leaky_encoder([6, 5, 4])
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    network(x)  # so that the running means are not the initial ones
    whole = eval_outputs(network, x)
    alone = torch.cat([eval_outputs(network, row[None]) for row in x])
    torch.testing.assert_close(alone, whole)
    assert network.training
    assert not torch.allclose(whole, network(x))


def test_features_are_centred_on_the_rows_to_train_on(split_mixed_blobs):
    data, _ = split_mixed_blobs
    tensors = tensors_of(data)
    for fitted, inputs, view in zip(tensors.fitted, tensors.inputs, data.views, strict=True):
        assert len(fitted) == len(np.intersect1d(view.sample_index, data.fit_index))
        assert len(inputs) == len(view.values)
        torch.testing.assert_close(
            fitted.mean(dim=0), torch.zeros(fitted.shape[1]), atol=1e-6, rtol=0
        )


def test_one_factor_for_each_modality_gives_columns_a_mean_variance_of_one(split_mixed_blobs):
    data, _ = split_mixed_blobs
    scaled, as_prepared = tensors_of(data), tensors_of(data, "as-prepared")
    for view, x, plain in zip(data.views, scaled.inputs, as_prepared.inputs, strict=True):
        rows = view.values[np.isin(view.sample_index, data.fit_index)]
        torch.testing.assert_close(x, plain / float(np.sqrt(rows.var(axis=0).mean())))
    assert [x.var(dim=0, correction=0).mean().item() for x in scaled.fitted] == pytest.approx(
        [1, 1], abs=1e-5
    )


def test_a_constant_factor_of_a_modality_does_not_change_its_tensor(mixed_blobs):
    data, _ = mixed_blobs
    image, text = data.views
    multiplied = replace(data, views=(image, replace(text, values=text.values * 256)))
    torch.testing.assert_close(tensors_of(multiplied).inputs, tensors_of(data).inputs)
    other = tensors_of(multiplied, "as-prepared").inputs[1]
    torch.testing.assert_close(other, 256 * tensors_of(data, "as-prepared").inputs[1])


def test_a_constant_modality_becomes_zeros(mixed_blobs):
    data, _ = mixed_blobs
    image, text = data.views
    constant = replace(data, views=(image, replace(text, values=np.ones_like(text.values))))
    assert not tensors_of(constant).inputs[1].any()


def test_wide_features_are_reduced_to_principal_components():
    rng = np.random.default_rng(0)
    wide = rng.random((40, 2049), dtype=np.float32)
    narrow = rng.random((40, 3), dtype=np.float32)
    views = (
        View(wide, np.arange(40), "image", "image"),
        View(narrow, np.arange(40, 80), "text", "text"),
    )
    tensors = tensors_of(Dataset(views, 2, 80))
    assert tensors.inputs[0].shape[1] == 40
    assert tensors.inputs[1].shape[1] == 3


def test_rows_of_both_modalities_return_to_the_order_of_the_samples(mixed_blobs):
    data, _ = mixed_blobs
    tensors = tensors_of(data)
    numbers = [torch.as_tensor(view.sample_index)[:, None].float() for view in data.views]
    torch.testing.assert_close(tensors.in_sample_order(numbers)[:, 0], torch.arange(180.0))


def test_a_modality_without_two_samples_is_refused(mixed_blobs):
    data, _ = mixed_blobs
    lonely = np.union1d(data.views[0].sample_index, data.views[1].sample_index[:1])
    with pytest.raises(IncompatibleDataError, match=r"2 samples to train on .* text has 1"):
        tensors_of(replace(data, fit_index=lonely))


def test_fewer_samples_than_clusters_are_refused(mixed_blobs):
    data = replace(mixed_blobs[0], n_clusters=100, fit_index=np.arange(99))
    with pytest.raises(IncompatibleDataError, match="each of 100 clusters, has 99"):
        tensors_of(data)
