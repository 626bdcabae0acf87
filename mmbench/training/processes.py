"""The process that trains, seen from the one that watches it: pipes, clock and limits.

The child tells what happens as lines of JSON, prints what it likes, and waits for a word before
each further seed. It can end at any moment, and nothing of what it said before is lost.
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
    """The process that trains, with its process group and the pipes to and from it.

    Args:
        request: what to train, as `mmbench.training.child` reads it.
        threads: that it may use.
        lease: the devices that it may see; it holds their locks as long as it lives.
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
