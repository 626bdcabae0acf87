"""The fixture `plan` for the tests of this folder."""

import pytest
import yaml

from mmbench.plan import Plan

DATASETS = """
toy:
  title: Toy
  citation: none
  licence: none
  pairing: same-object
  n_samples: 30
  n_clusters: 3
  views: {a: {modality: a, dims: 4}, b: {modality: b, dims: 4}}
  generator: {kind: synthetic, private_share: 0.0}
toy-mixed: {base: toy, data_setting: mixed}
real: {base: toy}
toy-missing-30: {base: toy, missing_rate: 0.3, seed: 1}
toy-missing-30-shuffled-10: {base: toy-missing-30, shuffled_rate: 0.1}
toy-missing-30-few: {base: toy-missing-30, sample: 20}
toy-private-20: {base: toy, generator: {private_share: 0.2}}
"""
METHODS = """
majority: {uses: majority}
kmeans: {uses: kmeans_concat, title: k-means, params: {n_init: 3}, seeds_per_job: 2}
kmeans-quick: {extends: kmeans, params: {n_init: 1}}
kmeans-tuned: {extends: kmeans, params_by_dataset: {toy: {n_init: 9}}}
kmeans-3-restarts: {extends: kmeans-quick, restarts: 3}
kmeans-by-loss: {extends: kmeans, checkpoint: lowest_loss}
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Give a function that plans a benchmark in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/datasets.yaml").write_text(DATASETS)
    (tmp_path / "config/methods.yaml").write_text(METHODS)

    def made(**keys):
        config = {"name": "test", "datasets": ["toy"], "methods": ["kmeans"], "seeds": 5, **keys}
        return Plan.of(yaml.safe_load(yaml.safe_dump(config)), where="test.yaml")

    return made
