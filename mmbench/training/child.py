"""The training process: `python -m mmbench.training.child EVENTS LIFELINE`.

It is started by `mmbench.training.processes`, which sets thread limits and visible devices in its
environment before anything is imported. It reads a request as a line of JSON from its standard
input, trains one seed after the other, stores each result that ended `ok`, and reports events as
lines of JSON on the open file EVENTS. Between two seeds it waits for a line from the parent. It
never opens a file of labels, since it only gets the path of the views.
"""

import contextlib
import errno
import fcntl
import gc
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from mmbench.data import Dataset, IncompatibleDataError
from mmbench.errors import InputError
from mmbench.files import digest
from mmbench.literals import Status
from mmbench.methods import Method, build
from mmbench.runs import Record, Run
from mmbench.training import provenance
from mmbench.training.finished_seeds import FinishedSeeds
from mmbench.training.job import CUT_SHORT, SOUND
from mmbench.training.log import RunLog, assignments
from mmbench.training.restarts import train_restarts
from mmbench.training.states import StateFile, seconds_between_writes

Report = Callable[..., None]


def main() -> None:
    """Train as requested, and exit without the slow clean-up of libraries."""
    events, lifeline = (int(argument) for argument in sys.argv[1:])
    _die_with(lifeline)
    # a method that reads its standard input must not consume the lines of the parent
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    request = json.loads(commands.readline())
    with open(events, "w", encoding="utf-8") as channel:

        def report(**event: Any) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            channel.write(json.dumps(event, allow_nan=False) + "\n")
            channel.flush()

        try:
            _train(request, report, await_turn=commands.readline)
        except InputError as error:
            report(event="fault", message=str(error), errno=None)
        except OSError as error:
            message = error.strerror or str(error)  # some libraries give only a message
            code = error.errno or errno.EIO
            report(event="fault", message=message, errno=code, file=error.filename)
    os._exit(0)  # an orderly shutdown of torch takes a third of a second


def _train(request: dict[str, Any], report: Report, await_turn: Callable[[], str]) -> None:
    """Train the seeds of a request, until one may have damaged the state of the process."""
    common = Record(**request["record"])
    path = Path(request["views"])
    Dataset.load(path)  # an unreadable file is an error of the job, not of the method
    try:
        method = build(common.uses, common.params, where=common.method)
        params = json.loads(json.dumps(asdict(cast(Any, method))))
    except InputError:
        raise
    except Exception as error:  # the module itself fails, and so does every seed
        traceback.print_exc()
        status, reason = _outcome(error)
        first, *alike = request["seeds"]
        ended = replace(common, seed=first, status=status, reason=reason)
        report(event="ended", record=asdict(ended), alike=alike)
        return
    gc.freeze()  # do not search imported modules for garbage after each seed
    device, model = _device(request["device"])
    common = replace(common, params=params, device=request["simulated"] or model)
    waiting, setup_begins = request["waited"], request["spawned"]
    # a state may be continued only where the training gives the same bits as before the stop
    environment = digest([common.device, common.threads, provenance.versions()])[:8]
    finished = FinishedSeeds(Path(request["finished_seeds"]))
    for position, seed in enumerate(request["seeds"]):
        begins = time.monotonic()
        seconds = {"waiting": waiting, "setup": begins - setup_begins}
        common = replace(common, versions=provenance.versions(), started=provenance.now())
        started = replace(common, seed=seed, seconds=seconds)
        report(event="started", record=asdict(started))
        state_path = partial(finished.state_file, seed, request["key"], environment)
        train = partial(_train_seed, method, path, device, state_path, report)
        run = train_restarts(started, train, lambda ended: report(event="restart", restarts=ended))
        if run.record.status == "ok":
            finished.add(run, request["key"])
        if run.record.status not in CUT_SHORT:
            finished.remove_states(seed)
        # whether a method accepts the data does not depend on the seed
        refused = run.record.status == "not_applicable"
        alike = request["seeds"][position + 1 :] if refused else []
        report(event="ended", record=asdict(run.record), alike=alike)
        if run.record.status not in SOUND:
            return
        await_turn()
        waiting, setup_begins = 0.0, time.monotonic()


