"""Each format against arrays written here; and what a loader refuses."""

import csv
import gzip
import io
import struct
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix

from mmbench.config import ViewSpec, read_datasets
from mmbench.config.sources import SOURCE_TYPES
from mmbench.datasets.loaders import read
from mmbench.errors import InputError

VIEWS = {
    "first": ViewSpec(modality="image", dims=3),
    "second": ViewSpec(modality="text", dims=2),
}
IMAGES = {"image": ViewSpec(modality="image", dims=(3, 4, 5))}
FIRST = np.arange(12.0).reshape(4, 3)
SECOND = np.arange(8).reshape(4, 2)
LABELS = np.array([1, 1, 2, 2])


def make_source(loader, files, **keys):
    files = {name: {"sha256": "unknown", "urls": "manual:x"} for name in files}
    return SOURCE_TYPES[loader].model_validate(
        {"name": "here", "loader": loader, "files": files, **keys}
    )


def load(folder, loader, files, specs=VIEWS, **keys):
    return read(make_source(loader, files, **keys), folder, specs, name="tiny")


def is_as_written(raw):
    np.testing.assert_array_equal(raw.views["first"], FIRST)
    np.testing.assert_array_equal(raw.views["second"], SECOND)
    np.testing.assert_array_equal(raw.labels, LABELS)
    return True


CELLS = {
    "views": {"first": {"key": "X", "cell": 0}, "second": {"key": "X", "cell": 1}},
    "labels": {"key": "Y"},
}
PLAIN = {
    "views": {"first": {"key": "X1"}, "second": {"key": "X2"}},
    "labels": {"key": "Y"},
}


def cell_array(*values, shape=None):
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = value
    return cells if shape is None else cells.reshape(shape)


@pytest.mark.parametrize("shape", [(1, 2), (2, 1)])
def test_matlab_cells_are_read_in_order(tmp_path, shape):
    savemat(tmp_path / "a.mat", {"X": cell_array(FIRST, SECOND, shape=shape), "Y": LABELS})
    assert is_as_written(load(tmp_path, "mat", ["a.mat"], **CELLS))


def test_matlab_samples_may_be_in_columns_and_sparse(tmp_path):
    cells = cell_array(csc_matrix(FIRST.T), csc_matrix(SECOND.T))
    savemat(tmp_path / "a.mat", {"X": cells, "Y": LABELS[None]})
    views = {name: {**where, "samples": "columns"} for name, where in CELLS["views"].items()}
    assert is_as_written(load(tmp_path, "mat", ["a.mat"], views=views, labels={"key": "Y"}))


def matlab_73(path):
    """Write a Matlab 7.3 file as Matlab does: HDF5 behind a header, axes in opposite order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["#refs#/a"] = FIRST.T
        sparse = csc_matrix(SECOND)
        group = file.create_group("#refs#/b")
        group.attrs["MATLAB_sparse"] = np.uint64(4)
        group["data"], group["ir"], group["jc"] = sparse.data, sparse.indices, sparse.indptr
        cells = file.create_dataset("X", (2, 1), dtype=h5py.ref_dtype)
        cells[0, 0], cells[1, 0] = file["#refs#/a"].ref, file["#refs#/b"].ref
        file["X1"], file["X2"] = FIRST.T, SECOND.T
        file["Y"] = LABELS[None]
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124))


def test_matlab_73_cells_and_sparse_views_are_read(tmp_path):
    matlab_73(tmp_path / "a.mat")
    assert is_as_written(load(tmp_path, "mat", ["a.mat"], **CELLS))


def test_matlab_73_arrays_are_put_the_right_way_round(tmp_path):
    matlab_73(tmp_path / "a.mat")
    assert is_as_written(load(tmp_path, "mat", ["a.mat"], **PLAIN))


def test_hdf5_is_read_as_stored_and_parts_are_stacked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for part, rows in (("train", slice(0, 3)), ("test", slice(3, 4))):
            file[f"{part}/X1"], file[f"{part}/X2"] = FIRST[rows], SECOND[rows]
            file[f"{part}/Y"] = LABELS[rows]
    parts = {key: [{"key": f"{p}/{key}"} for p in ("train", "test")] for key in ("X1", "X2", "Y")}
    views = {"first": parts["X1"], "second": parts["X2"]}
    assert is_as_written(load(tmp_path, "hdf5", ["a.h5"], views=views, labels=parts["Y"]))


def test_npz_and_npy_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", X1=FIRST, Y=LABELS)
    np.save(tmp_path / "b.npy", SECOND)
    views = {"first": {"file": "a.npz", "key": "X1"}, "second": {"file": "b.npy"}}
    labels = {"file": "a.npz", "key": "Y"}
    assert is_as_written(load(tmp_path, "npz", ["a.npz", "b.npy"], views=views, labels=labels))


def test_labels_of_arrays_may_be_in_a_text_file(tmp_path):
    np.savez(tmp_path / "a.npz", X1=FIRST, X2=SECOND)
    (tmp_path / "y.list").write_text("p\tq\t1\np\tq\t1\np\tq\t2\np\tq\t2\n")
    views = {
        "first": {"file": "a.npz", "key": "X1"},
        "second": {"file": "a.npz", "key": "X2"},
    }
    labels = {"file": "y.list", "column": 2}
    assert is_as_written(load(tmp_path, "npz", ["a.npz", "y.list"], views=views, labels=labels))


def test_images_stored_column_by_column_are_put_upright(tmp_path):
    upright = np.arange(2 * 6).reshape(2, 2, 3)  # two images of 2 x 3 pixels
    stored = np.stack([image.ravel(order="F") for image in upright])
    np.savez(tmp_path / "a.npz", X=stored, Y=[0, 1])
    view = {"image": {"key": "X", "transposed": [2, 3]}}
    raw = load(tmp_path, "npz", ["a.npz"], IMAGES, views=view, labels={"key": "Y"})
    np.testing.assert_array_equal(raw.views["image"].reshape(2, 2, 3), upright)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_columns_of_a_text_file_are_views(tmp_path, suffix):
    rows = [",".join(map(str, [*a, *b, y])) for a, b, y in zip(FIRST, SECOND, LABELS, strict=True)]
    text = "\n".join(["a,b,c,d,e,class", *rows]) + "\n"
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    for labels in ({"column": -1}, {"column": "class"}):
        views = {"first": {"columns": [0, 3]}, "second": {"columns": [3, -1]}}
        keys = {"header": True, "views": views, "labels": labels}
        assert is_as_written(load(tmp_path, "csv", [path.name], **keys))


def test_text_without_labels_may_have_its_classes_in_turn(tmp_path):
    np.savetxt(tmp_path / "a", FIRST)
    np.savetxt(tmp_path / "b", SECOND)
    views = {"first": {"file": "a"}, "second": {"file": "b"}}
    labels = {"file": "a", "rows_per_class": 2}
    keys = {"delimiter": "whitespace", "views": views, "labels": labels}
    np.testing.assert_array_equal(load(tmp_path, "csv", "ab", **keys).labels, [0, 0, 1, 1])


def test_class_names_in_a_text_file_are_kept(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,cat\n3,4,dog\n")
    keys = {"views": {"first": {"columns": [0, 2]}}, "labels": {"column": 2}}
    assert load(tmp_path, "csv", ["a.csv"], **keys).labels.tolist() == ["cat", "dog"]


def test_numbers_as_labels_sort_as_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("1,10\n3,9\n")
    keys = {"views": {"first": {"columns": [0, 1]}}, "labels": {"column": 1}}
    assert np.unique(load(tmp_path, "csv", ["a.csv"], **keys).labels).tolist() == [9, 10]


def idx(array):
    codes = {"uint8": 8, ">f4": 13, ">i4": 12}
    head = bytes([0, 0, codes[array.dtype.str if array.dtype.str != "|u1" else "uint8"]])
    shape = struct.pack(f">{array.ndim}i", *array.shape)
    return head + bytes([array.ndim]) + shape + array.tobytes()


def test_idx_files_are_read_plain_and_compressed(tmp_path):
    (tmp_path / "x1").write_bytes(idx(FIRST.astype(">f4")))
    (tmp_path / "x2.gz").write_bytes(gzip.compress(idx(SECOND.astype(">i4"))))
    (tmp_path / "y").write_bytes(idx(LABELS.astype(np.uint8)))
    keys = {"views": {"first": "x1", "second": "x2.gz"}, "labels": "y"}
    assert is_as_written(load(tmp_path, "idx", ["x1", "x2.gz", "y"], **keys))


def image(shade, size=(5, 4)):
    content = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 255)).save(content, "PNG")
    return content.getvalue()


def archive(path, members, mode="w:xz"):
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


FOUR = {
    "test/cat/1.png": image(10),
    "test/cat/2.png": image(20),
    "test/dog/1.png": image(30),
    "test/README": b"no image",
    "test/dog/._2.png": b"what a Mac leaves",
}


def test_images_in_archives_get_the_class_of_their_folder(tmp_path):
    archive(tmp_path / "a.tar.xz", FOUR)
    archive(tmp_path / "b.tar", {"bird/1.png": image(40)}, "w")
    raw = load(tmp_path, "images", ["a.tar.xz", "b.tar"], IMAGES)
    assert raw.labels.tolist() == ["cat", "cat", "dog", "bird"]
    assert raw.views["image"].shape == (4, 3, 4, 5)
    np.testing.assert_array_equal(raw.views["image"][:, 0, 0, 0], [10, 20, 30, 40])
    assert (raw.views["image"][:, 2] == 255).all()


def test_images_in_folders_are_cropped_to_the_size_asked_for(tmp_path):
    for name, content in {**FOUR, "test/owl/1.png": image(50, (20, 8))}.items():
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).write_bytes(content)
    raw = load(tmp_path, "images", ["train/"], IMAGES, only=["cat", "owl"])
    assert raw.labels.tolist() == ["cat", "cat", "owl"]
    assert raw.views["image"][2, 0].tolist() == [[50] * 5] * 4


def test_folders_may_be_mapped_to_superclasses(tmp_path):
    archive(tmp_path / "a.tar", {**FOUR, "test/owl/1.png": image(1)}, "w")
    with (tmp_path / "map.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("fine", "coarse"), ("cat", "pet"), ("dog", "pet"), ("owl", "bird")]
        )
    raw = load(tmp_path, "images", ["a.tar", "map.csv"], IMAGES, superclasses="map.csv")
    assert raw.labels.tolist() == ["pet", "pet", "pet", "bird"]


def test_cifar_records_are_labels_and_planes(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(4, 3, 32, 32), dtype=np.uint8)
    coarse, fine = np.array([[0, 1, 1, 0], [5, 6, 7, 5]], np.uint8)
    records = np.column_stack([coarse, fine, images.reshape(4, -1)])
    archive(tmp_path / "c.tar.gz", {"c/b": records[2:].tobytes(), "c/a": records[:2].tobytes()})
    views = {"image": ViewSpec(modality="image", dims=(3, 32, 32))}
    keys = {"members": ["c/a", "c/b"], "label_bytes": 2}
    raw = load(tmp_path, "cifar-binary", ["c.tar.gz"], views, **keys)
    np.testing.assert_array_equal(raw.views["image"], images)
    assert raw.labels.tolist() == [0, 1, 1, 0]


def test_stl_planes_are_stored_column_by_column(tmp_path):
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    stored = images.transpose(0, 1, 3, 2).tobytes()
    archive(tmp_path / "s.tar.gz", {"s/X": stored, "s/y": bytes([1, 2])})
    keys = {"members": "s/X", "labels": "s/y"}
    raw = load(tmp_path, "stl10-binary", ["s.tar.gz"], IMAGES, **keys)
    np.testing.assert_array_equal(raw.views["image"], images)


# ---- the image sets of the papers: small files of their format, read as the catalogue says -----


@pytest.fixture(scope="module")
def catalogue():
    """Give the entries of the shipped catalogue."""
    return read_datasets([Path(__file__).parents[2] / "config/datasets.yaml"])


def source_of(entry, loader):
    (found,) = [s for s in entry.sources if s.loader == loader]
    return found


@pytest.mark.parametrize(
    ("name", "n_members", "record_bytes"),
    [
        ("cifar-10", 6, 3073),  # label, planes
        ("cifar-10-test", 1, 3073),
        ("cifar-100-20", 2, 3074),  # superclass, class, planes
        ("cifar-100-test", 1, 3074),
    ],
)
def test_the_binary_batches_of_cifar_are_stacked_in_order(
    tmp_path, catalogue, name, n_members, record_bytes
):
    entry = catalogue[name]
    source = source_of(entry, "cifar-binary")
    assert len(source.members) == n_members
    records = np.random.default_rng(0).integers(256, size=(n_members, 3, record_bytes))
    records[..., 0] = np.arange(3 * n_members).reshape(n_members, 3) % entry.n_clusters
    records = records.astype(np.uint8)
    folder = source.members[0].partition("/")[0]
    members = dict(zip(source.members, map(bytes, map(np.ravel, records)), strict=True))
    others = {f"{folder}/batches.meta.txt": b"airplane\n", f"{folder}/readme.html": b"<html>"}
    (file,) = source.files
    archive(tmp_path / file, {**others, **dict(reversed(members.items()))}, "w:gz")
    raw = read(source, tmp_path, entry.views, name=name)
    planes = records[..., -3072:].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(raw.views["image"], planes)
    np.testing.assert_array_equal(raw.labels, records[..., 0].ravel())


def test_the_labelled_parts_of_stl_10_are_stacked_and_the_unlabelled_one_stays_apart(
    tmp_path, catalogue
):
    entry = catalogue["stl-10"]
    source = source_of(entry, "stl10-binary")
    images = np.random.default_rng(0).integers(256, size=(5, 3, 96, 96), dtype=np.uint8)
    # as documented by its authors: each plane is stored column by column, and classes are 1 to 10
    stored = [bytes(part.transpose(0, 1, 3, 2).ravel()) for part in (images[:2], images[2:])]
    members = {
        "stl10_binary/test_X.bin": stored[1],
        "stl10_binary/test_y.bin": bytes([3, 10, 1]),
        "stl10_binary/train_X.bin": stored[0],
        "stl10_binary/train_y.bin": bytes([1, 2]),
        "stl10_binary/unlabeled_X.bin": 3 * stored[0],
        "stl10_binary/class_names.txt": b"airplane\n",
        "stl10_binary/fold_indices.txt": b"1 2\n",
    }
    (file,) = source.files
    archive(tmp_path / file, members, "w:gz")
    raw = read(source, tmp_path, entry.views, name="stl-10")
    np.testing.assert_array_equal(raw.views["image"], images)
    assert raw.labels.tolist() == [1, 2, 3, 10, 1]
    np.testing.assert_array_equal(raw.unlabelled, np.tile(images[:2], (3, 1, 1, 1)))


def test_a_source_without_unlabelled_images_has_none(tmp_path):
    archive(tmp_path / "s.tar.gz", {"s/X": bytes(2 * 60), "s/y": bytes([1, 2])})
    keys = {"members": "s/X", "labels": "s/y"}
    assert load(tmp_path, "stl10-binary", ["s.tar.gz"], IMAGES, **keys).unlabelled is None


@pytest.mark.parametrize("name", ["imagenet-10", "imagenet-dogs"])
def test_the_classes_of_an_imagenet_subset_are_picked_from_its_folders(tmp_path, catalogue, name):
    entry = catalogue[name]
    source = source_of(entry, "images")
    assert len(source.only) == entry.n_clusters
    # not all of its JPEG files are in three colours
    modes = ["RGB", "L", "CMYK"]
    for place, folder in enumerate([*source.only, "n01440764"]):
        (tmp_path / "train" / folder).mkdir(parents=True)
        for i, size in enumerate([(200, 150), (60, 90)]):
            jpeg = Image.new(modes[place % 3], size)
            jpeg.save(tmp_path / "train" / folder / f"{folder}_{i}.JPEG", "JPEG")
    raw = read(source, tmp_path, entry.views, name=name)
    assert raw.views["image"].shape == (2 * entry.n_clusters, 3, 128, 128)
    assert raw.views["image"].dtype == np.uint8
    assert raw.labels.tolist() == [c for c in sorted(source.only) for _ in range(2)]


# ---- mixed-modal files: a small file of the layout of DM2C, read as the catalogue says ----------

ROWS = [  # features, file name, modality
    (np.array([1.0, 2.0, 3.0]), "a.jpg", 0),
    (np.array([4.0, 5.0]), "b.txt", 1),
    (np.array([6.0, 7.0]), "c.txt", 1),
    (np.array([8.0, 9.0, 10.0]), "d.jpg", 0),
]


def write_rows(path, rows, labels, columns=(0, 1, 2)):
    cells = np.empty((len(rows), len(columns)), dtype=object)
    for position, row in enumerate(rows):
        cells[position] = [row[column] for column in columns]
    savemat(path, {"X": cells, "y": labels})


@pytest.mark.parametrize(
    ("name", "columns"), [("wikipedia-dm2c", (0, 1, 2)), ("nus-wide-10k-dm2c", (0, 2))]
)
def test_rows_of_mixed_modal_files_belong_to_the_view_of_their_modality(
    tmp_path, catalogue, name, columns
):
    entry = catalogue[name]
    (source,) = entry.sources
    write_rows(tmp_path / "train_file.mat", ROWS[:3], [3, 1, 2], columns)
    write_rows(tmp_path / "test_file.mat", ROWS[3:], [10], columns)
    raw = read(source, tmp_path, entry.views, name=name)
    np.testing.assert_array_equal(raw.views["image"], [[1, 2, 3], [8, 9, 10]])
    np.testing.assert_array_equal(raw.views["text"], [[4, 5], [6, 7]])
    assert {view: index.tolist() for view, index in raw.sample_index.items()} == {
        "image": [0, 3],
        "text": [1, 2],
    }
    assert (raw.labels.tolist(), raw.n_held_out) == ([3, 1, 2, 10], 1)


MIXED = {"samples": "X", "labels": "y", "views": {"first": 0, "second": 1}, "train": "a.mat"}


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([*ROWS[:3], (ROWS[3][0], "d", 2)], LABELS, r"a.mat: X: row 3: .* of \[0, 1\], got \[2\]"),
        (ROWS, LABELS[:3], r"a.mat: X: .* each of 3 labels, got cells of shape \(4, 3\)"),
        ([*ROWS[:3], (ROWS[3][0][:2], "d", 0)], LABELS, "first: expected parts of equal width"),
        (ROWS[1:3], LABELS[1:3], "first: expected rows of modality 0, found none"),
    ],
)
def test_a_mistake_in_mixed_modal_files_is_one_line(tmp_path, rows, labels, message):
    write_rows(tmp_path / "a.mat", rows, labels)
    with pytest.raises(InputError, match=message) as error:
        load(tmp_path, "mat-mixed", ["a.mat"], **MIXED)
    assert "\n" not in str(error.value)


def test_mixed_modal_files_hold_cells(tmp_path):
    savemat(tmp_path / "a.mat", {"X": FIRST, "y": LABELS})
    with pytest.raises(InputError, match=r"a.mat: X: expected a cell array .* got numbers of"):
        load(tmp_path, "mat-mixed", ["a.mat"], **MIXED)


# ---- what is refused ----------------------------------------------------------------------------


def load_npz(folder, **changes):
    arrays = {"X1": FIRST, "X2": SECOND, "Y": LABELS, **changes}
    np.savez(folder / "a.npz", **{key: value for key, value in arrays.items() if value is not None})
    return load(folder, "npz", ["a.npz"], **PLAIN)


def with_(value, at=(2, 1)):
    changed = FIRST.copy()
    changed[at] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X1": with_(np.nan)}, "tiny/first: expected finite values, got 1 NaN .* in row 2"),
        ({"X1": with_(np.inf)}, "tiny/first: expected finite values"),
        ({"X2": SECOND[:3]}, "tiny: expected views of equal length, got first 4, second 3"),
        ({"X1": FIRST[:0]}, r"tiny/first: expected a view with values, got shape \(0, 3\)"),
        ({"X1": FIRST[:, :0]}, r"tiny/first: expected a view with values, got shape \(4, 0\)"),
        ({"X1": FIRST.astype(str)}, "tiny/first: expected numbers, got values of type"),
        ({"Y": LABELS[:3]}, "tiny: expected 4 labels, got 3"),
        ({"Y": np.array([1, 2, np.nan, 1])}, "tiny: expected a label for each sample, 1 are"),
        ({"Y": np.ones(4)}, r"tiny: expected at least two classes, got one \(1.0\)"),
        ({"Y": np.eye(4)}, r"a.npz: Y: expected one label for each sample, got shape \(4, 4\)"),
        ({"Y": None}, "a.npz: unknown array 'Y'; known: X1, X2"),
    ],
)
def test_unusable_values_are_one_line(tmp_path, changes, message):
    with pytest.raises(InputError, match=message) as error:
        load_npz(tmp_path, **changes)
    assert "\n" not in str(error.value)


def test_a_pickle_inside_an_npz_is_never_loaded(tmp_path):
    with pytest.raises(InputError, match=r"a.npz: .* Python objects \(a pickle\), .* never loaded"):
        load_npz(tmp_path, X1=np.array([{"a": 1}], dtype=object))


def test_a_pickle_named_npz_is_never_loaded(tmp_path):
    import pickle

    (tmp_path / "a.npz").write_bytes(pickle.dumps({"X1": 1}))
    with pytest.raises(InputError, match=r"a.npz: .*pickle.*never loaded"):
        load(tmp_path, "npz", ["a.npz"], **PLAIN)


def cut(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("version", ["5", "5 compressed", "7.3"])
def test_a_truncated_mat_file_is_an_error(tmp_path, keep, version):
    path = tmp_path / "a.mat"
    if version == "7.3":
        matlab_73(path)
    else:
        values = {"X": cell_array(np.tile(FIRST, (1, 50)), SECOND), "Y": LABELS}
        savemat(path, values, do_compression="compressed" in version)
    cut(path, keep)
    with pytest.raises(InputError, match=r"a.mat: ") as error:
        load(tmp_path, "mat", ["a.mat"], **CELLS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.95])
def test_a_truncated_npz_is_an_error(tmp_path, keep):
    load_npz(tmp_path)
    cut(tmp_path / "a.npz", keep)
    with pytest.raises(InputError, match=r"a.npz: expected a file of NumPy arrays, .*damaged"):
        load(tmp_path, "npz", ["a.npz"], **PLAIN)


@pytest.mark.parametrize("keep", [0.0, 0.31, 0.63, 0.85])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_truncated_archive_is_an_error(tmp_path, keep, mode):
    rng = np.random.default_rng(0)
    noise = io.BytesIO()
    Image.fromarray(rng.integers(256, size=(4, 5, 3), dtype=np.uint8)).save(noise, "BMP")
    members = {f"test/{c}/{i}.bmp": noise.getvalue() for c in ("cat", "dog") for i in range(40)}
    archive(tmp_path / "a.tar", members, mode)
    whole = load(tmp_path, "images", ["a.tar"], IMAGES)
    assert len(whole.labels) == 80
    cut(tmp_path / "a.tar", keep)
    with pytest.raises(InputError, match=r"a.tar: expected a tar archive, but ") as error:
        load(tmp_path, "images", ["a.tar"], IMAGES)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_a_truncated_idx_file_is_an_error(tmp_path, compress, keep):
    suffix = ".gz" if compress is gzip.compress else ""
    for name, array in (("x1", FIRST.astype(">f4")), ("x2", SECOND.astype(np.uint8))):
        (tmp_path / f"{name}{suffix}").write_bytes(compress(idx(array)))
    (tmp_path / "y").write_bytes(idx(LABELS.astype(np.uint8)))
    cut(tmp_path / f"x1{suffix}", keep)
    keys = {"views": {"first": f"x1{suffix}", "second": f"x2{suffix}"}, "labels": "y"}
    with pytest.raises(InputError, match=r"x1.*: expected"):
        load(tmp_path, "idx", [f"x1{suffix}", f"x2{suffix}", "y"], **keys)


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../x/1.png", image(1)),
        ("/etc/x/1.png", image(1)),
        ("a/../../x/1.png", image(1)),
        ("cat/2.png", link("cat/2.png", "/etc/passwd", tarfile.SYMTYPE)),
        ("cat/2.png", link("cat/2.png", "../../x", tarfile.LNKTYPE)),
        ("cat/pipe", link("cat/pipe", "", tarfile.FIFOTYPE)),
    ],
)
def test_a_member_that_would_leave_its_folder_is_refused(tmp_path, name, content):
    archive(tmp_path / "a.tar", {"cat/1.png": image(1), name: content}, "w")
    with pytest.raises(InputError, match=r"a.tar: expected .*" + name.rpartition("/")[2]):
        load(tmp_path, "images", ["a.tar"], IMAGES)


def test_a_damaged_image_is_named(tmp_path):
    archive(tmp_path / "a.tar", {**FOUR, "test/dog/3.png": image(1)[:40]}, "w")
    with pytest.raises(InputError, match=r"a.tar: test/dog/3.png: expected an image"):
        load(tmp_path, "images", ["a.tar"], IMAGES)


def test_images_outside_class_folders_are_refused(tmp_path):
    archive(tmp_path / "a.tar", {"1.png": image(1)}, "w")
    with pytest.raises(InputError, match=r"folders that name their class, got 1.png"):
        load(tmp_path, "images", ["a.tar"], IMAGES)


def test_an_archive_without_images_is_an_error(tmp_path):
    archive(tmp_path / "a.tar", {"README": b"x"}, "w")
    with pytest.raises(InputError, match=r"expected images, found none in a.tar"):
        load(tmp_path, "images", ["a.tar"], IMAGES)


def test_a_class_without_superclass_is_named(tmp_path):
    archive(tmp_path / "a.tar", FOUR, "w")
    (tmp_path / "map.csv").write_text("fine,coarse\ncat,pet\ndigs,pet\n")
    with pytest.raises(InputError, match=r"map.csv: unknown class 'dog'; did you mean 'digs'"):
        load(tmp_path, "images", ["a.tar", "map.csv"], IMAGES, superclasses="map.csv")


def test_a_missing_member_is_named(tmp_path):
    archive(tmp_path / "c.tar", {"a": b"x"}, "w")
    with pytest.raises(InputError, match=r"c.tar: expected a member b, found none"):
        load(tmp_path, "cifar-binary", ["c.tar"], IMAGES, members="b")


def test_a_batch_of_the_wrong_length_is_an_error(tmp_path):
    archive(tmp_path / "c.tar", {"a": bytes(62)}, "w")
    with pytest.raises(InputError, match=r"a: expected records of 61 bytes, got 62 bytes"):
        load(tmp_path, "cifar-binary", ["c.tar"], IMAGES, members="a")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a.npz: expected a file of tiny, found none"):
        load(tmp_path, "npz", ["a.npz"], **PLAIN)


def test_a_missing_variable_is_named_with_the_nearest(tmp_path):
    savemat(tmp_path / "a.mat", {"Xs": FIRST, "Y": LABELS})
    with pytest.raises(InputError, match=r"a.mat: unknown variable 'X'; did you mean 'Xs'"):
        load(tmp_path, "mat", ["a.mat"], **CELLS)


def test_a_missing_cell_is_an_error(tmp_path):
    savemat(tmp_path / "a.mat", {"X": cell_array(FIRST), "Y": LABELS})
    with pytest.raises(InputError, match=r"a.mat: X: expected a cell 1, it has 1 cells"):
        load(tmp_path, "mat", ["a.mat"], **CELLS)


def test_a_cell_array_needs_a_cell(tmp_path):
    savemat(tmp_path / "a.mat", {"X1": cell_array(FIRST), "X2": SECOND, "Y": LABELS})
    with pytest.raises(InputError, match=r"X1: expected an array, got a cell array"):
        load(tmp_path, "mat", ["a.mat"], **PLAIN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,x\n3,b,y\n", "could not convert"),
        ("1,2,x\n3,4\n", "expected a table of numbers"),
        ("1,2,x\n3,4,\n", "expected a label for each sample"),
        ("", "expected"),
    ],
)
def test_a_broken_table_is_an_error(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    keys = {"views": {"first": {"columns": [0, 2]}}, "labels": {"column": 2}}
    with pytest.raises(InputError, match=message):
        load(tmp_path, "csv", ["a.csv"], **keys)


def test_an_unknown_column_is_named_with_the_nearest(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,class\n1,2,x\n")
    keys = {"views": {"first": {"columns": [0, 2]}}, "labels": {"column": "clas"}}
    with pytest.raises(InputError, match=r"unknown column 'clas'; did you mean 'class'"):
        load(tmp_path, "csv", ["a.csv"], header=True, **keys)


def test_parts_of_different_width_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=FIRST, b=SECOND, Y=LABELS)
    views = {"first": [{"key": "a"}, {"key": "b"}]}
    with pytest.raises(InputError, match=r"first: expected parts of equal width"):
        load(tmp_path, "npz", ["a.npz"], views=views, labels={"key": "Y"})
