"""All figures of a report: their names, the bytes of their files, and incomplete data."""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmbench.errors import InputError
from mmbench.reporting import ReportSpec
from mmbench.reporting.details import Details, open_details
from mmbench.reporting.figures import FAMILIES, Family, figure_names, write_figures
from mmbench.reporting.figures.style import Drawing, empty, save, styled

NASTY = r"$\alpha_{x$ & <b>a_b</b> {c} %d #1 ^2 |~\n"


def details_of(seeds, methods=("km_all", "cmmc"), n_samples=40):
    """Return arrays as `score` keeps them: two phases of ten epochs, four classes."""
    rng = np.random.default_rng(0)
    y_true = np.arange(n_samples) % 4
    arrays = {"classes": np.array(["zero", "one", "two", NASTY])}
    for method in methods:
        for seed in seeds:
            epochs = np.arange(20, dtype=np.float32)
            key = f"{method}/{seed}"
            arrays[f"loss/{key}/loss"] = np.stack([epochs, 1000 / (epochs + 1 + seed) ** 3])
            arrays[f"loss/{key}/reconstruction_pix"] = np.stack([epochs, 1 / (epochs + 1)])
            arrays[f"loss/{key}/contrast"] = np.stack([epochs[10:], -epochs[10:]])
            for term, value in (("z", 0.2), ("h", 0.8)):
                for when, epoch in (("before", 9), ("after", 19)):
                    value = min(1.0, value + 0.1)
                    arrays[f"loss/{key}/cka_{term}_{when}"] = np.array([[epoch], [value]])
            arrays[f"acc/{key}"] = np.array([[4, 9, 14, 19], [0.3, 0.5, 0.9, 0.8]])
        first = f"{method}/{seeds[0]}"
        arrays[f"confusion/{first}"] = np.eye(4, 5, dtype=np.int32) * 9 + 1
        arrays[f"embedding/{first}"] = rng.normal(size=(n_samples, 6)) + 5 * y_true[:, None]
        arrays[f"embedding_true/{first}"] = y_true
        arrays[f"embedding_pred/{first}"] = (y_true + 1) % 4
    arrays["agreement_methods"] = np.array(methods)
    arrays["agreement"] = np.where(np.eye(len(methods)) > 0, 1, 0.25)
    return arrays


class FigureBenchmark:
    """One data set of the small benchmark, with arrays for figures."""

    def __init__(self, stored) -> None:
        self.stored = stored
        fields = stored.spec.model_dump()
        fields["datasets"] = [d for d in fields["datasets"] if d["name"] == "digits"]
        for method in fields["methods"]:
            if method["name"] == "cmmc":
                method["uses"] = "cmmc"
        self.spec = ReportSpec.model_validate(fields)
        self.arrays = {"digits": details_of(self.spec.seeds)}

    def change(self, **update) -> None:
        self.spec = ReportSpec.model_validate(self.spec.model_dump() | update)

    def draw(self, name="figures"):
        folder = self.stored.results / name
        details = {d: Details(arrays, self.spec.seeds) for d, arrays in self.arrays.items()}
        captions = write_figures(self.stored.report(self.spec, details=details), folder)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        return captions, files


@pytest.fixture
def benchmark(stored):
    return FigureBenchmark(stored)


@pytest.fixture
def quick(monkeypatch):
    """Lay figures out, which takes all their text apart, but write no picture."""

    def savefig(figure, path, *, format, metadata):
        if format == "pdf":
            figure.draw_without_rendering()
        path.touch()

    monkeypatch.setattr(Figure, "savefig", savefig)


