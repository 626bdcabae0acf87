"""The network of contrastive clustering: what it gives for images as they are stored."""

import pytest
import torch
from torch.nn import functional

from mmbench.nn.contrastive import ContrastiveNetwork, contrastive_epoch
from mmbench.nn.images import resized


def test_a_prediction_does_not_depend_on_the_other_images_nor_on_the_batches():
    torch.manual_seed(0)
    network = ContrastiveNetwork("narrow", 1, 28, 4).train()
    x = torch.randint(0, 256, (30, 1, 20, 20), dtype=torch.uint8)
    together = network.soft_assignments(x)
    torch.testing.assert_close(network.soft_assignments(x[:3]), together[:3])
    assert network.training
    assert together.grad_fn is None
    torch.testing.assert_close(network.embedding(x).norm(dim=1), torch.ones(30))


def test_it_gives_soft_assignments_and_directions_of_the_resized_images():
    torch.manual_seed(0)
    network = ContrastiveNetwork("narrow", 3, 28, n_clusters=4, n_instance=16).eval()
    x = torch.randint(0, 256, (6, 3, 20, 36), dtype=torch.uint8)
    z, soft = network(resized(x, 28))
    assert z.shape == (6, 16)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(network.soft_assignments(x), soft)
    torch.testing.assert_close(network.embedding(x), functional.normalize(z))


def test_its_outputs_are_float32_under_autocast():
    network = ContrastiveNetwork("narrow", 1, 28, n_clusters=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z, soft = network(torch.rand(4, 1, 28, 28))
    assert z.dtype == soft.dtype == torch.float32
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(4))


def test_an_epoch_steps_on_every_full_batch_and_tells_the_means():
    weight = torch.nn.Parameter(torch.zeros(()))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    images = torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1)
    fit_rows = torch.arange(2, 9)
    seen = []

    def losses(batch):
        seen.append(batch.flatten().tolist())
        loss = weight + len(seen)  # 1 in the first step, 1 in the second: the weight fell by 1
        return loss, 2 * loss, batch.float().mean()

    means = contrastive_epoch(losses, images, fit_rows, optimiser, batch_size=3)
    assert [len(batch) for batch in seen] == [3, 3]
    drawn = [image for batch in seen for image in batch]
    assert len(set(drawn)) == 6
    assert set(drawn) <= set(range(2, 9))
    assert weight.item() == -2.0
    expected = {"loss": 1.0, "instance": 2.0, "cluster": sum(drawn) / 6}
    assert means == pytest.approx(expected)
