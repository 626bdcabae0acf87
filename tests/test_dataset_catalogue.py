"""The catalogue: what it refuses, what derived entries become, and the shipped file."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from mmbench.checks import checked
from mmbench.config import DatasetEntry, read_datasets
from mmbench.errors import InputError

ROOT = Path(__file__).resolve().parent.parent

BASE = {
    "title": "Base",
    "citation": "nobody",
    "licence": "none",
    "pairing": "same-object",
    "n_samples": 100,
    "n_clusters": 4,
    "views": {name: {"modality": name, "dims": 5} for name in ("image", "text", "audio")},
    "generator": {"kind": "synthetic"},
}
SOURCE = {
    "name": "here",
    "loader": "npz",
    "files": {"base.npz": {"sha256": "0" * 64, "urls": "manual:make one"}},
    "views": {name: {"key": name} for name in ("image", "text", "audio")},
    "labels": {"key": "labels"},
}
DOWNLOADED = {**{k: v for k, v in BASE.items() if k != "generator"}, "sources": [SOURCE]}


@pytest.fixture
def load(tmp_path):
    def load(**entries):
        path = tmp_path / "datasets.yaml"
        path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
        return read_datasets([path])

    return load


def test_an_entry_keeps_what_was_written(load):
    entry = load(base=DOWNLOADED)["base"]
    assert (entry.title, entry.n_samples, entry.n_clusters, entry.root) == ("Base", 100, 4, "base")
    assert (entry.data_setting, entry.is_derived) == ("paired", False)
    assert list(entry.views) == ["image", "text", "audio"]
    assert entry.views["text"].dims == (5,)
    assert entry.views["text"].scaling == "min-max"


def test_images_are_scaled_as_pixels_and_have_a_setting_of_their_own(load):
    image = {"image": {"modality": "image", "dims": [3, 8, 8]}}
    entry = load(base={**BASE, "views": image, "generator": {"kind": "images"}})["base"]
    assert entry.views["image"].scaling == "unit-pixels"
    assert entry.data_setting == "images"
    flattened = {"image": {**image["image"], "scaling": "as-stored"}}
    entry = load(base={**BASE, "views": flattened, "generator": {"kind": "images"}})["base"]
    assert entry.views["image"].image_shape == (3, 8, 8)
    assert entry.data_setting == "paired"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "x"}, "base: unknown key 'titel'; did you mean 'title'"),
        ({"pairing": "by-name"}, "base: pairing: expected 'same-object', 'by-label' or 'none'"),
        ({"n_samples": 0}, "base: n_samples: expected"),
        ({"classes": ["a", "b"]}, "expected 4 names of classes, got 2"),
        ({"generator": None}, "expected either `sources` or `generator`"),
        ({"views": {"x": {"modality": "m", "dims": [2, 3]}}}, "number of features or"),
        ({"views": {"x": {"modality": "m", "dims": 4, "scaling": "unit-pixels"}}}, "width] with"),
        ({"views": {"x": {"modality": "m", "dims": 4, "white": 9}}}, "`white` only with"),
    ],
)
def test_a_mistake_in_an_entry_is_one_line_with_its_place(load, change, message):
    with pytest.raises(InputError, match=message) as error:
        load(base={**BASE, **change})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loader": "mta"}, "sources: 0: unknown loader 'mta'; did you mean 'mat'"),
        ({"loader": ["mat"]}, "sources: 0: unknown loader"),
        ({"lables": {}}, "sources: 0: unknown key 'lables'; did you mean 'labels'"),
        ({"views": {"image": {"key": "a"}}}, "to locate the views image, text, audio"),
        ({"files": {"../x": SOURCE["files"]["base.npz"]}}, "expected a plain file name"),
        ({"labels": {"key": "y", "file": "bse.npz"}}, "unknown file 'bse.npz'; did you mean"),
        ({"files": {"a.npz": {"urls": "manual:x"}}}, "exactly one of sha256 .* got none"),
        (
            {"files": {"a.npz": {"sha256": "0" * 64, "git_blob": "0" * 40, "urls": "manual:x"}}},
            "exactly one of sha256 .* got sha256 and git_blob",
        ),
        ({"files": {"a.npz": {"sha256": "abc", "urls": "manual:x"}}}, "64 hex digits or"),
        ({"files": {"a.npz": {"md5": "unknown", "urls": "manual:x"}}}, "md5 of 32 hex digits, got"),
        (
            {"files": {"a.npz": {"git_blob": "0" * 64, "urls": "manual:x"}}},
            "git_blob of 40 hex digits, got '000",
        ),
        ({"files": {"a.npz": {"sha256": "unknown", "urls": "ftp://x"}}}, "expected https://…"),
        ({"files": {"a.npz": {"sha256": "unknown", "urls": "pypi:x!y"}}}, "pypi:NAME==VERSION"),
    ],
)
def test_a_mistake_in_a_source_is_one_line_with_its_place(load, change, message):
    with pytest.raises(InputError, match=message) as error:
        load(base={**DOWNLOADED, "sources": [{**SOURCE, **change}]})
    assert "\n" not in str(error.value)


def test_a_name_that_yaml_reads_as_a_number_is_one_line(tmp_path):
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump({3: BASE}), encoding="utf-8")
    with pytest.raises(InputError, match=": 3: expected a name of lower-case letters"):
        read_datasets([path])


def test_a_derived_entry_says_only_what_differs(load):
    entry = load(
        base=DOWNLOADED,
        mixed={
            "base": "base",
            "title": "Mixed",
            "views": ["text", "image"],
            "data_setting": "mixed",
        },
    )["mixed"]
    assert (entry.root, entry.is_derived, entry.data_setting) == ("base", True, "mixed")
    assert (entry.title, entry.licence) == ("Mixed", "none")
    untitled = load(base=DOWNLOADED, other={"base": "base", "title": None, "licence": None})
    assert (untitled["other"].title, untitled["other"].licence) == ("other", "none")
    assert list(entry.views) == ["text", "image"]
    assert list(entry.base_views) == ["image", "text", "audio"]
    assert entry.sources == load(base=DOWNLOADED)["base"].sources


def test_a_derived_entry_of_a_derived_one_overrides_it(load):
    entries = load(
        base=BASE,
        a={"base": "base", "sample": 50, "seed": 3, "data_setting": "mixed"},
        b={"base": "a", "sample": 20, "split": {"train": 0.5}},
    )
    entry = entries["b"]
    assert (entry.root, entry.n_samples, entry.data_setting) == ("base", 20, "mixed")
    assert entry.derivation.seed == 3
    assert entry.title == "b"


def test_a_derived_entry_may_have_other_options_of_the_generator(load):
    entries = load(
        base={**BASE, "generator": {"kind": "synthetic", "separation": 7.0}},
        a={"base": "base", "generator": {"private_share": 0.25}, "sample": 50},
        b={"base": "a", "generator": {"noise": 0.0}},
    )
    generator = entries["b"].generator
    assert (generator.separation, generator.private_share, generator.noise) == (7.0, 0.25, 0.0)
    assert entries["base"].generator.private_share == 0.5
    assert (entries["b"].base, entries["a"].base, entries["base"].base) == ("a", "base", "")
    assert entries["b"].n_samples == 50


@pytest.mark.parametrize(
    ("base", "options", "message"),
    [
        (BASE, {"privat_share": 0.1}, "generator: unknown key 'privat_share'; did you mean 'priv"),
        (BASE, {"private_share": 1.5}, "generator: private_share: expected less than 1, got 1.5"),
        (DOWNLOADED, {"noise": 0.1}, "a: generator: expected a base that is generated"),
    ],
)
def test_options_that_no_generator_has_are_refused(load, base, options, message):
    with pytest.raises(InputError, match=message):
        load(base=base, a={"base": "base", "generator": options})


@pytest.mark.parametrize(
    ("options", "data_setting", "n_samples"),
    [
        ({"views": ["text"]}, "paired", 100),
        ({"missing_rate": 0.5}, "incomplete", 100),
        ({"missing_rate": 1, "views": ["text", "image"]}, "mixed", 100),
        ({"unpaired_rate": 0.25}, "incomplete", 150),
        ({"unpaired_rate": 1}, "mixed", 300),
        ({"shuffled_rate": 0.5}, "paired", 100),
        ({"sample": 30}, "paired", 30),
        ({"imbalance": 10}, "paired", None),
    ],
)
def test_setting_and_size_of_a_derived_entry_follow_from_its_options(
    load, options, data_setting, n_samples
):
    entry = load(base=BASE, derived={"base": "base", **options})["derived"]
    assert (entry.data_setting, entry.n_samples) == (data_setting, n_samples)


def test_a_wrong_number_of_clusters_leaves_the_classes_alone(load):
    entry = load(base=BASE, derived={"base": "base", "n_clusters": 7})["derived"]
    assert (entry.n_clusters, entry.n_classes) == (7, 4)


def test_one_view_has_no_pairing(load):
    assert load(base=BASE, d={"base": "base", "views": ["text"]})["d"].pairing == "none"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": ["txt"]}, "d: views: unknown view 'txt'; did you mean 'text'"),
        ({"views": ["text", "text"]}, "expected each view once"),
        (
            {"views": ["text"], "data_setting": "mixed"},
            "setting: expected at least two views, got 1",
        ),
        ({"sample": 101}, "sample: expected at most 100 samples, got 101"),
        ({"n_clusters": 101}, "n_clusters: expected at most 100, got 101"),
        ({"missing_rate": 1.5}, "missing_rate: expected less than or equal to 1, got 1.5"),
        (
            {"data_setting": "mixed", "missing_rate": 0.5},
            "either data_setting: mixed or missing_rate",
        ),
        ({"misssing_rate": 0.5}, "unknown key 'misssing_rate'; did you mean 'missing_rate'"),
    ],
)
def test_a_mistake_in_a_derived_entry_is_one_line_with_its_place(load, options, message):
    with pytest.raises(InputError, match=message) as error:
        load(base=BASE, d={"base": "base", **options})
    assert "\n" not in str(error.value)


MIXED = {
    "name": "here",
    "loader": "mat-mixed",
    "files": {"a.mat": {"sha256": "0" * 64, "urls": "manual:make one"}},
    "samples": "X",
    "labels": "y",
    "views": {"image": 0, "text": 1, "audio": 2},
    "train": "a.mat",
}


def test_files_of_mixed_modal_samples_make_a_mixed_data_set(load):
    entries = load(base={**DOWNLOADED, "sources": [MIXED]}, half={"base": "base", "sample": 50})
    assert entries["base"].data_setting == entries["half"].data_setting == "mixed"


@pytest.mark.parametrize(
    "option", [{"missing_rate": 0.5}, {"unpaired_rate": 1}, {"data_setting": "mixed"}]
)
def test_views_cannot_be_taken_from_samples_that_have_one(load, option):
    (name,) = option
    with pytest.raises(
        InputError, match=f"d: {name}: expected a base whose samples have all views"
    ):
        load(base={**DOWNLOADED, "sources": [MIXED]}, d={"base": "base", **option})


def test_sources_are_all_mixed_or_none(load):
    with pytest.raises(InputError, match="either all sources or none with loader mat-mixed"):
        load(base={**DOWNLOADED, "sources": [SOURCE, {**MIXED, "name": "there"}]})


def test_an_unknown_base_is_named_with_the_nearest_known_one(load):
    with pytest.raises(InputError, match="d: base: unknown data set 'bsae'; did you mean 'base'"):
        load(base=BASE, d={"base": "bsae"})


def test_a_circle_of_derived_entries_is_shown(load):
    with pytest.raises(InputError, match="goes in a circle: a > b > a"):
        load(base=BASE, a={"base": "b"}, b={"base": "a"})


def test_a_name_in_two_catalogues_is_refused(tmp_path):
    paths = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for path in paths:
        path.write_text(yaml.safe_dump({"base": BASE}), encoding="utf-8")
    with pytest.raises(InputError, match=r"two\.yaml: 'base' is already in .*one\.yaml"):
        read_datasets(paths)


def test_a_derived_entry_may_stand_in_another_file_than_its_base(tmp_path):
    paths = [tmp_path / "mine.yaml", tmp_path / "base.yaml"]
    paths[0].write_text(yaml.safe_dump({"half": {"base": "base", "sample": 50}}))
    paths[1].write_text(yaml.safe_dump({"base": BASE}))
    assert read_datasets(paths)["half"].n_samples == 50


@pytest.fixture(scope="module")
def shipped():
    return read_datasets([ROOT / "config" / "datasets.yaml"])


def test_the_shipped_catalogue_has_what_the_papers_and_the_benchmarks_name(shipped):
    names = """
    handwritten mnist-5k digits fashion-mnist synthetic-3view bdgp mnist-usps wikipedia cub
    scene-15 landuse-21 msrc-v1 3sources bbc bbcsport reuters-1200 orl yale-3view aloi-10 cora
    citeseer movies617 webkb-203 proteinfold ccv-reduced pascal-sentence-100 cifar-10-test
    cifar-100-test usps coil-20 coil-100-subset orl-pixels synthetic3d cifar-10 cifar-100-20
    stl-10 imagenet-10 imagenet-dogs ccv fashion-mv caltech-2v caltech-3v caltech-4v caltech-5v
    wikipedia-dm2c nus-wide-10k-dm2c iapr-tc12 esp-game mirflickr nus-wide-dmim youcook
    handwritten-mixed
    wikipedia-mixed bdgp-mixed cub-mixed wikipedia-mixed-split mnist-2k fashion-mnist-2k
    fashion-mnist-5k fashion-3view toy-3view toy-mixed toy-images toy-unavailable
    """
    assert set(names.split()) <= set(shipped)


def test_every_shipped_entry_has_a_title_citation_and_licence(shipped):
    for entry in shipped.values():
        assert entry.title, entry.name
        assert entry.citation, entry.name
        assert entry.licence, entry.name
        assert len(entry.views) > 1 or entry.pairing == "none", entry.name


def test_titles_of_shipped_entries_are_distinct(shipped):
    titles = [entry.title for entry in shipped.values()]
    assert len(set(titles)) == len(titles)


def test_packages_are_asked_for_by_name_and_hosts_are_those_of_data(shipped):
    hosts = {
        urlsplit(url).netloc
        for entry in shipped.values()
        for source in entry.sources
        for file in source.files.values()
        for url in file.urls
        if url.startswith("http")
    }
    assert hosts == {
        "ai.stanford.edu",
        "archive.ics.uci.edu",
        "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "raw.githubusercontent.com",
        "www.cs.toronto.edu",
    }


def test_views_that_are_flattened_images_have_their_shape(shipped):
    for name in ("mnist-usps", "fashion-mv", "fashion-3view"):
        assert {spec.image_shape for spec in shipped[name].views.values()} == {(1, 28, 28)}
        assert shipped[name].data_setting == "paired"


def test_digits_joined_by_their_labels_are_marked(shipped):
    for name in ("mnist-usps", "fashion-mv", "fashion-3view"):
        assert shipped[name].pairing == "by-label"


def test_the_entries_in_the_documentation_are_right(tmp_path):
    text = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
    assert len(blocks) == 3
    path = tmp_path / "datasets.yaml"
    path.write_text("\n".join(blocks), encoding="utf-8")
    entries = read_datasets([path])
    assert entries["my-pairs-mixed-split"].data_setting == "mixed"
    assert entries["my-pairs-small"].n_samples == 200


def test_the_python_in_the_documentation_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    (code,) = (part.partition("```")[0] for part in text.split("```python\n")[1:])
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "datasets.yaml").symlink_to(ROOT / "config" / "datasets.yaml")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["data"].n_samples == 1797


def test_every_shipped_entry_survives_the_way_through_json(shipped):
    for name, entry in shipped.items():
        again = checked(DatasetEntry, json.loads(json.dumps(entry.as_dict())), where=name)
        assert again == entry
        assert list(again.views) == list(entry.views)
