"""One cluster, whatever the data."""

from mmbench.methods.majority import Majority


def test_every_sample_is_in_one_cluster(paired_blobs, incomplete_blobs, image_blobs):
    for data, _ in (paired_blobs, incomplete_blobs, image_blobs):
        assert Majority().fit_predict(data, seed=3).tolist() == [0] * 180