def _train_seed(
    method: Method,
    views: Path,
    device: str,
    state_path: Callable[[int], Path],
    report: Report,
    started: Record,
) -> Run:
    # read again, since a method may have scaled the arrays of the last seed in place
    data = Dataset.load(views)
    _make_deterministic(started.seed, started.threads)
    gc.collect()
    provenance.reset_peak_memory()
    cuda = sys.modules["torch"].cuda if device == "cuda" and "torch" in sys.modules else None
    if cuda:
        cuda.reset_peak_memory_stats()
    state = StateFile(state_path(started.seed), seconds_between_writes())
    log = RunLog(
        data,
        lambda epoch, figures: report(event="epoch", epoch=epoch, figures=figures),
        state=state,
        on_resumed=lambda losses, spent: report(event="resumed", losses=losses, spent=spent),
    )
    status: Status = "ok"
    reason, y_pred = "", None
    begins = time.monotonic()
    try:
        with _autocast(started.precision, device):
            returned = method.fit_predict(data, seed=started.seed, device=device, log=log)
        ends = time.monotonic()
        y_pred = assignments(returned, data, "fit_predict returned").astype(np.int32)
    except Exception as error:
        ends = time.monotonic()
        status, reason = _outcome(error)
        if status in ("crashed", "out_of_memory"):
            traceback.print_exc()
    if status in CUT_SHORT:
        state.write()
    state.close()
    if log.diverged:  # even if the method caught the error or failed because of it
        status, reason, y_pred = "diverged", log.diverged, None
    trained = log.last_call or ends
    training = state.spent + trained - begins
    seconds = started.seconds | {"training": training, "inference": ends - trained}
    record = replace(
        started,
        status=status,
        reason=reason,
        losses=log.losses,
        seconds=seconds | {"total": sum(seconds.values())},
        memory={
            "host": provenance.peak_memory() or 0,
            "device": int(cuda.max_memory_allocated()) if cuda else 0,
        },
        versions=provenance.versions(),  # again, since a method may import modules while it runs
    )
    if status != "ok":
        return Run(record)
    history = np.array(log.history, dtype=np.int16) if log.history else None
    epochs = np.array(log.epochs, dtype=np.int32) if log.history else None
    return Run(record, y_pred, history, epochs, log.embedding, log.view_assignments)


def _outcome(error: Exception) -> tuple[Status, str]:
    """Return the status and the one-line reason for an exception of a method."""
    message = " ".join(str(error).split())[:500]
    if isinstance(error, IncompatibleDataError):
        return "not_applicable", message
    if isinstance(error, FloatingPointError):
        return "diverged", message
    # torch raises its own type on a GPU, and a RuntimeError when the host is out of memory
    exhausted = ("out of memory", "can't allocate memory", "not enough memory")
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in message for words in exhausted)
    ):
        return "out_of_memory", message or type(error).__name__
    return "crashed", f"{type(error).__name__}: {message}"


def _make_deterministic(seed: int, threads: int) -> None:
    """Seed all random generators, and let torch raise an error for nondeterministic operations."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the default of scikit-learn
    torch = sys.modules.get("torch")
    if torch is None:  # importing it takes longer than most baselines
        return
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # use_deterministic_algorithms(True) does the same, but imports a compiler for a second
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _autocast(precision: str, device: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context for training; only torch supports another precision than float32."""
    torch = sys.modules.get("torch")
    if precision == "float32" or torch is None:
        return contextlib.nullcontext()
    # One context spans the whole training. With the cache, the first bfloat16 copy of each
    # weight would be used until its end, and nothing would be learnt.
    context: contextlib.AbstractContextManager[Any] = torch.autocast(
        device, dtype=torch.bfloat16, cache_enabled=False
    )
    return context


def _device(leased: str) -> tuple[str, str]:
    """Return the device to train on, which is the CPU where torch has no CUDA, and its name."""
    torch = sys.modules.get("torch")
    if leased == "cuda" and torch is not None:
        if torch.cuda.is_available():
            return leased, str(torch.cuda.get_device_name())
        print("a GPU was leased, but torch finds none: training on the CPU", file=sys.stderr)
        leased = "cpu"
    return leased, provenance.cpu_model()


def _die_with(lifeline: int) -> None:
    """Let the kernel kill this process group as soon as the parent has ended, in whatever way.

    Only the parent holds the other end of the pipe `lifeline`, and it writes nothing to it.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if select.select([lifeline], [], [], 0)[0]:  # the parent has ended already
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
