"""The training process as seen by its parent: pipes, time limit and environment.

The child reports events as lines of JSON, may print anything, and waits for a line before each
further seed. It may end at any moment; events that it reported before are not lost.
"""

import codecs
import json
import os
import select
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

from mmbench.literals import Status
from mmbench.training import provenance
from mmbench.training.devices import Lease

_TAIL_LINES = 20
_TAIL_CHARACTERS = 8000
_GRACE = 10.0  # seconds between asking a process to end and killing it
_PIPE_BYTES = 65536  # as much as a pipe holds


class Child:
    """The training process, with its process group and pipes.

    It holds the locks of its lease while it runs.
    """

    def __init__(self, request: dict[str, Any], threads: int, lease: Lease) -> None:
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
            env=_environment(threads, lease),
            pass_fds=(events, lifeline, *lease.files),
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
        self._send(json.dumps(request))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Kill what is left of the process group and close all files."""
        try:
            if kind is KeyboardInterrupt:
                self.stop()
        finally:  # also after a second interrupt
            self._kill()
            self._process.wait()
            self._selector.close()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            for file in (self._events, self._lifeline, self._exit):
                os.close(file)

    def receive(self, deadline: float) -> dict[str, Any] | None:
        """Return the next event, or None when the process has ended.

        Raises:
            TimeoutError: `time.monotonic` has passed `deadline`.
        """
        while not self._messages and not self._gone:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ready = {key.fd for key, _ in self._selector.select(min(left, 60))}
            self._gone = self._exit in ready
            if self._gone:
                self._kill()  # its own children may hold the pipes open
            # In this order, so that each printed line is assigned to its seed: the child flushes
            # its output before it reports an event, and waits for `go_on` before the next seed.
            self._drain_events()
            self._drain_output()
        return self._messages.popleft() if self._messages else None

    def death(self) -> tuple[Status, str]:
        """Return the status and the reason for the end of the process."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "out_of_memory", (
                "killed by signal 9 (Killed), most likely by the kernel because memory ran out;"
                " this is a guess, since the kernel gives no reason"
            )
        if code < 0:
            return "crashed", f"killed by signal {-code} ({signal.strsignal(-code)})"
        return "crashed", f"the process ended with exit status {code} before the seed did"

    def memory(self) -> dict[str, int]:
        """Return the peak memory of the process while it runs."""
        peak = provenance.peak_memory(self._process.pid)
        return {} if peak is None else {"host": peak}

    def tail(self) -> str:
        """Return the last lines that the process printed for the current seed."""
        return "\n".join(self._tail.splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """Ask the process to end, and give it some seconds to save its state."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        select.select([self._exit], [], [], _GRACE)

    def go_on(self) -> None:
        """Let the process begin the next seed; printed lines from now on belong to that seed."""
        self._tail = ""
        self._send("")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # `receive` reports that the process has ended
            self._process.stdin.write(line.encode() + b"\n")

    def _kill(self) -> None:
        # the process was not waited for, so its number is not reused yet
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
        """Yield the content of a pipe: one buffer while the process runs, everything afterwards."""
        with suppress(BlockingIOError):
            while read := os.read(file, _PIPE_BYTES):
                yield read
                if not self._gone:
                    return
            # end of file: no process holds the other end any more
            with suppress(KeyError):
                self._selector.unregister(file)


def _environment(threads: int, lease: Lease) -> dict[str, str]:
    """Return the environment of a child, with limits that libraries read when they are loaded."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(limits, str(threads)),
        "CUDA_VISIBLE_DEVICES": ",".join(lease.devices),  # empty hides devices that are not leased
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS is not deterministic
        "PYTHONHASHSEED": "0",
        # the child can import whatever this process can
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }
