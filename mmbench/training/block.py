"""The verb `fit`: train one block of seeds in a child process, and account for each of them.

The parent stays light (no torch, no scikit-learn): it leases a device, starts the child, watches
the clock, and writes both outputs at the end. The child can be killed at any moment, by the
clock, the kernel or itself; the parent records what happened to the seed it was at, and starts
another child for the seeds that remain.
"""

import codecs
import hashlib
import json
import os
import platform
import select
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from mmbench.data import read_metadata
from mmbench.errors import InputError
from mmbench.runs import PROTOCOL, Record, Run, Status, read_runs, write_runs
from mmbench.training import provenance
from mmbench.training.devices import Lease, leased
from mmbench.training.job import CUT_SHORT, SOUND, STATE_SUFFIX, Event, Job

_TAIL_LINES = 20
_TAIL_CHARACTERS = 8000
_GRACE = 10.0  # seconds between asking a process to end and killing it
_PIPE_BYTES = 65536  # as much as a pipe holds


def fit(
    job: Job,
    *,
    assignments: Path,
    records: Path,
    parts: Path,
    on_event: Callable[[Event], None] | None = None,
) -> list[Record]:
    """Train a block of seeds and write its two outputs; see `mmbench.runs`.

    A seed that ends `ok` is kept under `parts` at once, and a later call whose parameters,
    fingerprint, precision and data are the same takes it from there. One that failed is not
    kept: the later call tries it again. After the outputs are written, what `parts` holds of
    these seeds is removed; the folder stays, since another block may be about to write there.
    Only the saved state of a seed that was cut short stays (see `mmbench.methods.save_state`):
    a later call goes on from it, and from that of a seed whose block was stopped.

    What a method does wrong ends in the status of its seed. After an interrupt (Ctrl-C or
    SIGTERM) neither output is written; and if this process is killed, the child dies with it.

    Args:
        job: what to train.
        assignments: the .npz to write.
        records: the .json to write, after the other.
        parts: the folder for finished seeds, shared by the blocks of a data set, method and
            settings.
        on_event: told what happens, for a progress bar.

    Returns:
        A record for each seed of the job, in its order.

    Raises:
        InputError: the views cannot be read, the method cannot be found, or a hyperparameter
            is wrong.
        OSError: an output or a part cannot be written.
        KeyboardInterrupt: after an interrupt.
    """
    tell = on_event or (lambda event: None)
    metadata = read_metadata(job.views)
    commit, clean = provenance.git_state()
    common = Record(
        seed=-1,
        status="data_unavailable",
        method=job.method,
        uses=job.uses,
        params=job.params,
        precision=job.precision,
        fingerprint=job.fingerprint,
        device=provenance.cpu_model(),
        threads=job.threads,
        versions=provenance.versions(),
        git_commit=commit,
        git_clean=clean,
        data_checksum=metadata.get("checksum", ""),
        started=provenance.now(),
        protocol=PROTOCOL,
        host=platform.node(),
        n_restarts=job.restarts,
    )
    told: dict[int, Run] = {}
    if metadata.get("status") == "data_unavailable":
        for seed in job.seeds:
            told[seed] = Run(replace(common, seed=seed, reason=metadata.get("reason", "")))
            tell(Event("done", seed, record=told[seed].record))
    else:
        identity = _identity(common)
        told = _kept(parts, job.seeds, identity)
        for seed, run in told.items():
            tell(Event("done", seed, record=run.record))
        pending = [seed for seed in job.seeds if seed not in told]
        for seed in pending:
            for state in parts.glob(f"{seed}-*{STATE_SUFFIX}"):
                if not state.name.startswith(f"{seed}-{identity}-"):
                    state.unlink(missing_ok=True)
        if pending:
            with _sigterm_as_interrupt():
                trained = _train(job, pending, common, parts, identity, tell)
            for seed, record in trained.items():
                ok = record.status == "ok"
                told[seed] = _read_part(parts, seed, identity) if ok else Run(record)

    runs = [told[seed] for seed in job.seeds]
    try:
        write_runs(runs, assignments, records)
    except BaseException:
        for output in (assignments, records):  # one without the other means nothing
            output.unlink(missing_ok=True)
        raise
    for record in (run.record for run in runs):
        # of earlier parameters and sources as well, and what a killed child was writing
        for part in [*parts.glob(f"{record.seed}-*"), *parts.glob(f".{record.seed}-*")]:
            if part.suffix != STATE_SUFFIX or record.status not in CUT_SHORT:
                part.unlink(missing_ok=True)
    return [run.record for run in runs]


