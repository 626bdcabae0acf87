"""The network of contrastive clustering and its outputs for stored images."""

import torch
from torch.nn import functional

from mmbench.nn.contrastive import ContrastiveNetwork
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