@pytest.mark.usefixtures("quick")
def test_each_declared_figure_is_written_with_a_caption_and_no_other(benchmark):
    fields = benchmark.spec.model_dump()
    corrupted = {"name": "parts", "base": "digits", "varied": {"missing_rate": 0.5}}
    away = benchmark.stored.spec.datasets[-1].model_dump()
    fields["datasets"] = [*fields["datasets"], fields["datasets"][0] | corrupted, away]
    for name, varied in (("km_all", {"n": 1}), ("dmim", {"n": 2}), ("sacc", {"n": True})):
        (method,) = [m for m in fields["methods"] if m["name"] == name]
        method |= {"base": "cmmc", "varied": varied}
    benchmark.change(**fields)
    captions, files = benchmark.draw()
    names = figure_names(benchmark.spec)
    assert {name.partition("-")[0] for name in names} == {family.name for family in FAMILIES}
    assert list(captions) == names
    assert set(files) == {f"{name}.{form}" for name in names for form in ("pdf", "png")}
    assert all(caption.endswith(".") for caption in captions.values())


@pytest.mark.usefixtures("quick")
def test_a_new_family_needs_one_module_and_one_entry(benchmark, monkeypatch):
    module = ModuleType("mmbench.reporting.figures.extra")
    module.draw = lambda report, key: Drawing(Figure(), f"The {key} of {report.spec.name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    family = Family("extra", lambda spec: ["size"], "A caption.")
    monkeypatch.setattr("mmbench.reporting.figures.FAMILIES", (family,))
    captions, files = benchmark.draw()
    assert captions == {"extra-size": "The size of tiny. A caption."}
    assert set(files) == {"extra-size.pdf", "extra-size.png"}


@pytest.mark.slow
def test_another_drawing_gives_the_same_pictures_of_a_readable_size(benchmark):
    _, files = benchmark.draw()
    _, again = benchmark.draw("again")
    assert again == files
    for name, content in files.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG"), name
            assert 900 < int.from_bytes(content[16:20], "big") < 2600, name
        else:
            assert content.startswith(b"%PDF"), name
            assert b"CreationDate" not in content, name


def test_a_saved_figure_has_no_date_and_the_same_bytes_again(tmp_path):
    def saved(name):
        with styled():
            save(empty(NASTY, NASTY).figure, tmp_path / name)
        return [(tmp_path / f"{name}.{form}").read_bytes() for form in ("pdf", "png")]

    pdf, png = saved("once")
    assert saved("again") == [pdf, png]
    assert pdf.startswith(b"%PDF")
    assert png.startswith(b"\x89PNG")
    assert b"CreationDate" not in pdf


def test_names_are_known_without_matplotlib():
    code = (
        "import sys; from mmbench.reporting.figures import figure_names;"
        "sys.exit(int('matplotlib' in sys.modules or 'sklearn' in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "remove",
    [
        lambda b: b.change(seeds=[1]),
        lambda b: b.change(methods=b.spec.model_dump()["methods"][:1]),
        lambda b: b.arrays.update(digits={"classes": np.array(["a"])}),
        lambda b: b.arrays.clear(),
        lambda b: b.arrays["digits"].update({"loss/cmmc/0/loss": np.full((2, 3), np.nan)}),
        lambda b: b.arrays["digits"].update({"embedding/cmmc/0": np.ones((40, 1))}),
    ],
    ids=["one seed", "one method", "no arrays", "no files", "NaN", "a single point"],
)
def test_incomplete_data_still_give_every_figure(benchmark, remove):
    remove(benchmark)
    captions, files = benchmark.draw()
    assert list(captions) == figure_names(benchmark.spec)
    assert len(files) == 2 * len(captions)


@pytest.mark.usefixtures("quick")
def test_names_may_contain_any_characters(benchmark):
    fields = benchmark.spec.model_dump()
    for entry in (*fields["datasets"], *fields["methods"]):
        entry["title"] = NASTY + entry["title"]
    benchmark.change(**fields)
    captions, _ = benchmark.draw()
    assert NASTY in captions["scores-digits"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "the details of scores, found none"), (b"PK no", "an .npz of details, but")],
)
def test_a_details_file_that_cannot_be_read_is_named(tmp_path, content, complaint):
    path = tmp_path / "details.npz"
    if content:
        path.write_bytes(content)
    with (
        pytest.raises(InputError, match=f"details.npz: expected {complaint}"),
        open_details(path, (0,)),
    ):
        pytest.fail("it was opened")
