"""k-means on data it must solve; the matching of numbers against every permutation."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from mmbench.data import Dataset
from mmbench.nn.clustering import assign_by_kmeans, kmeans, match, nearest


@pytest.fixture
def blobs() -> tuple[Tensor, Tensor]:
    """Return (60, 4) points around 3 centres, and the centre of each."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(60) % 3
    centres = 10 * torch.eye(4)[:3]
    return centres[truth] + 0.1 * torch.randn(60, 4, generator=generator), truth


def test_separated_blobs_are_found(blobs):
    x, truth = blobs
    found = kmeans(x, 3, seed=0, n_init=5)
    torch.testing.assert_close(match(found.labels, truth, 3)[found.labels], truth)


def test_a_centroid_is_the_mean_of_its_cluster(blobs):
    x, _ = blobs
    found = kmeans(x, 3, seed=0, n_init=5)
    means = torch.stack([x[found.labels == j].mean(dim=0) for j in range(3)])
    torch.testing.assert_close(found.centroids, means)


def test_the_same_seed_gives_the_same_clusters(blobs):
    x = torch.rand(200, 5, generator=torch.Generator().manual_seed(0))
    first, second = (kmeans(x, 6, seed=3, n_init=2) for _ in range(2))
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.centroids, second.centroids)


def test_the_number_of_threads_changes_no_bit():
    # noise without clusters: the last bits of the centroids decide where many samples go
    x = torch.randn(20_000, 10, generator=torch.Generator().manual_seed(0))
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="openmp"):
            results.append(kmeans(x, 30, seed=0, n_init=1))
    one, two = results
    assert torch.equal(one.labels, two.labels)
    assert torch.equal(one.centroids, two.centroids)


def test_held_out_samples_go_to_the_nearest_centroid_of_the_others():
    z = torch.cat([torch.zeros(45, 1), torch.ones(45, 1), torch.full((90, 1), 5.0)])
    data = replace(Dataset.paired([z.numpy()], n_clusters=2), fit_index=np.arange(90))
    y_pred = assign_by_kmeans(z, data, seed=0, n_init=1)
    assert y_pred[0] != y_pred[45]
    assert (y_pred[90:] == y_pred[45]).all()


def test_new_samples_go_to_the_nearest_centroid(blobs):
    x, _ = blobs
    found = kmeans(x, 3, seed=0, n_init=5)
    assert torch.equal(nearest(x, found.centroids), found.labels)


def test_a_permuted_numbering_is_matched_back():
    q = torch.tensor([0, 0, 1, 1, 2, 2, 3])
    for order in permutations(range(4)):
        p = torch.tensor(order)[q]
        assert torch.equal(match(p, q, 4)[p], q)


def test_the_matching_agrees_with_the_best_of_all_permutations():
    generator = torch.Generator().manual_seed(0)
    p, q = torch.randint(4, (2, 50), generator=generator)
    agreement = (match(p, q, 4)[p] == q).sum().item()
    best = max((torch.tensor(o)[p] == q).sum().item() for o in permutations(range(4)))
    assert agreement == best


def test_a_number_that_is_never_used_is_matched_all_the_same():
    p = torch.tensor([0, 0, 1, 1, 2])
    q = torch.tensor([3, 3, 3, 1, 1])
    renumbering = match(p, q, 5)
    assert sorted(renumbering.tolist()) == [0, 1, 2, 3, 4]
    assert renumbering[0] == 3
