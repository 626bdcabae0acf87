"""SiMVC on toys; its loss and fusion have their tests in tests/nn/test_ddc.py."""

import pytest
from sklearn.metrics import adjusted_rand_score

from mmbench.data import IncompatibleDataError
from mmbench.methods.simvc import SiMVC

QUICK = SiMVC(hidden=(64, 64), n_latent=32, epochs=40, batch_size=60)


@pytest.mark.parametrize("setting", ["paired_blobs", "three_view_blobs", "split_paired_blobs"])
def test_separated_blobs_are_recovered(request, setting):
    data, y_true = request.getfixturevalue(setting)
    assert adjusted_rand_score(y_true, QUICK.fit_predict(data, seed=0)) > 0.95


def test_the_log_tells_the_terms_and_the_weight_of_each_view(paired_blobs):
    data, _ = paired_blobs
    kept = {}
    QUICK.fit_predict(data, seed=0, log=lambda epoch, **values: kept.update(values))
    assert kept["loss"] == pytest.approx(kept["compact"] + kept["orthogonal"] + kept["corner"])
    assert kept["weight_image"] + kept["weight_text"] == pytest.approx(1)
    assert kept["clusters_used"] == 3
    assert kept["embedding"].shape == (180, 32)


def test_incomplete_views_are_refused(incomplete_blobs):
    with pytest.raises(IncompatibleDataError, match="needs paired samples, but image"):
        QUICK.fit_predict(incomplete_blobs[0], seed=0)