def release(assignments: Path, records: Path, *, parts: Path) -> None:
    """Undo a block: remove its outputs, so that it is run again, and keep what ended `ok`.

    Args:
        assignments: the .npz of the block.
        records: its .json.
        parts: where `fit` looks for finished seeds.

    Raises:
        InputError: the block cannot be read.
    """
    for run in read_runs(assignments, records):
        if run.record.status == "ok":
            part = parts / f"{run.record.seed}-{_identity(run.record)}"
            write_runs([run], part.with_suffix(".npz"), part.with_suffix(".json"))
    records.unlink()
    assignments.unlink()


def _identity(record: Record) -> str:
    """Return sixteen hex digits that are the same only where the result of a seed must be."""
    told: list[Any] = [
        record.params,
        record.fingerprint,
        record.precision,
        record.data_checksum,
    ]
    if record.n_restarts > 1:
        told.append(record.n_restarts)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _kept(parts: Path, seeds: Sequence[int], identity: str) -> dict[int, Run]:
    """Return the finished seeds among these that earlier calls left behind."""
    found = {}
    for seed in seeds:
        # no part, or one that a power failure cut short, is no result: the seed is trained
        with suppress(InputError):
            found[seed] = _read_part(parts, seed, identity)
    return found


def _read_part(parts: Path, seed: int, identity: str) -> Run:
    part = parts / f"{seed}-{identity}"
    (run,) = read_runs(part.with_suffix(".npz"), part.with_suffix(".json"))
    return run


def _train(
    job: Job,
    seeds: Sequence[int],
    common: Record,
    parts: Path,
    identity: str,
    tell: Callable[[Event], None],
) -> dict[int, Record]:
    """Return the record of each seed, with as many children as it takes."""
    ended: dict[int, Record] = {}
    with leased(job.gpus, job.slots_per_gpu) as lease:
        devices = ",".join(lease.devices)
        simulated = f"simulated:{devices}" if lease.simulated else ""
        request = {
            "record": asdict(replace(common, device=simulated or devices or common.device)),
            "views": str(job.views),
            "seeds": list(seeds),
            "threads": job.threads,
            "device": "cuda" if lease.has_gpu else "cpu",
            "simulated": simulated,
            "parts": str(parts),
            "identity": identity,
            "waited": lease.waited,
        }
        while request["seeds"]:
            request["spawned"] = time.monotonic()
            with _Child(request, _environment(job.threads, lease), lease.files) as child:
                for record in _watch(child, request, job.timeout_minutes, tell):
                    ended[record.seed] = record
                    tell(Event("done", record.seed, record=record))
            request["seeds"] = [seed for seed in seeds if seed not in ended]
            request["waited"] = 0.0
    return ended


def _watch(
    child: "_Child", request: dict[str, Any], minutes: float, tell: Callable[[Event], None]
) -> Iterator[Record]:
    """Yield the record of each seed that ends, until the child does or must be replaced."""
    pending = list(request["seeds"])
    begins = request["spawned"]
    deadline = begins + 60 * minutes
    spent = 0.0  # by earlier processes, on the seed at work
    # what is known of the seed at work, in case the child can say no more
    now = Record(**request["record"])
    now = replace(now, seed=pending[0], seconds={"waiting": request["waited"]})
    while pending:
        try:
            message = child.receive(deadline)
        except TimeoutError:
            reason = f"no result after {minutes:g} minutes"
            if spent:
                reason += f", {spent / 60:.1f} of them before it went on"
            now = replace(now, status="timed_out", reason=reason, memory=child.memory())
            child.stop()
            yield _cut_short(now, begins, child)
            return
        if message is None:
            status, reason = child.death()
            now = replace(now, status=status, reason=reason)
            yield _cut_short(now, begins, child)
            return
        match message["event"]:
            case "started":
                now = Record(**message["record"])
                begins = time.monotonic()
                tell(Event("started", now.seed))
            case "restart":
                now = replace(now, losses={}, restarts=message["restarts"])
            case "resumed":
                now = replace(now, losses=message["losses"])
                spent += message["spent"]  # of several restarts, each may go on
                begins -= message["spent"]
                deadline -= message["spent"]
            case "epoch":
                for name, value in message["figures"].items():
                    now.losses.setdefault(name, []).append((message["epoch"], value))
                loss = message["figures"].get("loss")
                tell(Event("epoch", now.seed, message["epoch"], loss))
            case "ended":
                now = Record(**message["record"])
                if now.status != "ok":
                    now = replace(now, log_tail=child.tail())
                yield now
                for seed in message["alike"]:
                    yield replace(now, seed=seed, seconds={}, memory={})
                pending = pending[1 + len(message["alike"]) :]
                if now.status not in SOUND or not pending:
                    return
                child.go_on()
                begins = time.monotonic()
                deadline = begins + 60 * minutes
                spent = 0.0
                now = replace(Record(**request["record"]), seed=pending[0])
            case "fault" if message["errno"] is not None:
                raise OSError(message["errno"], message["message"], message["file"])
            case _:
                raise InputError(message["message"])


