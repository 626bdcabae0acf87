"""The verb `fit`: train one block of seeds in a child process and record how each seed went.

The parent imports neither torch nor scikit-learn. It leases a device, starts the child, enforces
the time limit, and writes both outputs at the end. The child may be killed at any moment, by the
time limit, the kernel or itself; the parent then records what happened to the current seed and
starts another child for the seeds that remain.
"""

import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmbench.errors import InputError
from mmbench.runs import ASSIGNMENTS_FILE, RECORDS_FILE, Record, Run, RunKey, read_runs, write_runs
from mmbench.training import provenance
from mmbench.training.devices import leased
from mmbench.training.finished_seeds import FinishedSeeds
from mmbench.training.job import CUT_SHORT, SOUND, Event, Job
from mmbench.training.processes import Child
from mmbench.views_file import read_metadata


def fit(
    job: Job, folder: Path, *, on_event: Callable[[Event], None] = lambda event: None
) -> list[Record]:
    """Train a block of seeds and write its two files; see `mmbench.runs`.

    A seed that ends `ok` is stored at once in `.finished_seeds` beside the folder, and a later
    call whose run key is the same reuses it. A failed seed is not stored, so that the later call
    trains it again. After the outputs are written, the finished seeds of the block are removed.
    Only the saved state of an interrupted seed is kept (see `mmbench.methods.save_state`), from
    which a later call continues.

    An error in a method ends in the status of its seed. After an interrupt (Ctrl-C or SIGTERM)
    neither output is written. If this process is killed, the child dies with it.

    Raises:
        InputError: the views cannot be read, the method cannot be found, or a hyperparameter
            is wrong.
        OSError: an output or a finished seed cannot be written.
        KeyboardInterrupt: after an interrupt.
    """
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
        host=platform.node(),
        n_restarts=job.restarts,
        checkpoint=job.checkpoint,
    )
    finished = FinishedSeeds.beside(folder)
    if metadata.get("status") == "data_unavailable":
        reason = metadata.get("reason", "")
        runs = {seed: Run(replace(common, seed=seed, reason=reason)) for seed in job.seeds}
    else:
        key = RunKey.of(common).digest
        found = {seed: finished.read(seed, key) for seed in job.seeds}
        runs = {seed: run for seed, run in found.items() if run is not None}
    for seed, run in runs.items():
        on_event(Event("done", seed, record=run.record))
    pending = [seed for seed in job.seeds if seed not in runs]
    if pending:
        for seed in pending:
            finished.remove_states(seed, except_key=key)
        with _sigterm_as_interrupt():
            records = _train(job, pending, common, finished, key, on_event)
        for seed, record in records.items():
            trained = finished.read(seed, key) if record.status == "ok" else Run(record)
            if trained is None:
                raise InputError(f"{finished.folder}: expected seed {seed}, which ended ok")
            runs[seed] = trained

    ordered = [runs[seed] for seed in job.seeds]
    try:
        write_runs(ordered, folder)
    except BaseException:
        _remove_outputs(folder)  # one file without the other is useless
        raise
    for run in ordered:
        finished.remove(run.record.seed)
        if run.record.status not in CUT_SHORT:
            finished.remove_states(run.record.seed)
    return [run.record for run in ordered]


def reset_block(folder: Path) -> None:
    """Remove the outputs of a block, so that it is run again; seeds that ended `ok` are kept.

    Raises:
        InputError: the block cannot be read.
    """
    finished = FinishedSeeds.beside(folder)
    for run in read_runs(folder):
        if run.record.status == "ok":
            finished.add(run, RunKey.of(run.record).digest)
    _remove_outputs(folder)


def _remove_outputs(folder: Path) -> None:
    for name in (RECORDS_FILE, ASSIGNMENTS_FILE):
        (folder / name).unlink(missing_ok=True)


def _train(
    job: Job,
    seeds: Sequence[int],
    common: Record,
    finished: FinishedSeeds,
    key: str,
    on_event: Callable[[Event], None],
) -> dict[int, Record]:
    """Return the record of each seed, starting as many children as needed."""
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
            "finished_seeds": str(finished.folder),
            "key": key,
            "waited": lease.waited,
        }
        while request["seeds"]:
            request["spawned"] = time.monotonic()
            with Child(request, job.threads, lease) as child:
                for record in _watch(child, request, job.timeout_minutes, on_event):
                    ended[record.seed] = record
                    on_event(Event("done", record.seed, record=record))
            request["seeds"] = [seed for seed in seeds if seed not in ended]
            request["waited"] = 0.0
    return ended


def _watch(
    child: Child, request: dict[str, Any], minutes: float, on_event: Callable[[Event], None]
) -> Iterator[Record]:
    """Yield the record of each seed that ends, until the child ends or must be replaced."""
    pending = list(request["seeds"])
    begins = request["spawned"]
    deadline = begins + 60 * minutes
    spent = 0.0  # seconds that earlier processes spent on the current seed
    # the record of the current seed so far, in case the child ends without a message
    common = Record(**request["record"])
    now = replace(common, seed=pending[0], seconds={"waiting": request["waited"]})
    while pending:
        try:
            message = child.receive(deadline)
        except TimeoutError:
            reason = f"no result after {minutes:g} minutes"
            if spent:
                reason += f", {spent / 60:.1f} of them before it was resumed"
            now = replace(now, status="timed_out", reason=reason, memory=child.memory())
            child.stop()
            yield _interrupted(now, begins, child)
            return
        if message is None:
            status, reason = child.death()
            now = replace(now, status=status, reason=reason)
            yield _interrupted(now, begins, child)
            return
        match message["event"]:
            case "started":
                now = Record(**message["record"])
                begins = time.monotonic()
                on_event(Event("started", now.seed))
            case "restart":
                now = replace(now, losses={}, restarts=message["restarts"])
            case "resumed":
                now = replace(now, losses=message["losses"])
                spent += message["spent"]  # each of several restarts may be resumed
                begins -= message["spent"]
                deadline -= message["spent"]
            case "epoch":
                for name, value in message["figures"].items():
                    now.losses.setdefault(name, []).append((message["epoch"], value))
                loss = message["figures"].get("loss")
                on_event(Event("epoch", now.seed, message["epoch"], loss))
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
                now = replace(common, seed=pending[0])
            case "fault" if message["errno"] is not None:
                raise OSError(message["errno"], message["message"], message["file"])
            case _:
                raise InputError(message["message"])


def _interrupted(now: Record, begins: float, child: Child) -> Record:
    """Return the record of a seed whose process ended first."""
    stage = "training" if "setup" in now.seconds else "setup"
    seconds = now.seconds | {stage: time.monotonic() - begins}
    return replace(now, log_tail=child.tail(), seconds=seconds | {"total": sum(seconds.values())})


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, which schedulers send, have the effect of Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; the kernel still kills the child
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
