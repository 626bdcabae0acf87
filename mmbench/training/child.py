"""The process that trains: `python -m mmbench.training.child EVENTS LIFELINE`.

It is started by `mmbench.training.processes`, which sets the limits of threads and the visible
devices in its environment before anything is imported. It reads a request from its standard
input as a line of JSON, trains one seed after the other, writes each result that ended `ok`
whole, and reports what happens as JSON lines on the open file EVENTS. Between two seeds it
waits for a line of the parent's. It never opens a file of labels: it is given the path of the
views alone.
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

Tell = Callable[..., None]


def main() -> None:
    """Train what the request says, and leave without a clean-up that nobody needs."""
    events, lifeline = (int(argument) for argument in sys.argv[1:])
    _die_with(lifeline)
    # a method that reads its standard input finds none; the parent's lines are not for it
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    request = json.loads(commands.readline())
    with open(events, "w", encoding="utf-8") as channel:

        def tell(**event: Any) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            channel.write(json.dumps(event, allow_nan=False) + "\n")
            channel.flush()

        try:
            _train(request, tell, await_turn=commands.readline)
        except InputError as error:
            tell(event="fault", message=str(error), errno=None)
        except OSError as error:
            # some libraries raise it with a message alone
            told = {"message": error.strerror or str(error), "errno": error.errno or errno.EIO}
            tell(event="fault", file=error.filename, **told)
    os._exit(0)  # taking torch down in good order costs a third of a second


def _train(request: dict[str, Any], tell: Tell, await_turn: Callable[[], str]) -> None:
    """Train the seeds of a request, until one leaves the process in doubtful health."""
    common = Record(**request["record"])
    path = Path(request["views"])
    Dataset.load(path)  # an unreadable file is a fault of the job, whatever the method
    try:
        method = build(common.uses, common.params, where=common.method)
        params = json.loads(json.dumps(asdict(cast(Any, method))))
    except InputError:
        raise
    except Exception as error:  # the module itself is broken, for every seed alike
        traceback.print_exc()
        status, reason = _told(error)
        first, *alike = request["seeds"]
        ended = replace(common, seed=first, status=status, reason=reason)
        tell(event="ended", record=asdict(ended), alike=alike)
        return
    gc.freeze()  # what was imported stays; to look through it for each seed takes longer than some
    device = _usable(request["device"])
    common = replace(common, params=params, device=request["simulated"] or _model(device))
    setup_begins = request["spawned"]
    waiting = request["waited"]
    # a state may be continued only where the training gives the same bits as before the stop
    environment = digest([common.device, common.threads, provenance.versions()])[:8]
    finished = FinishedSeeds(Path(request["finished_seeds"]))
    save_every = seconds_between_writes()
    for position, seed in enumerate(request["seeds"]):
        begins = time.monotonic()
        seconds = {"waiting": waiting, "setup": begins - setup_begins}
        common = replace(common, versions=provenance.versions(), started=provenance.now())
        started = replace(common, seed=seed, seconds=seconds)
        tell(event="started", record=asdict(started))
        state_path = partial(finished.state_file, seed, request["key"], environment)
        states = partial(_state, state_path, save_every)
        train = partial(_train_seed, method, path, device, states=states, tell=tell)
        if started.n_restarts == 1:
            run = train(started)
        else:
            run = train_restarts(
                started, train, lambda ended: tell(event="restart", restarts=ended)
            )
        if run.record.status == "ok":
            finished.add(run, request["key"])
        if run.record.status not in CUT_SHORT:
            finished.remove_states(seed)
        # whether a method can work on the data does not depend on the seed
        refused = run.record.status == "not_applicable"
        alike = request["seeds"][position + 1 :] if refused else []
        tell(event="ended", record=asdict(run.record), alike=alike)
        if run.record.status not in SOUND:
            return
        await_turn()
        waiting, setup_begins = 0.0, time.monotonic()


def _train_seed(
    method: Method,
    views: Path,
    device: str,
    started: Record,
    *,
    states: Callable[[int], StateFile],
    tell: Tell,
) -> Run:
    """Return the run of one seed, however it ended.

    Args:
        method: to train.
        views: the file to cluster.
        device: as torch names it.
        started: the record, as it stands before training.
        states: gives the file for the state of a training with some seed.
        tell: told of each epoch.
    """
    # read again, since a method may have scaled the arrays of the last seed in place
    data = Dataset.load(views)
    _make_deterministic(started.seed, started.threads)
    gc.collect()
    provenance.reset_peak_memory()
    cuda = sys.modules["torch"].cuda if device == "cuda" and "torch" in sys.modules else None
    if cuda:
        cuda.reset_peak_memory_stats()
    state = states(started.seed)
    log = RunLog(
        data,
        lambda epoch, figures: tell(event="epoch", epoch=epoch, figures=figures),
        state=state,
        tell_resumed=lambda losses, spent: tell(event="resumed", losses=losses, spent=spent),
    )
    status: Status = "ok"
    reason = ""
    y_pred = None
    begins = time.monotonic()
    try:
        with _autocast(started.precision, device):
            returned = method.fit_predict(data, seed=started.seed, device=device, log=log)
        ends = time.monotonic()
        checked = assignments(returned, data.n_samples, data.n_clusters, "fit_predict returned")
        y_pred = checked.astype(np.int32)
    except Exception as error:
        ends = time.monotonic()
        status, reason = _told(error)
        if status in ("crashed", "out_of_memory"):
            traceback.print_exc()
    if status in CUT_SHORT:
        state.write()
    state.close()
    if log.diverged:  # even if the method caught the error, or stumbled over it
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
        versions=provenance.versions(),  # again: a method may import only when it runs
    )
    if status != "ok":
        return Run(record)
    history = np.array(log.history, dtype=np.int16) if log.history else None
    epochs = np.array(log.epochs, dtype=np.int32) if log.history else None
    return Run(record, y_pred, history, epochs, log.embedding, log.view_assignments)


def _state(path: Callable[[int], Path], every: float, training_seed: int) -> StateFile:
    return StateFile(path(training_seed), every)


def _told(error: Exception) -> tuple[Status, str]:
    """Return the status and the one-line reason of what a method raised."""
    message = " ".join(str(error).split())[:500]
    if isinstance(error, IncompatibleDataError):
        return "not_applicable", message
    if isinstance(error, FloatingPointError):
        return "diverged", message
    # torch has a type of its own on a GPU, and a plain RuntimeError where the host is full
    exhausted = ("out of memory", "can't allocate memory", "not enough memory")
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in message for words in exhausted)
    ):
        return "out_of_memory", message or type(error).__name__
    return "crashed", f"{type(error).__name__}: {message}"


def _make_deterministic(seed: int, threads: int) -> None:
    """Seed all that draws numbers; have torch refuse what it cannot repeat bit by bit."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - scikit-learn draws from it where none is given
    torch = sys.modules.get("torch")
    if torch is None:  # importing it costs more than most baselines
        return
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # what use_deterministic_algorithms(True) does, without its second of importing a compiler
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _autocast(precision: str, device: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which to train; only torch knows another than float32."""
    torch = sys.modules.get("torch")
    if precision == "float32" or torch is None:
        return contextlib.nullcontext()
    # The cache would keep the first bfloat16 copy of every weight until the context ends, and
    # one context holds the whole training: nothing would be learnt.
    context: contextlib.AbstractContextManager[Any] = torch.autocast(
        device, dtype=torch.bfloat16, cache_enabled=False
    )
    return context


def _usable(device: str) -> str:
    """Return the device to train on: the CPU where torch was built without CUDA."""
    torch = sys.modules.get("torch")
    if device == "cuda" and torch is not None and not torch.cuda.is_available():
        print("a GPU was leased, but torch sees none: training on the CPU", file=sys.stderr)
        return "cpu"
    return device


def _model(device: str) -> str:
    torch = sys.modules.get("torch")
    if device == "cuda" and torch is not None:
        return str(torch.cuda.get_device_name())
    return provenance.cpu_model()


def _die_with(lifeline: int) -> None:
    """Have the kernel kill this process group as soon as the parent has died, however it did.

    The parent alone holds the other end of the pipe `lifeline`, and writes nothing to it.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if select.select([lifeline], [], [], 0)[0]:  # it died before we listened
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