def _cut_short(now: Record, begins: float, child: "_Child") -> Record:
    """Return the record of a seed whose process ended before it did."""
    stage = "training" if "setup" in now.seconds else "setup"
    seconds = now.seconds | {stage: time.monotonic() - begins}
    return replace(now, log_tail=child.tail(), seconds=seconds | {"total": sum(seconds.values())})


class _Child:
    """The process that trains, with its process group and the pipes to and from it."""

    def __init__(
        self, request: dict[str, Any], environment: dict[str, str], inherited: Sequence[int]
    ) -> None:
        self._events, events = os.pipe()
        lifeline, self._lifeline = os.pipe()
        # -P: a file in the current directory named like a library must not replace it
        command = [sys.executable, "-P", "-u", "-X", "faulthandler"]
        self._process = subprocess.Popen(
            [*command, "-m", "mmbench.training.child", str(events), str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            env=environment,
            pass_fds=(events, lifeline, *inherited),
            process_group=0,
        )
        os.close(events)
        os.close(lifeline)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._exit = os.pidfd_open(self._process.pid)
        self._selector = selectors.DefaultSelector()
        for file in (self._events, self._output):
            os.set_blocking(file, False)
        for file in (self._events, self._output, self._exit):
            self._selector.register(file, selectors.EVENT_READ)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._tail = ""
        self._line = b""
        self._messages: deque[dict[str, Any]] = deque()
        self._gone = False
        self._say(json.dumps(request))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Kill whatever is left of the process group, and let go of everything."""
        try:
            if kind is KeyboardInterrupt:
                self.stop()
        finally:  # an impatient second interrupt included
            self._release()

    def _release(self) -> None:
        self._kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        for file in (self._events, self._lifeline, self._exit):
            os.close(file)

    def receive(self, deadline: float) -> dict[str, Any] | None:
        """Return the next message, or None when the process has ended.

        Raises:
            TimeoutError: it is later than `deadline`, by `time.monotonic`.
        """
        while not self._messages and not self._gone:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ready = {key.fd for key, _ in self._selector.select(min(left, 60))}
            self._gone = self._exit in ready
            if self._gone:
                self._kill()  # what it started may hold the pipes open
            # In this order: the child flushes its output before it tells of an event, and
            # then waits for `go_on` before the next seed. So each line counts to its seed.
            self._drain_events()
            self._drain_output()
        return self._messages.popleft() if self._messages else None

    def death(self) -> tuple[Status, str]:
        """Return the status and the reason that the end of the process stands for."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "out_of_memory", (
                "killed by signal 9 (Killed), most likely by the kernel for want of memory;"
                " this is a guess, for it leaves no word"
            )
        if code < 0:
            return "crashed", f"killed by signal {-code} ({signal.strsignal(-code)})"
        return "crashed", f"the process ended with exit status {code} before the seed did"

    def memory(self) -> dict[str, int]:
        """Return the peak memory of a process that is still there."""
        peak = provenance.peak_memory(self._process.pid)
        return {} if peak is None else {"host": peak}

    def tail(self) -> str:
        """Return the last lines that it printed about the seed at work."""
        return "\n".join(self._tail.splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """Ask it to end, and give it some seconds to save how far it came."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        select.select([self._exit], [], [], _GRACE)

    def go_on(self) -> None:
        """Let it begin the next seed, and leave the lines so far to the one that has ended."""
        self._tail = ""
        self._say("")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # `receive` will tell that it is gone
            self._process.stdin.write(line.encode() + b"\n")

    def _kill(self) -> None:
        # it has not been waited for, so its number cannot be another's yet
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _drain_output(self) -> None:
        for read in self._read(self._output):
            text = self._decoder.decode(read)
            sys.stderr.write(text)
            sys.stderr.flush()
            self._tail = (self._tail + text)[-_TAIL_CHARACTERS:]

    def _drain_events(self) -> None:
        for read in self._read(self._events):
            *lines, self._line = (self._line + read).split(b"\n")
            self._messages.extend(json.loads(line) for line in lines)

    def _read(self, file: int) -> Iterator[bytes]:
        """Yield what a pipe holds: one pipeful while the process runs, all once it is gone."""
        with suppress(BlockingIOError):
            while read := os.read(file, _PIPE_BYTES):
                yield read
                if not self._gone:
                    return
            # its end: nobody holds the other side any more, so nothing more can come
            with suppress(KeyError):
                self._selector.unregister(file)


def _environment(threads: int, lease: Lease) -> dict[str, str]:
    """Return the environment of a child: limits that count only before a library is loaded."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(limits, str(threads)),
        "CUDA_VISIBLE_DEVICES": ",".join(lease.devices),  # none: nobody uses what is not leased
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS is not deterministic
        "PYTHONHASHSEED": "0",
        # what can be imported here can be imported there
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, by which schedulers end jobs, do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; the kernel still ends the child with us
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
