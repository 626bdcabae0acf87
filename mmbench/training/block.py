"""The verb `fit`: train one block of seeds in a child process, and account for each of them.

The parent stays light (no torch, no scikit-learn): it leases a device, starts the child, watches
the clock, and writes both outputs at the end. The child can be killed at any moment, by the
clock, the kernel or itself; the parent records what happened to the seed it was at, and starts
another child for the seeds that remain.
"""

import hashlib
import json
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmbench.errors import InputError
from mmbench.runs import FORMAT_VERSION, Record, Run, read_runs, write_runs
from mmbench.training import provenance
from mmbench.training.devices import leased
from mmbench.training.job import CUT_SHORT, SOUND, STATE_SUFFIX, Event, Job
from mmbench.training.processes import Child
from mmbench.views_file import read_metadata


def fit(
    job: Job,
    *,
    assignments: Path,
    records: Path,
    finished_seeds: Path,
    on_event: Callable[[Event], None] | None = None,
) -> list[Record]:
    """Train a block of seeds and write its two outputs; see `mmbench.runs`.

    A seed that ends `ok` is kept under `finished_seeds` at once, and a later call whose parameters,
    fingerprint, precision and data are the same takes it from there. One that failed is not
    kept: the later call tries it again. After the outputs are written, what `finished_seeds` holds of
    these seeds is removed; the folder stays, since another block may be about to write there.
    Only the saved state of a seed that was cut short stays (see `mmbench.methods.save_state`):
    a later call goes on from it, and from that of a seed whose block was stopped.

    What a method does wrong ends in the status of its seed. After an interrupt (Ctrl-C or
    SIGTERM) neither output is written; and if this process is killed, the child dies with it.

    Args:
        job: what to train.
        assignments: the .npz to write.
        records: the .json to write, after the other.
        finished_seeds: the folder for finished seeds, shared by the blocks of a data set, method and
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
        format_version=FORMAT_VERSION,
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
        told = _kept(finished_seeds, job.seeds, identity)
        for seed, run in told.items():
            tell(Event("done", seed, record=run.record))
        pending = [seed for seed in job.seeds if seed not in told]
        for seed in pending:
            for state in finished_seeds.glob(f"{seed}-*{STATE_SUFFIX}"):
                if not state.name.startswith(f"{seed}-{identity}-"):
                    state.unlink(missing_ok=True)
        if pending:
            with _sigterm_as_interrupt():
                trained = _train(job, pending, common, finished_seeds, identity, tell)
            for seed, record in trained.items():
                ok = record.status == "ok"
                told[seed] = _read_finished(finished_seeds, seed, identity) if ok else Run(record)

    runs = [told[seed] for seed in job.seeds]
    try:
        write_runs(runs, assignments, records)
    except BaseException:
        for output in (assignments, records):  # one without the other means nothing
            output.unlink(missing_ok=True)
        raise
    for record in (run.record for run in runs):
        # of earlier parameters and sources as well, and what a killed child was writing
        for part in [
            *finished_seeds.glob(f"{record.seed}-*"),
            *finished_seeds.glob(f".{record.seed}-*"),
        ]:
            if part.suffix != STATE_SUFFIX or record.status not in CUT_SHORT:
                part.unlink(missing_ok=True)
    return [run.record for run in runs]


def release(assignments: Path, records: Path, *, finished_seeds: Path) -> None:
    """Undo a block: remove its outputs, so that it is run again, and keep what ended `ok`.

    Args:
        assignments: the .npz of the block.
        records: its .json.
        finished_seeds: where `fit` looks for finished seeds.

    Raises:
        InputError: the block cannot be read.
    """
    for run in read_runs(assignments, records):
        if run.record.status == "ok":
            part = finished_seeds / f"{run.record.seed}-{_identity(run.record)}"
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


def _kept(finished_seeds: Path, seeds: Sequence[int], identity: str) -> dict[int, Run]:
    """Return the finished seeds among these that earlier calls left behind."""
    found = {}
    for seed in seeds:
        # no part, or one that a power failure cut short, is no result: the seed is trained
        with suppress(InputError):
            found[seed] = _read_finished(finished_seeds, seed, identity)
    return found


def _read_finished(finished_seeds: Path, seed: int, identity: str) -> Run:
    part = finished_seeds / f"{seed}-{identity}"
    (run,) = read_runs(part.with_suffix(".npz"), part.with_suffix(".json"))
    return run


def _train(
    job: Job,
    seeds: Sequence[int],
    common: Record,
    finished_seeds: Path,
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
            "finished_seeds": str(finished_seeds),
            "identity": identity,
            "waited": lease.waited,
        }
        while request["seeds"]:
            request["spawned"] = time.monotonic()
            with Child(request, job.threads, lease) as child:
                for record in _watch(child, request, job.timeout_minutes, tell):
                    ended[record.seed] = record
                    tell(Event("done", record.seed, record=record))
            request["seeds"] = [seed for seed in seeds if seed not in ended]
            request["waited"] = 0.0
    return ended


def _watch(
    child: Child, request: dict[str, Any], minutes: float, tell: Callable[[Event], None]
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


def _cut_short(now: Record, begins: float, child: Child) -> Record:
    """Return the record of a seed whose process ended before it did."""
    stage = "training" if "setup" in now.seconds else "setup"
    seconds = now.seconds | {stage: time.monotonic() - begins}
    return replace(now, log_tail=child.tail(), seconds=seconds | {"total": sum(seconds.values())})


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
